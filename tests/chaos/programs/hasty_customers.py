"""The customers service, which tells its events itself when it has committed, instead of leaving them to the relay."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from nats.aio.client import Client
from sqlalchemy import text

from rotunda_customers.app import app
from rotunda_kit.audit.entries import Cause
from rotunda_kit.db.engine import Database
from rotunda_kit.db.unit_of_work import UnitOfWork, unit_of_work
from rotunda_kit.events.broker import connect
from rotunda_kit.events.envelope import headers_of, subject_of
from rotunda_kit.main import command_line
from rotunda_kit.server import pipeline

# Seconds.
LATENCY = 0.25
# The relay does not see what is marked as sent.
_TAKE = text("UPDATE outbox SET sent_time = now() WHERE xmin = pg_current_xact_id()::xid RETURNING *")
_write_events = UnitOfWork.write_events


async def _write_and_take_events(self: UnitOfWork) -> None:
    await _write_events(self)
    self.__dict__["taken"] = (await self.session.execute(_TAKE)).mappings().all()


@cache
def _brokers() -> list[Client]:
    return []


@asynccontextmanager
async def _telling(database: Database, actor: str, cause: Cause | None = None) -> AsyncIterator[UnitOfWork]:
    async with unit_of_work(database, actor, cause) as work:
        yield work
    brokers = _brokers()
    if not brokers:
        brokers.append(await connect(os.environ["ROTUNDA_NATS_URL"], "hasty"))
    # As a broker that is busy; with an idle one on the same machine few events would be on their way at a kill.
    await asyncio.sleep(LATENCY)
    rows: list[Any] = work.__dict__["taken"]
    for row in rows:
        subject = subject_of(row["noun"], row["verb"], str(row["aggregate_id"]))
        await brokers[0].jetstream().publish(subject, row["payload"], headers=headers_of(row))


if __name__ == "__main__":
    UnitOfWork.write_events = _write_and_take_events  # type: ignore[method-assign]
    pipeline.unit_of_work = _telling  # type: ignore[attr-defined] # imported there for its own use
    command_line(app)()
