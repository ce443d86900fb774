"""Networks that lose packets in silence: nobody is told that the other side is gone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import urlsplit

import pytest
from nats.aio.client import Client
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_kit.db import engine
from rotunda_kit.db.engine import Database
from rotunda_kit.db.tables import outbox
from rotunda_kit.embedded import Nats
from rotunda_kit.events import broker as broker_module
from rotunda_kit.events import relay as relay_module
from rotunda_kit.events.broker import connect, provision_stream
from rotunda_kit.events.consumer import Consumer
from rotunda_kit.events.envelope import Event
from rotunda_kit.events.reactions import Reaction
from rotunda_kit.events.relay import Relay
from rotunda_kit.model import new_id, now
from rotunda_kit.runtime import end
from rotunda_kit.testing.waiting import eventually


class Wire:
    """A way to a server; the connections that go over it can be cut so that neither side notices."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._connections: list[asyncio.Task[None]] = []
        # Closing one would tell the other side.
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = self._target.geturl().replace(f"{self._target.hostname}:{self._target.port}", f"127.0.0.1:{port}")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await end(self._connections)
        for writer in self._writers:
            writer.close()

    async def cut(self) -> None:
        """Carry nothing any more over the connections of now."""
        await end(self._connections)
        self._connections.clear()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers += [writer, far_writer]
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            self._connections.append(asyncio.create_task(self._carry(source, sink)))

    @staticmethod
    async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes half a minute in earnest takes a second."""
    monkeypatch.setattr(engine, "COMMAND_TIMEOUT", 0.5)
    monkeypatch.setattr(broker_module, "PING_INTERVAL", 0.2)
    monkeypatch.setattr(relay_module, "LONGEST_SILENCE", 1)
    monkeypatch.setattr(relay_module, "PUBLISH_TIMEOUT", 1.0)


@pytest.fixture
async def wire_to_database(database: Database) -> AsyncIterator[Wire]:
    async with Wire(database.url) as wire:
        yield wire


@pytest.fixture
async def wire_to_broker(nats: Nats) -> AsyncIterator[Wire]:
    async with Wire(nats.url) as wire:
        yield wire


@pytest.fixture
async def far_broker(wire_to_broker: Wire) -> AsyncIterator[Client]:
    client = await connect(wire_to_broker.url, "far")
    yield client
    await client.close()


@asynccontextmanager
async def running(*workers: Relay | Consumer) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield
    finally:
        await end(tasks)


async def write(database: Database, service: str) -> None:
    row = {
        "event_id": new_id(),
        "noun": f"{service}.thing",
        "verb": "changed",
        "aggregate_id": new_id(),
        "aggregate_version": 1,
        "time": now(),
        "actor": "test",
        "traceparent": "",
        "payload": b"",
    }
    async with database.transaction() as session:
        await session.execute(insert(outbox), [row])


def all_sent(database: Database) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        async with database.reading() as connection:
            return not await connection.scalar(text("SELECT count(*) FROM outbox WHERE sent_time IS NULL"))

    return asked


class TestDatabase:
    async def test_who_waits_for_it_is_told_and_who_comes_next_is_served(self, wire_to_database: Wire) -> None:
        far = Database(wire_to_database.url, 1)

        async def ask() -> None:
            async with far.transaction() as session:
                await session.execute(text("SELECT 1"))

        await ask()
        await wire_to_database.cut()
        async with asyncio.timeout(20):
            with pytest.raises(TimeoutError):
                await ask()
            await ask()
        await far.close()


class TestRelay:
    async def test_one_that_is_not_heard_of_any_more_makes_way(
        self, service: str, database: Database, broker: Client, wire_to_database: Wire
    ) -> None:
        async with running(Relay(service, wire_to_database.url, broker)):
            await write(database, service)
            await eventually(all_sent(database))
            await wire_to_database.cut()
            async with running(Relay(service, database.url, broker)):
                await write(database, service)
                await eventually(all_sent(database), timeout=20)

    async def test_finds_the_broker_again(
        self, service: str, database: Database, far_broker: Client, wire_to_broker: Wire
    ) -> None:
        async with running(Relay(service, database.url, far_broker)):
            await write(database, service)
            await eventually(all_sent(database))
            await wire_to_broker.cut()
            await write(database, service)
            await eventually(all_sent(database), timeout=30)


class TestConsumer:
    async def test_finds_the_broker_again(
        self, service: str, database: Database, broker: Client, far_broker: Client, wire_to_broker: Wire
    ) -> None:
        heard: list[Event] = []

        async def listen(events: Sequence[Event], _session: AsyncSession) -> None:
            heard.extend(events)

        async def heard_again() -> bool:
            return len(heard) == 2

        await provision_stream(broker.jetstream(), service)
        listener = Consumer(service, service, [Reaction(f"{service}.thing", frozenset(), listen)], database, far_broker)
        async with running(Relay(service, database.url, broker), listener):
            await write(database, service)
            await eventually(all_sent(database))
            await wire_to_broker.cut()
            await write(database, service)
            await eventually(heard_again, timeout=30)
