"""One open stream: what its client asked for, who he is, and how far he is."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import orjson
import structlog

from rotunda_gateway.auth.callers import Caller, Callers
from rotunda_gateway.http.problems import known, problem_of
from rotunda_gateway.stream.changes import Change
from rotunda_gateway.stream.positions import Position, text_of
from rotunda_gateway.stream.source import Source
from rotunda_kit.access.audiences import Viewer
from rotunda_kit.access.control import AccessControl
from rotunda_kit.access.rights import Visibility
from rotunda_kit.errors import DeadlineExceeded, Unavailable
from rotunda_kit.telemetry.metrics import meter

log = structlog.get_logger()

# Changes that are looked at between two others' turns.
AT_ONCE = 500
# Seconds without a change after which a client is told where he stands, so that he knows that the stream lives.
HEARTBEAT = 15.0
# While nobody knows whether a reader may still read, so many seconds lie between two looks.
LOOK_AGAIN = 1.0
# Milliseconds after which a client comes back when a stream ends; spread, for a process has many of them.
COME_BACK = (500, 3_000)

TOLD = meter.create_counter("rotunda.stream.changes", "{change}", "Changes that were told to readers of the stream.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client wants to hear of; everything, where nothing is named.

    `types` are those of records (`sales.opportunity`) or of events (`sales.opportunity.won`).
    """

    types: Collection[str] = frozenset()
    records: Collection[str] = frozenset()
    accounts: Collection[str] = frozenset()

    def meets(self, change: Change, viewer: Viewer) -> bool:
        """Whether he wants to hear of a change."""
        if self.types and change.noun_name not in self.types and change.type not in self.types:
            return False
        if self.records and change.record_id not in self.records:
            return False
        return not self.accounts or _account(change, viewer) in self.accounts


def _account(change: Change, viewer: Viewer) -> str:
    """The account that a record is about, unless that is kept back from the viewer."""
    if change.audience is None:
        return ""
    restrictions = viewer.rights.restrictions(change.noun.reading.resource)
    kept_back = restrictions.get(change.noun.account_field, Visibility.READ_ONLY) is not Visibility.READ_ONLY
    return "" if kept_back else change.audience.account


class Reader:
    """Reads the stream for one client. Nothing is buffered for him: he has a place in what the sources keep.

    Args:
        wanted: what he wants to hear of.
        headers: of his request, which say who he is.
        caller: who that is.
        callers: know whether he still is.
        control: knows what he may see.
        sources: of all services.
        positions: where he stands in each.
        closing: whether the process is about to stop.
    """

    def __init__(
        self,
        wanted: Wanted,
        headers: Mapping[str, str],
        caller: Caller,
        callers: Callers,
        control: AccessControl,
        sources: Sequence[Source],
        positions: Sequence[Position],
        closing: Callable[[], bool],
    ) -> None:
        self._wanted = wanted
        self._headers = headers
        self._caller = caller
        self._callers = callers
        self._control = control
        self._sources = sources
        self._positions = list(positions)
        self._closing = closing
        self._awake = asyncio.Event()
        self._viewer = Viewer(control.of(caller.principal))
        self._epoch = control.directory.epoch

    @property
    def user(self) -> str:
        """The id of the user who reads."""
        return self._caller.principal.subject

    def hear(self, at: int, before: Position, changes: Sequence[Change]) -> None:
        """Wake up if any of these changes, which came in one source, is to be told.

        Args:
            at: which source.
            before: where it stood.
            changes: that came behind.
        """
        idle = self._positions[at] == before and self._is_current()
        if idle and not any(self._is_told(change) for change in changes):
            self._positions[at] = self._sources[at].head
        else:
            self._awake.set()

    def wake(self) -> None:
        """Have a look at how things are."""
        self._awake.set()

    def _is_current(self) -> bool:
        return self._caller.current and self._control.directory.epoch == self._epoch

    def _is_told(self, change: Change) -> bool:
        return self._wanted.meets(change, self._viewer) and self._viewer.sees(change.noun.reading, change.audience)

    async def text(self) -> AsyncIterator[bytes]:
        """What the client reads, until he may not read any more or the process stops."""
        yield b"retry: %d\n\n" % random.randint(*COME_BACK)  # noqa: S311 - no secret
        while not self._closing():
            self._awake.clear()
            try:
                await self._look()
            except Exception as error:
                problem = known(error)
                if not isinstance(problem, Unavailable | DeadlineExceeded):
                    yield b"event: end\ndata: " + problem_of(problem).body + b"\n\n"
                    return
                # He is told nothing, but keeps his place.
                await asyncio.sleep(LOOK_AGAIN)
                yield self._place()
                continue
            found = self._collect()
            if found:
                yield found
                continue
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._awake.wait()
            except TimeoutError:
                yield self._place()

    async def _look(self) -> None:
        """See who reads, and what he may see now.

        Raises:
            RotundaError: he may not read any more; Unavailable where nobody knows.
        """
        self._caller = await self._callers.still(self._headers)
        access = self._control.of(self._caller.principal)
        epoch = self._control.directory.epoch
        if access.principal is not self._viewer.principal or epoch != self._epoch:
            self._viewer, self._epoch = Viewer(access), epoch

    def _collect(self) -> bytes:
        """The next changes that he is told of, and where he stands then."""
        frames: list[bytes] = []
        lost: list[str] = []
        for at, source in enumerate(self._sources):
            position = self._positions[at]
            if not source.has_all_behind(position):
                lost.append(source.service)
                self._positions[at] = source.head
                continue
            changes = source.behind(position, AT_ONCE)
            frames += [change.frame for change in changes if self._is_told(change)]
            if len(changes) == AT_ONCE:
                self._positions[at] = Position(source.head.epoch, changes[-1].seq)
                self._awake.set()
            elif position.seq <= source.head.seq:
                self._positions[at] = source.head
        TOLD.add(len(frames))
        if lost:
            frames.append(b"event: reset\ndata: " + orjson.dumps({"services": lost}) + b"\n")
        if not frames:
            return b""
        # Who breaks off before the last one is told them all again.
        return b"\n".join(frames) + self._place()

    def _place(self) -> bytes:
        return b"id: " + text_of(self._positions).encode() + b"\n\n"
