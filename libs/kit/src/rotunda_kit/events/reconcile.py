"""Are the copies as new as what they are copies of? Asks the owners, and has them tell again what is missing or old.

The owner's worker answers on the internal subjects `rotunda.versions.<service>` (pages of id, version and whether it is
deleted), `rotunda.known.<service>` (which of some ids there are) and `rotunda.restate.<service>` (tells the state of
records again). Requests and answers are JSON.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import select, text

from rotunda_kit.db.engine import Database
from rotunda_kit.events.references import Copy
from rotunda_kit.events.republish import FIRST, restate, told_nouns

log = structlog.get_logger()

PAGE = 500
# Seconds.
TIMEOUT = 10.0
RETRY = 60.0
# Seconds between two pages of a pass that nobody waits for.
PAUSE = 0.2
# Seconds. What changed later may still be on its way.
SETTLED = 60.0
QUEUE = "owners"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one kind of copy was like.

    `compared`, `missing`, `old` and `unknown` (copies of what the owner has not, as after it was restored to an earlier
    state) are numbers of records; `told` is how many the owner tells again.
    """

    noun: str
    compared: int
    missing: int
    old: int
    told: int
    unknown: int = 0


class Owner:
    """Answers for the records of one service.

    Args:
        service: as in the proto package.
        database: of the service.
        broker: connected to NATS.
    """

    def __init__(self, service: str, database: Database, broker: Client) -> None:
        self._service = service
        self._database = database
        self._broker = broker
        self._models = {model.__noun__: model for model in told_nouns(service)}

    async def run(self) -> None:
        """Answer until cancelled."""
        subscriptions = [
            await self._broker.subscribe(f"rotunda.{what}.{self._service}", QUEUE, self._answering(answer))
            for what, answer in (("versions", self._versions), ("known", self._known), ("restate", self._restate))
        ]
        try:
            await asyncio.Event().wait()
        finally:
            for subscription in subscriptions:
                await subscription.unsubscribe()

    def _answering(self, answer: Callable[[Any], Awaitable[Any]]) -> Callable[[Msg], Awaitable[None]]:
        async def respond(message: Msg) -> None:
            try:
                content = await answer(orjson.loads(message.data))
            except Exception as error:  # who asks will ask again
                log.warning("owner could not answer", subject=message.subject, error=type(error).__name__)
            else:
                await message.respond(orjson.dumps(content))

        return respond

    async def _versions(self, asked: Any) -> list[list[Any]]:
        table: Any = self._models[asked["noun"]].__table__  # type: ignore[attr-defined] # every concrete mapped class has one
        settled = text("update_time < now() - make_interval(secs => :settled)").bindparams(settled=asked["settled"])
        statement = (
            select(table.c.id, table.c.version, table.c.delete_time.is_not(None))
            .where(table.c.id > UUID(asked["after"]), settled)
            .order_by(table.c.id)
            .limit(PAGE)
        )
        async with self._database.reading() as connection:
            return [[str(row[0]), row[1], row[2]] for row in await connection.execute(statement)]

    async def _known(self, asked: Any) -> list[str]:
        table: Any = self._models[asked["noun"]].__table__  # type: ignore[attr-defined] # every concrete mapped class has one
        statement = select(table.c.id).where(table.c.id.in_([UUID(record_id) for record_id in asked["ids"]]))
        async with self._database.reading() as connection:
            return [str(record_id) for record_id in await connection.scalars(statement)]

    async def _restate(self, asked: Any) -> int:
        model = self._models[asked["noun"]]
        table: Any = model.__table__  # type: ignore[attr-defined] # every concrete mapped class has one
        wanted = [UUID(record_id) for record_id in asked["ids"]]
        async with self._database.transaction() as session:
            # Those who took this state in before have lost it.
            return len(await restate(session, model, table.c.id.in_(wanted), fresh=True))


