"""All readers of a process and the sources that they share."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import UUID

import structlog
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from opentelemetry.metrics import Observation

from rotunda.kit.v1 import audience_service_pb2 as pb
from rotunda.kit.v1.resource_pb2 import RecordReference
from rotunda_gateway.auth.callers import Caller, Callers
from rotunda_gateway.contracts.calls import SERVICES
from rotunda_gateway.http.errors import TooManyStreams
from rotunda_gateway.stream.changes import Change
from rotunda_gateway.stream.positions import Position
from rotunda_gateway.stream.reader import Reader, Wanted
from rotunda_gateway.stream.source import Ask, Source
from rotunda_kit.access.audiences import Audience
from rotunda_kit.errors import Overloaded, Unavailable
from rotunda_kit.events.broker import RETRY, connect
from rotunda_kit.identity import ADMINISTRATOR, Principal, TokenIssuer
from rotunda_kit.runtime import Runtime
from rotunda_kit.telemetry.metrics import SHED, meter

log = structlog.get_logger()

# Seconds.
ASK_TIMEOUT = 5.0
LOCATE_TIMEOUT = 5.0
# Of one user at a time: more than he has windows.
MOST_OF_USER = 50

_METHOD = pb.DESCRIPTOR.services_by_name["AudienceService"].methods_by_name["BatchGetAudiences"]
# In whose name services are asked for audiences: the gateway's own.
_GATEWAY = Principal(subject=str(UUID(int=0)), roles=frozenset({ADMINISTRATOR}))


class Hub:
    """Lets readers read the changes of all services. Nothing is followed until the first of them comes.

    Args:
        runtime: of access; what follows the services ends with it.
        issuer: mints the gateway's own tokens.
        callers: know who reads.
        most: readers at a time.
    """

    def __init__(self, runtime: Runtime, issuer: TokenIssuer, callers: Callers, most: int) -> None:
        self._runtime = runtime
        self._issuer = issuer
        self._callers = callers
        self._most = most
        self._sources = [Source(service, self._ask(service), self._tell) for service in SERVICES]
        self._readers: set[Reader] = set()
        self._following: asyncio.Task[None] | None = None
        self._jetstream: JetStreamContext | None = None
        self._closing = False
        meter.create_observable_gauge(
            "rotunda.stream.readers",
            [lambda _: [Observation(len(self._readers))]],
            "{reader}",
            "Clients that read the stream.",
        )

    async def reader(
        self, wanted: Wanted, headers: Mapping[str, str], caller: Caller, positions: Sequence[Position] | None
    ) -> Reader:
        """A reader for a client; he reads within `reading`.

        Args:
            wanted: what he wants to hear of.
            headers: of his request.
            caller: who he is.
            positions: where he was when he last read; None for one who begins now.

        Raises:
            Overloaded, TooManyStreams: there are too many already, or too many of this user.
            Unavailable: EVENTS_UNAVAILABLE, while the broker is away.
        """
        if self._following is None or self._following.done():
            self._following = self._runtime.start(self._follow())
        try:
            async with asyncio.timeout(LOCATE_TIMEOUT):
                for source in self._sources:
                    await source.located.wait()
                if positions is not None:
                    await self._look_up(positions)
        except (TimeoutError, NatsError):
            raise Unavailable("EVENTS_UNAVAILABLE", "No events flow at the moment. Try again later.") from None
        if len(self._readers) >= self._most:
            SHED.add(1, {"reason": "streams"})
            raise Overloaded
        if sum(reader.user == caller.principal.subject for reader in self._readers) >= MOST_OF_USER:
            raise TooManyStreams(MOST_OF_USER)
        if positions is None:
            positions = [max(source.head, source.newest) for source in self._sources]
        elif len(positions) != len(self._sources):
            # Of a release with other services: none of them is known.
            positions = [Position(epoch=-1)] * len(self._sources)
        return Reader(
            wanted,
            headers,
            caller,
            self._callers,
            self._runtime.control,
            self._sources,
            positions,
            lambda: self._closing,
        )

    @contextmanager
    def reading(self, reader: Reader) -> Iterator[None]:
        """While it lasts the reader hears of changes."""
        self._readers.add(reader)
        try:
            yield
        finally:
            self._readers.discard(reader)

    def close(self) -> None:
        """End all streams: their clients come back to another process."""
        self._closing = True
        for reader in self._readers:
            reader.wake()

    async def _look_up(self, positions: Sequence[Position]) -> None:
        assert self._jetstream is not None  # noqa: S101 - the sources are located
        for source, position in zip(self._sources, positions, strict=False):
            if position.epoch == source.head.epoch and position > max(source.head, source.newest):
                await source.look_up(self._jetstream)

    async def _follow(self) -> None:
        while True:
            try:
                broker = await connect(self._runtime.settings.nats_url, "gateway-stream")
                break
            except Exception as error:  # whatever keeps the broker away, it may come
                log.warning("waits for broker", error=type(error).__name__)
                await asyncio.sleep(RETRY)
        try:
            self._jetstream = broker.jetstream(timeout=ASK_TIMEOUT)
            async with asyncio.TaskGroup() as group:
                for source in self._sources:
                    group.create_task(source.run(self._jetstream))
        finally:
            await broker.close()

    def _ask(self, service: str) -> Ask:
        async def ask(changes: Sequence[Change]) -> list[Audience]:
            ids = list(dict.fromkeys((change.noun_name, change.record_id) for change in changes))
            request = pb.BatchGetAudiencesRequest(
                records=[RecordReference(type=noun, id=record_id) for noun, record_id in ids]
            )
            token = self._issuer.mint_internal(_GATEWAY)
            answer = await self._runtime.clients.call(
                _METHOD, request, token=token, timeout=ASK_TIMEOUT, service=service
            )
            found = dict(zip(ids, map(Audience.of, answer.audiences), strict=True))
            return [found[change.noun_name, change.record_id] for change in changes]

        return ask

    def _tell(self, source: Source, before: Position, changes: Sequence[Change]) -> None:
        at = self._sources.index(source)
        for reader in self._readers:
            reader.hear(at, before, changes)
