"""The sales service with one reaction more, which counts how often each event about an account had its effect.

Every seventh of its acknowledgements gets lost, so that the broker delivers again what was taken in.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import asyncpg
from nats.aio.msg import Msg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_kit.events import broker
from rotunda_kit.events.envelope import Event
from rotunda_kit.events.reactions import Reaction
from rotunda_kit.main import command_line
from rotunda_sales.app import app

_TABLE = "CREATE TABLE IF NOT EXISTS event_effect (event_id uuid PRIMARY KEY, effects bigint NOT NULL)"
_COUNT = text(
    "INSERT INTO event_effect VALUES (:id, 1) ON CONFLICT (event_id) DO UPDATE SET effects = event_effect.effects + 1"
)
_acknowledge = Msg.ack
_acknowledgements = count(1)


async def _count(events: Sequence[Event], session: AsyncSession) -> None:
    for event in events:
        await session.execute(_COUNT, {"id": event.id})


async def _acknowledge_or_not(message: Msg) -> None:
    if next(_acknowledgements) % 7:
        await _acknowledge(message)


async def _create_table() -> None:
    connection = await asyncpg.connect(os.environ["ROTUNDA_DATABASE_URL"])
    await connection.execute(_TABLE)
    await connection.close()


def main() -> None:
    asyncio.run(_create_table())
    # Seconds; else the test would wait long for what is delivered again.
    broker.ACK_WAIT = 2
    command_line(replace(app, reactions=[*app.reactions, Reaction("customers.account", frozenset(), _count)]))()


if __name__ == "__main__":
    Msg.ack = _acknowledge_or_not  # type: ignore[method-assign, assignment]
    main()
