"""A consumer comes back by itself: from a subscription that fell silent, and from a broker that lost everything."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_kit.db.engine import Database
from rotunda_kit.db.tables import outbox
from rotunda_kit.embedded import NatsServer
from rotunda_kit.embedded.ports import free_ports
from rotunda_kit.events.broker import connect
from rotunda_kit.events.consumer import Consumer
from rotunda_kit.events.envelope import Event
from rotunda_kit.events.reactions import Reaction
from rotunda_kit.events.relay import Relay
from rotunda_kit.events.subscription import deliveries
from rotunda_kit.model import new_id, now
from rotunda_kit.runtime import end
from rotunda_kit.testing.waiting import eventually

pytestmark = pytest.mark.embedded

# Seconds.
QUICK = 0.2


class Pair:
    """A service that tells, and one that hears it, on a broker of their own."""

    def __init__(self, service: str, database: Database, server: NatsServer) -> None:
        self.service = service
        self.database = database
        self.server = server
        self.heard: set[UUID] = set()

    async def tell(self, count: int) -> set[UUID]:
        ids = [new_id() for _ in range(count)]
        rows = [
            {
                "event_id": event_id,
                "noun": f"{self.service}.thing",
                "verb": "changed",
                "aggregate_id": new_id(),
                "aggregate_version": 1,
                "time": now(),
                "actor": "test",
                "traceparent": "",
                "payload": b"",
            }
            for event_id in ids
        ]
        async with self.database.transaction() as session:
            await session.execute(insert(outbox), rows)
        return set(ids)

    async def hear(self, events: Sequence[Event], _session: AsyncSession) -> None:
        self.heard |= {event.id for event in events}

    async def hears(self, told: set[UUID], seconds: float = 30.0) -> None:
        async def heard() -> bool:
            return told <= self.heard

        await eventually(heard, seconds)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        broker = await connect(self.server.url, "pair")
        consumer = Consumer(
            "listener", self.service, [Reaction(f"{self.service}.thing", frozenset(), self.hear)], self.database, broker
        )
        tasks = [
            asyncio.create_task(work) for work in (Relay(self.service, self.database.url, broker).run(), consumer.run())
        ]
        try:
            yield
        finally:
            await end(tasks)
            await broker.close()


@pytest.fixture
async def pair(service: str, database: Database, tmp_path: Path) -> AsyncIterator[Pair]:
    server = NatsServer(tmp_path, *free_ports(2), durable=False)
    server.start()
    yield Pair(service, database, server)
    server.stop()


class TestDeliveries:
    @pytest.mark.parametrize(
        "reply",
        [
            "$JS.ACK.SALES.access-from-sales.3.10.7.1700000000000000000.5",
            "$JS.ACK._.hash.SALES.access-from-sales.3.10.7.1700000000000000000.5.token",
            "$JS.ACK.domain.hash.SALES.access-from-sales.3.10.7.1700000000000000000.5",
        ],
    )
    def test_they_stand_in_the_reply_subject(self, reply: str) -> None:
        message = Msg(Client(), reply=reply)
        assert deliveries(message) == message.metadata.num_delivered == 3


class TestSilence:
    async def test_a_subscription_that_gets_nothing_although_messages_wait_is_rebuilt(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rotunda_kit.events.subscription.FETCH_TIMEOUT", QUICK)
        bind, built = JetStreamContext.pull_subscribe_bind, 0

        async def deaf_at_first(self: JetStreamContext, *arguments: Any, **named: Any) -> Any:
            nonlocal built
            subscription: Any = await bind(self, *arguments, **named)
            built += 1
            if built == 1:
                # Requests go out and nothing comes back, as when the broker forgot the inbox of the answers.
                await subscription._sub.unsubscribe()
            return subscription

        monkeypatch.setattr(JetStreamContext, "pull_subscribe_bind", deaf_at_first)
        async with pair.running():
            await pair.hears(await pair.tell(3))
        assert built == 2

    async def test_nothing_is_rebuilt_while_nothing_waits(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotunda_kit.events.subscription.FETCH_TIMEOUT", QUICK)
        bind, built, asked = JetStreamContext.pull_subscribe_bind, 0, 0
        information = JetStreamContext.PullSubscription.consumer_info

        async def count(self: JetStreamContext, *arguments: Any, **named: Any) -> Any:
            nonlocal built
            built += 1
            return await bind(self, *arguments, **named)

        async def count_asked(self: Any) -> Any:
            nonlocal asked
            asked += 1
            return await information(self)

        async def idle() -> bool:
            return asked >= 4

        monkeypatch.setattr(JetStreamContext, "pull_subscribe_bind", count)
        monkeypatch.setattr(JetStreamContext.PullSubscription, "consumer_info", count_asked)
        async with pair.running():
            await pair.hears(await pair.tell(1))
            await eventually(idle)
            await pair.hears(await pair.tell(1))
        assert built == 1


class TestBrokerRestart:
    async def test_after_a_restart_everything_goes_on(self, pair: Pair) -> None:
        async with pair.running():
            await pair.hears(await pair.tell(3))
            pair.server.kill()
            told = await pair.tell(3)
            pair.server.start()
            await pair.hears(told, 45)

    async def test_without_its_store_streams_and_consumers_are_made_again(self, pair: Pair) -> None:
        async with pair.running():
            await pair.hears(await pair.tell(3))
            pair.server.kill()
            shutil.rmtree(pair.server.directory / "jetstream")
            told = await pair.tell(3)
            pair.server.start()
            await pair.hears(told, 45)
