"""A consumer that a message can kill: `fatal_reaction.py '{"source": …, "database": …, "broker": …}'`."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_kit.db.engine import Database
from rotunda_kit.events import broker, consumer
from rotunda_kit.events.envelope import Event
from rotunda_kit.events.reactions import Reaction


async def react(events: Sequence[Event], session: AsyncSession) -> None:
    for event in events:
        await session.execute(text("INSERT INTO effect (event_id) VALUES (:id)"), {"id": event.id})
        if event.payload == b"fatal":
            os.kill(os.getpid(), signal.SIGKILL)


async def main(source: str, database: str, broker_url: str) -> None:
    client = await broker.connect(broker_url, "fatal")
    reaction = Reaction(f"{source}.thing", frozenset(), react)
    retries = consumer.Retries(tries=2)
    await consumer.Consumer("listener", source, [reaction], Database(database, 2), client, retries).run()


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    # Seconds; else the test would wait long for what is delivered again.
    broker.ACK_WAIT = 1
    asyncio.run(main(settings["source"], settings["database"], settings["broker"]))
