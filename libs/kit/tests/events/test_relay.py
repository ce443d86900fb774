"""The relay publishes every row of the outbox, in order."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig
from sqlalchemy import insert, text

from rotunda_kit.db.engine import Database
from rotunda_kit.db.tables import outbox
from rotunda_kit.embedded import NatsServer
from rotunda_kit.embedded.ports import free_ports
from rotunda_kit.events import relay as relay_module
from rotunda_kit.events.broker import connect, provision_stream
from rotunda_kit.events.envelope import event_of, stream_of
from rotunda_kit.events.relay import Relay
from rotunda_kit.model import new_id, now
from rotunda_kit.runtime import end
from rotunda_kit.testing.waiting import eventually

# Whose relay leads.
LEADER = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def row(service: str, aggregate_id: UUID, version: int) -> dict[str, Any]:
    return {
        "event_id": new_id(),
        "noun": f"{service}.thing",
        "verb": "changed",
        "aggregate_id": aggregate_id,
        "aggregate_version": version,
        "time": now(),
        "actor": "test",
        "traceparent": "",
        "payload": f"version {version}".encode(),
    }


async def write(database: Database, rows: Sequence[dict[str, Any]]) -> None:
    async with database.transaction() as session:
        await session.execute(insert(outbox), rows)


async def count(database: Database, condition: str) -> int:
    async with database.reading() as connection:
        return int(await connection.scalar(text(f"SELECT count(*) FROM outbox WHERE {condition}")) or 0)


async def leader(database: Database) -> int | None:
    async with database.reading() as connection:
        pid: int | None = await connection.scalar(text(LEADER))
        return pid


def all_sent(database: Database) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return await count(database, "sent_time IS NULL") == 0

    return asked


async def published(broker: Client, service: str) -> list[Msg]:
    """Everything in the stream, in its order."""
    jetstream = broker.jetstream()
    expected = (await jetstream.stream_info(stream_of(service))).state.messages
    subscription = await jetstream.pull_subscribe(
        f"crm.{service}.>", stream=stream_of(service), config=ConsumerConfig(ack_policy=AckPolicy.NONE)
    )
    messages: list[Msg] = []
    while len(messages) < expected:
        messages += await subscription.fetch(1000, timeout=5)
    await subscription.unsubscribe()
    return messages


def versions_told(messages: Sequence[Msg]) -> dict[str, list[int]]:
    """The versions of each aggregate, in the order of the stream."""
    told: dict[str, list[int]] = {}
    for message in messages:
        headers = message.headers or {}
        told.setdefault(headers["ce-subject"], []).append(int(headers["ce-aggregateversion"]))
    return told


@asynccontextmanager
async def running(*relays: Relay) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(relay.run()) for relay in relays]
    try:
        yield
    finally:
        await end(tasks)


class TestOneRelay:
    async def test_rows_are_published_in_their_order_and_marked(
        self, service: str, database: Database, broker: Client
    ) -> None:
        things = [new_id() for _ in range(20)]
        rows = [row(service, things[number % 20], number // 20 + 1) for number in range(1200)]
        await write(database, rows)
        async with running(Relay(service, database.url, broker)):
            await eventually(all_sent(database))
        messages = await published(broker, service)
        assert [(message.headers or {})["ce-id"] for message in messages] == [str(row["event_id"]) for row in rows]

    async def test_a_message_carries_all_that_the_row_knows(
        self, service: str, database: Database, broker: Client
    ) -> None:
        thing = row(service, new_id(), 7)
        await write(database, [thing])
        async with running(Relay(service, database.url, broker)):
            await eventually(all_sent(database))
        (message,) = await published(broker, service)
        assert message.subject == f"crm.{service}.thing.changed.v1.{thing['aggregate_id']}"
        event = event_of(message.headers or {}, message.data)
        assert event.type == f"{service}.thing.changed"
        assert event.id == thing.pop("event_id")
        assert {name: getattr(event, name) for name in thing} == thing

    async def test_rows_that_were_published_but_not_marked_are_in_the_stream_once(
        self, service: str, database: Database, broker: Client
    ) -> None:
        await write(database, [row(service, new_id(), 1) for _ in range(100)])
        async with running(Relay(service, database.url, broker)):
            await eventually(all_sent(database))
            # As if it had died between the acknowledgement and the mark.
            async with database.transaction() as session:
                await session.execute(text("UPDATE outbox SET sent_time = NULL"))
            await eventually(all_sent(database))
        assert len(await published(broker, service)) == 100

    @pytest.mark.embedded
    async def test_what_is_written_while_the_broker_is_away_is_published_when_it_comes_back(
        self, service: str, database: Database, tmp_path: Path
    ) -> None:
        port, monitoring_port = free_ports(2)
        server = NatsServer(tmp_path, port, monitoring_port, durable=False)
        server.start()
        broker = await connect(server.url, "test")
        rows = [row(service, new_id(), 1) for _ in range(10)]
        try:
            async with running(Relay(service, database.url, broker)):
                await write(database, rows[:5])
                await eventually(all_sent(database))
                server.kill()
                await write(database, rows[5:])
                assert await count(database, "sent_time IS NULL") == 5
                server.start()
                await eventually(all_sent(database), timeout=30)
            messages = await published(broker, service)
        finally:
            await broker.close()
            server.stop()
        assert [(message.headers or {})["ce-id"] for message in messages] == [str(row["event_id"]) for row in rows]


@pytest.mark.embedded
class TestBusyBroker:
    async def test_what_it_refuses_comes_again_before_what_happened_later_to_the_same_aggregate(
        self, service: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(relay_module, "PUBLISH_TIMEOUT", 0.5)
        monkeypatch.setattr(relay_module, "RETRY", 0.1)
        server = NatsServer(tmp_path, *free_ports(2), durable=True)
        server.prepare()
        configuration = json.loads((tmp_path / "nats.conf").read_text())
        # Of a batch it takes the first ones, and later ones again.
        configuration["jetstream"]["max_buffered_msgs"] = 4
        (tmp_path / "nats.conf").write_text(json.dumps(configuration))
        server.launch()
        server.wait_ready()
        broker = await connect(server.url, "test")
        things = [new_id() for _ in range(10)]
        await write(database, [row(service, things[number % 10], number // 10 + 1) for number in range(100)])
        try:
            async with running(Relay(service, database.url, broker)):
                await eventually(all_sent(database), timeout=60)
            messages = await published(broker, service)
        finally:
            await broker.close()
            server.stop()
        assert versions_told(messages) == {str(thing): list(range(1, 11)) for thing in things}


@pytest.fixture
def publishing(monkeypatch: pytest.MonkeyPatch) -> dict[Relay, int]:
    """How many rows each relay has published."""
    counted: dict[Relay, int] = {}
    publish = Relay._publish

    async def count(self: Relay, rows: Sequence[Any]) -> list[int]:
        counted[self] = counted.get(self, 0) + len(rows)
        return await publish(self, rows)

    monkeypatch.setattr(Relay, "_publish", count)
    return counted


class TestTwoRelays:
    async def test_only_one_publishes(
        self, service: str, database: Database, broker: Client, publishing: dict[Relay, int]
    ) -> None:
        async with running(*(Relay(service, database.url, broker) for _ in range(2))):
            for version in range(1, 101):
                await write(database, [row(service, new_id(), version)])
            await eventually(all_sent(database))
        assert list(publishing.values()) == [100]

    async def test_without_the_lock_both_would(
        self,
        service: str,
        database: Database,
        broker: Client,
        publishing: dict[Relay, int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        both, send = asyncio.Barrier(2), Relay._publish

        async def together(self: Relay, rows: Sequence[Any]) -> list[int]:
            await both.wait()
            return await send(self, rows)

        monkeypatch.setattr(Relay, "_publish", together)
        async with running(Relay(service, database.url, broker)):
            await eventually(lambda: leader(database))
            monkeypatch.setattr(relay_module, "LOCK_KEY", relay_module.LOCK_KEY + 1)
            async with running(Relay(service, database.url, broker)):
                await write(database, [row(service, new_id(), 1)])
                await eventually(all_sent(database))
        assert list(publishing.values()) == [1, 1]

    @pytest.mark.parametrize("ends", [0, 4])
    async def test_side_by_side_they_lose_nothing_and_keep_the_order_of_each_aggregate(
        self, service: str, database: Database, broker: Client, ends: int
    ) -> None:
        writers, writes, things = 10, 60, [new_id() for _ in range(5)]
        async with database.transaction() as session:
            await session.execute(text("CREATE TABLE thing (id uuid PRIMARY KEY, version bigint NOT NULL DEFAULT 0)"))
            await session.execute(text("INSERT INTO thing (id) VALUES (:id)"), [{"id": thing} for thing in things])

        async def change(writer: int) -> None:
            for number in range(writes):
                thing = things[(writer + number) % len(things)]
                async with database.transaction() as session:
                    raised = text("UPDATE thing SET version = version + 1 WHERE id = :id RETURNING version")
                    version = await session.scalar(raised, {"id": thing})
                    await session.execute(insert(outbox), [row(service, thing, int(version))])

        async def end_the_leader() -> None:
            for _ in range(ends):
                async with database.transaction() as session:
                    await session.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({LEADER}) AS leader"))
                await eventually(lambda: leader(database))

        await provision_stream(broker.jetstream(), service)
        async with running(*(Relay(service, database.url, broker) for _ in range(2))):
            await eventually(lambda: leader(database))
            await asyncio.gather(end_the_leader(), *map(change, range(writers)))
            await eventually(all_sent(database), timeout=20)
        told = versions_told(await published(broker, service))
        assert sorted(told) == sorted(map(str, things))
        assert sum(map(len, told.values())) == writers * writes
        for versions in told.values():
            assert versions == list(range(1, len(versions) + 1))
