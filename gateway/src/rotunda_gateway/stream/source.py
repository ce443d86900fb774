"""One service's changes, as they come from the broker: the last ones are kept, for readers who fell behind."""

import asyncio
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo
from nats.js.errors import NotFoundError

from rotunda_gateway.stream.changes import Change, change_of
from rotunda_gateway.stream.positions import Position
from rotunda_kit.access.audiences import Audience
from rotunda_kit.errors import RotundaError
from rotunda_kit.events.broker import RETRY
from rotunda_kit.events.envelope import stream_of
from rotunda_kit.events.subscription import batches, sequence

log = structlog.get_logger()

# Changes that are kept, and how many of them are looked up when the process starts.
KEPT = 10_000
RECALLED = 1_000
BATCH = 500
# Seconds between two batches, while more gather.
PAUSE = 0.1
# Seconds after which the broker forgets a consumer that nobody asks.
INACTIVE = 60.0

Ask = Callable[[Sequence[Change]], Awaitable[list[Audience]]]
"""The audiences of changed records; raises RotundaError while their service does not answer."""

Tell = Callable[["Source", Position, Sequence[Change]], None]
"""Hears of changes that came, and where the source stood before."""


class Source:
    """Follows the events of one service.

    Args:
        service: as in the proto package.
        ask: its service for audiences.
        tell: of changes.
    """

    def __init__(self, service: str, ask: Ask, tell: Tell) -> None:
        self.service = service
        self._ask = ask
        self._tell = tell
        self._kept: list[Change] = []
        # All that came behind this number is kept.
        self._since = 0
        # Where it stands: what came so far was told.
        self.head = Position()
        # Set when it is known where the source stands; then also which was the newest event when that was looked up.
        self.located = asyncio.Event()
        self.newest = Position()

    async def run(self, jetstream: JetStreamContext) -> None:
        """Follow until cancelled; comes back after the broker or the service were away."""
        while True:
            try:
                await self._follow(jetstream)
            except NotFoundError:
                # The stream is made when the service first publishes.
                self.located.set()
                await asyncio.sleep(RETRY)
            except Exception as error:  # what was missed meanwhile is read then
                log.warning("stream source interrupted", source=self.service, error=type(error).__name__)
                await asyncio.sleep(RETRY)

    async def _follow(self, jetstream: JetStreamContext) -> None:
        stream = stream_of(self.service)
        self._locate(await jetstream.stream_info(stream))
        wanted = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self.head.seq + 1,
            ack_policy=AckPolicy.NONE,
            headers_only=True,
            mem_storage=True,
            inactive_threshold=INACTIVE,
        )
        consumer = await jetstream.add_consumer(stream, wanted)
        async with aclosing(batches(jetstream, stream, consumer.name, BATCH)) as fetched:
            async for messages in fetched:
                await self._take(messages)
                if len(messages) < BATCH:
                    await asyncio.sleep(PAUSE)

    def _locate(self, info: StreamInfo) -> None:
        """Find out where the source stands, and whether what is kept still belongs to it."""
        assert info.created is not None  # noqa: S101 - the broker always says it
        epoch, newest = int(info.created.timestamp() * 1000), info.state.last_seq
        if epoch == self.head.epoch and newest >= self.head.seq:
            return
        if self.located.is_set():
            # It was made anew, perhaps from an old copy: all in it is new to readers.
            before = 0 if epoch != self.head.epoch else newest
        else:
            before = max(info.state.first_seq - 1, newest - RECALLED, 0)
        self._kept.clear()
        self._since = before
        self.head = Position(epoch, before)
        self.newest = Position(epoch, newest)
        self.located.set()

    async def _take(self, messages: Sequence[Msg]) -> None:
        changes = []
        for message in messages:
            change = change_of(message.headers or {}, sequence(message))
            if change is not None:
                changes.append(change)
        owned = [change for change in changes if change.noun.owned]
        for change, audience in zip(owned, await self._audiences(owned), strict=True):
            change.audience = audience
        self._kept += changes
        if len(self._kept) > 2 * KEPT:
            self._since = self._kept[-KEPT - 1].seq
            del self._kept[:-KEPT]
        before = self.head
        self.head = Position(before.epoch, sequence(messages[-1]))
        self._tell(self, before, changes)

    async def _audiences(self, changes: Sequence[Change]) -> list[Audience]:
        failing = False
        while changes:
            try:
                return await self._ask(changes)
            except RotundaError as error:
                # Nobody hears of what nobody knows who may see.
                if not failing:
                    log.warning("stream waits for audiences", source=self.service, reason=error.reason)
                failing = True
                await asyncio.sleep(RETRY)
        return []

    async def look_up(self, jetstream: JetStreamContext) -> None:
        """Find out how far the broker is, for a reader who is further than this source."""
        info = await jetstream.stream_info(stream_of(self.service))
        self.newest = Position(self.head.epoch, info.state.last_seq)

    def has_all_behind(self, position: Position) -> bool:
        """Whether a reader who stands there can be told all that came since."""
        if not self.head.epoch:
            # Nothing is known of it yet, or there is nothing.
            return True
        # Who is further than the broker was told by one whose store is lost.
        known = self._since <= position.seq <= max(self.head.seq, self.newest.seq)
        return position.epoch in (0, self.head.epoch) and known

    def behind(self, position: Position, limit: int) -> Sequence[Change]:
        """Changes that came behind a position, at most so many."""
        begin = bisect_right(self._kept, position.seq, key=lambda change: change.seq)
        return self._kept[begin : begin + limit]
