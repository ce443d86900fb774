"""What a source keeps of one service's events, when broker and service come and go."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from nats.aio.client import Client

from rotunda_gateway.stream import source as module
from rotunda_gateway.stream.changes import Change
from rotunda_gateway.stream.positions import Position
from rotunda_gateway.stream.source import Source
from rotunda_kit.access.audiences import Audience
from rotunda_kit.errors import Unavailable
from rotunda_kit.runtime import end
from rotunda_kit.testing.waiting import eventually

from .conftest import SERVICE, Publisher


class Desk:
    """A source, and what it told."""

    def __init__(self) -> None:
        self.source = Source(SERVICE, self._ask, self._tell)
        self.told: list[Change] = []
        self.befores: list[Position] = []
        self.asked = 0
        self.answers = True

    async def _ask(self, changes: Sequence[Change]) -> list[Audience]:
        self.asked += 1
        if not self.answers:
            raise Unavailable("SERVICE_UNAVAILABLE", "It does not answer.")
        return [Audience(account=change.record_id) for change in changes]

    def _tell(self, _source: Source, before: Position, changes: Sequence[Change]) -> None:
        self.befores.append(before)
        self.told += changes

    def ids(self) -> list[str]:
        return [change.record_id for change in self.told]

    async def tells(self, ids: list[str]) -> None:
        await eventually(until(lambda: self.ids() == ids))

    def behind(self, position: Position) -> list[str]:
        return [change.record_id for change in self.source.behind(position, 10_000)]


def until(condition: Callable[[], bool]) -> Callable[[], "asyncio.Future[bool]"]:
    async def holds() -> bool:
        return condition()

    return holds  # type: ignore[return-value]


@asynccontextmanager
async def followed(broker: Client) -> AsyncIterator[Desk]:
    desk = Desk()
    task = asyncio.create_task(desk.source.run(broker.jetstream(timeout=5)))
    try:
        async with asyncio.timeout(10):
            await desk.source.located.wait()
        yield desk
    finally:
        await end([task])


class TestFollowing:
    async def test_changes_are_told_in_their_order_and_kept(self, broker: Client, publisher: Publisher) -> None:
        await publisher.begin()
        async with followed(broker) as desk:
            begin = desk.source.head
            ids = await publisher.publish(30)
            await desk.tells(ids)
            assert desk.behind(begin) == ids
            assert desk.behind(Position(begin.epoch, begin.seq + 10)) == ids[10:]
            assert desk.source.has_all_behind(begin)
            assert desk.befores[0] == begin
            # Whom records of the organisation belong to, nobody is asked.
            assert desk.asked == 0

    async def test_what_happened_last_is_known_from_the_start(
        self, broker: Client, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "RECALLED", 10)
        await publisher.begin()
        ids = await publisher.publish(30)
        async with followed(broker) as desk:
            await desk.tells(ids[20:])
            epoch = desk.source.head.epoch
            assert desk.source.newest == Position(epoch, 30)
            assert desk.source.has_all_behind(Position(epoch, 20))
            assert not desk.source.has_all_behind(Position(epoch, 19))

    async def test_of_many_the_last_ones_are_kept(
        self, broker: Client, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "KEPT", 10)
        monkeypatch.setattr(module, "BATCH", 7)
        await publisher.begin()
        async with followed(broker) as desk:
            epoch = desk.source.head.epoch
            ids = await publisher.publish(50)
            await desk.tells(ids)
            assert not desk.source.has_all_behind(Position(epoch, 0))
            first = next(seq for seq in range(51) if desk.source.has_all_behind(Position(epoch, seq)))
            assert 20 <= first <= 40
            assert desk.behind(Position(epoch, first)) == ids[first:]

    async def test_audiences_are_waited_for(self, broker: Client, publisher: Publisher) -> None:
        await publisher.begin()
        async with followed(broker) as desk:
            desk.answers = False
            ids = await publisher.publish(3, noun="sales.opportunity")
            await eventually(until(lambda: desk.asked > 1))
            assert desk.told == []
            desk.answers = True
            await desk.tells(ids)
            assert [change.audience for change in desk.told] == [Audience(account=each) for each in ids]


class TestBroker:
    async def test_a_stream_that_is_not_there_yet_is_waited_for(self, broker: Client, publisher: Publisher) -> None:
        async with followed(broker) as desk:
            nothing = desk.source.head
            assert nothing == Position()
            await publisher.begin()
            ids = await publisher.publish(3)
            await desk.tells(ids)
            # A reader who began when there was nothing misses nothing.
            assert desk.source.has_all_behind(nothing)
            assert desk.behind(nothing) == ids

    async def test_a_store_that_was_lost_leaves_all_readers_behind(self, broker: Client, publisher: Publisher) -> None:
        await publisher.begin()
        async with followed(broker) as desk:
            ids = await publisher.publish(3)
            await desk.tells(ids)
            before = desk.source.head
            await publisher.begin()
            later = await publisher.publish(5)
            await desk.tells(ids + later)
            assert not desk.source.has_all_behind(before)
            assert desk.source.has_all_behind(desk.source.head)

    async def test_who_was_told_by_a_broker_whose_store_is_lost_is_behind(
        self, broker: Client, publisher: Publisher
    ) -> None:
        await publisher.begin()
        async with followed(broker) as desk:
            await desk.tells(await publisher.publish(3))
            further = Position(desk.source.head.epoch, 5)
            assert not desk.source.has_all_behind(further)
            # Unless the broker is as far, and only this process is not yet.
            await publisher.publish(2)
            await desk.source.look_up(publisher.jetstream)
            assert desk.source.has_all_behind(further)