class Reconciler:
    """Compares the copies of one service.

    Args:
        copies: that it keeps.
        database: of the service.
        broker: connected to NATS.
        settled: seconds since the last change of the records that are compared.
    """

    def __init__(self, copies: Sequence[Copy], database: Database, broker: Client, settled: float = SETTLED) -> None:
        self._copies = copies
        self._database = database
        self._broker = broker
        self._settled = settled

    async def run(self, interval: float) -> None:
        """A pass every `interval` seconds, until cancelled; the first one somewhen within the first interval."""
        # Or all workers would ask at the same time.
        await asyncio.sleep(random.uniform(0, interval))  # noqa: S311 - no secret
        while True:
            try:
                async for finding in self.compare(PAUSE):
                    if finding.told:
                        log.warning(
                            "copies mended",
                            noun=finding.noun,
                            missing=finding.missing,
                            old=finding.old,
                            told=finding.told,
                        )
                await asyncio.sleep(interval)
            except Exception as error:  # an owner is away, or the broker or the database is
                log.warning("reconciliation interrupted", error=type(error).__name__)
                await asyncio.sleep(min(RETRY, interval))

    async def compare(self, pause: float = 0.0, *, forget: bool = False) -> AsyncIterator[Finding]:
        """Compare every kind of copy, and have told again what is missing or old.

        Args:
            pause: seconds between two pages.
            forget: whether copies of what the owner does not have are looked for, and taken for deleted.

        Raises:
            nats.errors.Error: an owner does not answer.
        """
        for copy in self._copies:
            finding = await self._compare(copy, pause)
            yield replace(finding, unknown=await self._forget(copy)) if forget else finding

    async def _compare(self, copy: Copy, pause: float) -> Finding:
        compared = missing = old = told = 0
        after = FIRST
        while True:
            request = {"noun": copy.noun, "after": str(after), "settled": self._settled}
            page = {UUID(row[0]): (row[1], row[2]) for row in await self._ask("versions", copy, request)}
            if not page:
                return Finding(copy.noun, compared, missing, old, told)
            kept = await self._kept(copy, list(page))
            # Nobody misses what was deleted before he heard of it.
            gone = [str(key) for key, (_, deleted) in page.items() if key not in kept and not deleted]
            stale = [str(key) for key, (version, _) in page.items() if key in kept and kept[key] < version]
            if gone or stale:
                told += await self._ask("restate", copy, {"noun": copy.noun, "ids": gone + stale})
            compared, missing, old, after = compared + len(page), missing + len(gone), old + len(stale), max(page)
            await asyncio.sleep(pause)

    async def _forget(self, copy: Copy) -> int:
        """Take copies of what the owner does not have for deleted; returns how many there were."""
        unknown, after = 0, FIRST
        living = select(copy.table.c.id).where(~copy.table.c.deleted).order_by(copy.table.c.id).limit(PAGE)
        while True:
            async with self._database.reading() as connection:
                ids = (await connection.scalars(living.where(copy.table.c.id > after))).all()
            if not ids:
                return unknown
            asked = [str(record_id) for record_id in ids]
            known = set(await self._ask("known", copy, {"noun": copy.noun, "ids": asked}))
            gone = [record_id for record_id in ids if str(record_id) not in known]
            if gone:
                async with self._database.transaction() as session:
                    await copy.forget(session, gone)
            unknown, after = unknown + len(gone), max(ids)

    async def _kept(self, copy: Copy, ids: list[UUID]) -> dict[UUID, int]:
        statement = select(copy.table.c.id, copy.table.c.version).where(copy.table.c.id.in_(ids))
        async with self._database.reading() as connection:
            return {row.id: row.version for row in await connection.execute(statement)}

    async def _ask(self, what: str, copy: Copy, request: dict[str, Any]) -> Any:
        owner = copy.noun.split(".")[0]
        answer = await self._broker.request(f"rotunda.{what}.{owner}", orjson.dumps(request), timeout=TIMEOUT)
        return orjson.loads(answer.data)
