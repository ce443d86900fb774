"""A consumer takes each event in once, and never drops one silently."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError
from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_kit.db.engine import Database
from rotunda_kit.db.tables import dead_letter
from rotunda_kit.events.broker import provision_stream
from rotunda_kit.events.consumer import Consumer, Retries
from rotunda_kit.events.envelope import Event, headers_of, stream_of, subject_of
from rotunda_kit.events.reactions import Reaction
from rotunda_kit.model import new_id, now
from rotunda_kit.runtime import end
from rotunda_kit.testing.waiting import eventually

POISON = b"poison"
QUICK = Retries(tries=3, first_delay=0.05, longest_delay=1.0)


class Probe:
    """A service of which one hears, and one that counts what it hears."""

    def __init__(self, name: str, database: Database, broker: Client) -> None:
        self.name = name
        self.database = database
        self.broker = broker
        self.batches: list[list[UUID]] = []
        # Times at which a poisonous event was tried alone.
        self.tries: list[float] = []
        self.poisonable = True

    @property
    def reaction(self) -> Reaction:
        return Reaction(f"{self.name}.thing", frozenset({"changed"}), self.count)

    async def count(self, events: Sequence[Event], session: AsyncSession) -> None:
        """Writes an effect for each event; fails after that where one is poisonous."""
        self.batches.append([event.id for event in events])
        for event in events:
            await session.execute(text("INSERT INTO effect (event_id) VALUES (:id)"), {"id": event.id})
        if self.poisonable and any(event.payload == POISON for event in events):
            if len(events) == 1:
                self.tries.append(asyncio.get_running_loop().time())
            raise ValueError("can't take that in")

    async def tell(self, payloads: Iterable[bytes], *, verb: str = "changed") -> list[UUID]:
        """Publishes an event for each payload."""
        ids = []
        for payload in payloads:
            ids.append(new_id())
            await self.publish(ids[-1], payload, verb=verb)
        return ids

    async def publish(self, event_id: UUID, payload: bytes, *, verb: str = "changed") -> None:
        row = {
            "event_id": event_id,
            "noun": f"{self.name}.thing",
            "verb": verb,
            "aggregate_id": new_id(),
            "aggregate_version": 1,
            "time": now(),
            "actor": "test",
            "traceparent": "",
        }
        subject = subject_of(f"{self.name}.thing", verb, str(row["aggregate_id"]))
        # The broker's own deduplication looks at this, and is not what is tested.
        headers = headers_of(row) | {"Nats-Msg-Id": str(new_id())}
        await self.broker.jetstream().publish(subject, payload, headers=headers)

    @asynccontextmanager
    async def consuming(self, retries: Retries = QUICK) -> AsyncIterator[Consumer]:
        consumer = Consumer("listener", self.name, [self.reaction], self.database, self.broker, retries)
        task = asyncio.create_task(consumer.run())
        try:
            yield consumer
        finally:
            await end([task])

    async def state(self) -> ConsumerInfo:
        jetstream = self.broker.jetstream()
        info: ConsumerInfo = await jetstream.consumer_info(stream_of(self.name), f"listener-from-{self.name}")
        return info

    async def drained(self) -> bool:
        """Whether everything was delivered and acknowledged."""
        with suppress(NotFoundError):  # It has not begun.
            info = await self.state()
            return info.num_pending == 0 and info.num_ack_pending == 0
        return False

    async def effects(self) -> dict[UUID, int]:
        async with self.database.reading() as connection:
            rows = await connection.execute(text("SELECT event_id, count(*) AS effects FROM effect GROUP BY event_id"))
            return {row.event_id: row.effects for row in rows}

    async def inbox(self) -> set[UUID]:
        async with self.database.reading() as connection:
            return set(await connection.scalars(text("SELECT event_id FROM inbox")))

    async def dead(self) -> Sequence[Row[Any]]:
        async with self.database.reading() as connection:
            return (await connection.execute(select(dead_letter))).all()


@pytest.fixture
async def probe(service: str, database: Database, broker: Client) -> Probe:
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE effect (event_id uuid NOT NULL)"))
    await provision_stream(broker.jetstream(), service)
    return Probe(service, database, broker)


def payloads(count: int, poisonous: Callable[[int], bool] = lambda _: False) -> list[bytes]:
    return [POISON if poisonous(number) else f"{number}".encode() for number in range(count)]


class TestOnce:
    async def test_a_batch_of_events_is_one_transaction(self, probe: Probe) -> None:
        ids = await probe.tell(payloads(100))
        async with probe.consuming():
            await eventually(probe.drained)
        assert probe.batches == [ids]
        assert await probe.effects() == dict.fromkeys(ids, 1)
        async with probe.database.reading() as connection:
            transactions = await connection.execute(
                text("SELECT xmin::text FROM effect UNION SELECT xmin::text FROM inbox")
            )
            assert len(transactions.all()) == 1

    async def test_an_event_that_comes_again_has_no_second_effect(self, probe: Probe) -> None:
        ids = await probe.tell(payloads(5))
        async with probe.consuming():
            await eventually(probe.drained)
            for event_id in ids:
                await probe.publish(event_id, b"again")
            (last,) = await probe.tell([b"last"])
            await eventually(probe.drained)
        assert await probe.effects() == dict.fromkeys([*ids, last], 1)

    async def test_an_event_that_comes_twice_in_a_batch_has_one_effect(self, probe: Probe) -> None:
        (event_id,) = await probe.tell([b"first"])
        await probe.publish(event_id, b"again")
        async with probe.consuming():
            await eventually(probe.drained)
        assert probe.batches == [[event_id]]
        assert await probe.effects() == {event_id: 1}

    async def test_what_was_not_acknowledged_comes_again_and_has_no_second_effect(
        self, probe: Probe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rotunda_kit.events.broker.ACK_WAIT", 0.2)
        acknowledge, lost = "nats.aio.msg.Msg.ack", 0

        async def lose(_message: Any) -> None:
            # As if the process had died between its commit and this.
            nonlocal lost
            lost += 1

        ids = await probe.tell(payloads(3))
        with monkeypatch.context() as patch:
            patch.setattr(acknowledge, lose)
            async with probe.consuming():

                async def redelivered() -> bool:
                    return lost >= 6

                await eventually(redelivered)
        async with probe.consuming():
            await eventually(probe.drained)
        assert (await probe.state()).num_redelivered == 0
        assert probe.batches == [ids]
        assert await probe.effects() == dict.fromkeys(ids, 1)

    async def test_verbs_that_nobody_wants_are_taken_in_without_effect(self, probe: Probe) -> None:
        (unwanted,) = await probe.tell([b"x"], verb="touched")
        async with probe.consuming():
            await eventually(probe.drained)
        assert not await probe.effects()
        assert await probe.inbox() == {unwanted}

    async def test_two_consumers_side_by_side_share_the_work(self, probe: Probe) -> None:
        ids = await probe.tell(payloads(500))
        async with probe.consuming(), probe.consuming():
            await eventually(probe.drained)
        assert await probe.effects() == dict.fromkeys(ids, 1)


class TestFailure:
    async def test_of_a_batch_with_one_poisonous_event_all_others_have_their_effect_once(self, probe: Probe) -> None:
        ids = await probe.tell(payloads(50, lambda number: number == 20))
        async with probe.consuming():
            await eventually(probe.drained)
        poisonous = ids.pop(20)
        assert await probe.effects() == dict.fromkeys(ids, 1)
        assert await probe.inbox() == set(ids)
        assert [row.event_id for row in await probe.dead()] == [str(poisonous)]

    async def test_an_event_that_fails_is_tried_again_later_and_later(self, probe: Probe) -> None:
        await probe.tell([POISON])
        async with probe.consuming(Retries(tries=4, first_delay=0.1, longest_delay=0.2)):
            await eventually(probe.drained)
        waits = [later - earlier for earlier, later in pairwise(probe.tries)]
        assert len(waits) == 3
        assert all(wait >= delay for wait, delay in zip(waits, (0.1, 0.2, 0.2), strict=True))

    async def test_after_the_last_try_it_is_a_dead_letter_with_all_that_it_takes_to_try_again(
        self, probe: Probe
    ) -> None:
        (event_id,) = await probe.tell([POISON])
        async with probe.consuming():
            await eventually(probe.drained)
        (letter,) = await probe.dead()
        assert letter.consumer == f"listener-from-{probe.name}"
        assert letter.event_id == str(event_id) == letter.headers["ce-id"]
        assert letter.subject.startswith(f"crm.{probe.name}.thing.changed.v1.")
        assert letter.payload == POISON
        assert letter.error == "ValueError"
        assert len(probe.tries) == QUICK.tries
        assert not await probe.inbox()

    async def test_an_event_that_succeeds_at_last_is_no_dead_letter(self, probe: Probe) -> None:
        ids = await probe.tell([POISON])

        async def tried_twice() -> bool:
            return len(probe.tries) == 2

        async with probe.consuming(Retries(tries=20, first_delay=0.05, longest_delay=0.1)):
            await eventually(tried_twice)
            probe.poisonable = False
            await eventually(probe.drained)
        assert await probe.effects() == dict.fromkeys(ids, 1)
        assert not await probe.dead()

    @pytest.mark.parametrize("headers", [None, {"ce-id": "no id", "ce-type": "x"}])
    async def test_a_message_that_is_no_event_becomes_a_dead_letter_and_holds_nothing_up(
        self, probe: Probe, headers: dict[str, str] | None
    ) -> None:
        await probe.broker.jetstream().publish(f"crm.{probe.name}.thing.changed.v1.x", b"?", headers=headers)
        ids = await probe.tell(payloads(3))
        async with probe.consuming():
            await eventually(probe.drained)
        assert await probe.effects() == dict.fromkeys(ids, 1)
        assert [row.payload for row in await probe.dead()] == [b"?"]

    async def test_delays_double_up_to_the_longest(self) -> None:
        retries = Retries()
        delays = [retries.delay(tries) for tries in range(1, retries.tries)]
        assert delays[:8] == [0.5, 1, 2, 4, 8, 16, 32, 60]
        assert set(delays[7:]) == {60}
