"""A message that ends its process each time is given up by the broker, and becomes a dead letter."""

import asyncio
import json
import signal
import sys
from pathlib import Path

from nats.aio.client import Client
from sqlalchemy import select, text

from rotunda_kit.db.engine import Database
from rotunda_kit.db.tables import dead_letter
from rotunda_kit.embedded import Nats
from rotunda_kit.events.advisories import ERROR, Advisories
from rotunda_kit.events.broker import provision_stream
from rotunda_kit.events.envelope import headers_of, subject_of
from rotunda_kit.model import new_id, now
from rotunda_kit.runtime import end
from rotunda_kit.testing.waiting import eventually

PROGRAM = Path(__file__).parent / "programs" / "fatal_reaction.py"


class TestFatalMessage:
    async def test_it_becomes_a_dead_letter_and_the_others_have_their_effect_once(
        self, service: str, database: Database, broker: Client, nats: Nats
    ) -> None:
        async with database.transaction() as session:
            await session.execute(text("CREATE TABLE effect (event_id uuid NOT NULL)"))
        await provision_stream(broker.jetstream(), service)
        rows = [
            {
                "event_id": new_id(),
                "noun": f"{service}.thing",
                "verb": "changed",
                "aggregate_id": new_id(),
                "aggregate_version": 1,
                "time": now(),
                "actor": "test",
                "traceparent": "",
                "payload": b"fatal" if number == 7 else b"harmless",
            }
            for number in range(20)
        ]
        for row in rows:
            subject = subject_of(str(row["noun"]), "changed", str(row["aggregate_id"]))
            await broker.jetstream().publish(subject, row["payload"], headers=headers_of(row))  # type: ignore[arg-type]
        advisories = asyncio.create_task(Advisories("listener", [service], database, broker).run())
        ended: list[int] = []

        async def live() -> None:
            settings = json.dumps({"source": service, "database": database.url, "broker": nats.url})
            while True:
                process = await asyncio.create_subprocess_exec(sys.executable, str(PROGRAM), settings)
                try:
                    ended.append(await process.wait())
                finally:
                    if process.returncode is None:
                        process.kill()
                        await process.wait()

        async def dead() -> list[tuple[str, str]]:
            async with database.reading() as connection:
                found = await connection.execute(select(dead_letter.c.event_id, dead_letter.c.error))
                return [(row.event_id, row.error) for row in found]

        async def effects() -> list[str]:
            async with database.reading() as connection:
                return list(await connection.scalars(text("SELECT event_id::text FROM effect ORDER BY event_id")))

        living = asyncio.create_task(live())
        try:
            await eventually(dead, 60)
            harmless = sorted(str(row["event_id"]) for row in rows if row["payload"] == b"harmless")

            async def all_effective() -> bool:
                return await effects() == harmless

            await eventually(all_effective, 30)
        finally:
            await end([living, advisories])
        assert await dead() == [(str(rows[7]["event_id"]), ERROR)]
        assert set(ended) == {-signal.SIGKILL}
