"""The relay publishes the outbox to JetStream, in the order of its rows.

One relay a service is active, held by an advisory lock on the connection that reads and marks the rows: who loses the
connection
loses the lock, and can mark nothing any more. Rows are marked after JetStream acknowledged them; a crash in between
publishes them
again, with the same ids.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

import asyncpg
import structlog
from nats.aio.client import Client
from opentelemetry.trace import SpanKind

from rotunda_kit.db.engine import CONNECT_TIMEOUT
from rotunda_kit.events.broker import provision_stream
from rotunda_kit.events.envelope import headers_of, stream_of, subject_of
from rotunda_kit.fail_points import FailPoint, fail_point
from rotunda_kit.telemetry.traces import spans_beside

log = structlog.get_logger()

LOCK_KEY = 0x72656C6179  # "relay"
BATCH = 500
# Seconds between two looks at the outbox: short while there is work, longer when idle.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 0.2
PUBLISH_TIMEOUT = 10.0
# Seconds after which PostgreSQL takes the lock from a relay of which it hears nothing: one that stands still, or whose
# machine is gone, would else keep it for hours. One that works is never silent for so long.
LONGEST_SILENCE = 60
RETRY = 1.0

_UNSENT = """
SELECT id, event_id, noun, verb, aggregate_id, aggregate_version, time, actor, traceparent, payload
FROM outbox WHERE sent_time IS NULL ORDER BY id LIMIT $1
"""
_MARK = "UPDATE outbox SET sent_time = now() WHERE id = ANY($1::bigint[])"


class NotAllAccepted(Exception):  # noqa: N818 - the rest is tried again
    """The broker refused some events, or did not answer."""


class Relay:
    """Publishes one service's outbox until it is stopped.

    Args:
        service: as in the proto package.
        database_url: of the service.
        broker: connected to NATS.
    """

    def __init__(self, service: str, database_url: str, broker: Client) -> None:
        self._service = service
        self._url = database_url
        self._broker = broker
        self._jetstream = broker.jetstream(timeout=PUBLISH_TIMEOUT)

    async def run(self) -> None:
        """Work until cancelled; comes back after the database or the broker were away."""
        while True:
            try:
                await provision_stream(self._jetstream, self._service)
                await self._lead()
            except Exception as error:  # whatever it was, the outbox keeps what is unsent
                log.warning("relay interrupted", error=type(error).__name__)
                await asyncio.sleep(RETRY)

    async def _lead(self) -> None:
        connection = await asyncpg.connect(
            self._url,
            timeout=CONNECT_TIMEOUT,
            command_timeout=30,
            server_settings={
                "application_name": "rotunda-relay",
                "idle_session_timeout": f"{LONGEST_SILENCE}s",
            },
        )
        try:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
                # Another process of this service relays; look again later whether it still does.
                await asyncio.sleep(RETRY)
                return
            pause = SHORTEST_PAUSE
            while True:
                sent = await self._send(connection)
                if sent == BATCH:
                    continue
                pause = SHORTEST_PAUSE if sent else min(pause * 1.5, LONGEST_PAUSE)
                await asyncio.sleep(pause)
        finally:
            connection.terminate()

    async def _send(self, connection: asyncpg.Connection) -> int:
        """Publish one batch, or as much of it as a slow broker takes in time; returns how many it has."""
        rows = await connection.fetch(_UNSENT, BATCH)
        if not rows:
            return 0
        await fail_point(FailPoint.RELAY_BEFORE_PUBLISH)
        accepted: list[int] = []
        clock = asyncio.get_running_loop().time
        end = clock() + LONGEST_SILENCE / 3
        for wave in _waves(rows):
            ids = await self._publish(wave)
            accepted += ids
            refused = len(ids) < len(wave)
            if refused or clock() > end:
                break
        await fail_point(FailPoint.RELAY_AFTER_PUBLISH)
        # Also where the rest was refused, so that each try gets further.
        await connection.execute(_MARK, accepted)
        await fail_point(FailPoint.RELAY_AFTER_MARK)
        if refused:
            raise NotAllAccepted
        return len(rows)

    async def _publish(self, rows: Sequence[asyncpg.Record]) -> list[int]:
        """Publish rows without waiting for one before the next; gives the ids of those that the broker accepted."""
        told = {"messaging.system": "nats", "messaging.destination.name": stream_of(self._service)}
        spans = spans_beside("publish", SpanKind.PRODUCER, (row["traceparent"] for row in rows), told)
        answers = [
            await self._jetstream.publish_async(
                subject_of(row["noun"], row["verb"], str(row["aggregate_id"])),
                row["payload"],
                wait_stall=PUBLISH_TIMEOUT,
                headers=headers_of(row),
            )
            for row in rows
        ]
        # The client leaves some refusals without an answer.
        _, unanswered = await asyncio.wait(answers, timeout=PUBLISH_TIMEOUT)
        for answer in unanswered:
            answer.cancel()
        for span in spans:
            span.end()
        return [
            row["id"]
            for row, answer in zip(rows, answers, strict=True)
            if answer not in unanswered and answer.exception() is None
        ]


def _waves(rows: Iterable[asyncpg.Record]) -> Iterator[list[asyncpg.Record]]:
    """The rows in their order, in groups with no aggregate twice: a broker may refuse one and take the next."""
    wave: dict[UUID, asyncpg.Record] = {}
    for row in rows:
        if row["aggregate_id"] in wave:
            yield list(wave.values())
            wave = {}
        wave[row["aggregate_id"]] = row
    if wave:
        yield list(wave.values())
