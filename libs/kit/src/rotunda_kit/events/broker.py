"""The connection to NATS, and the streams and durable consumers that are provisioned on it."""

import asyncio

import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from rotunda_kit.events.envelope import ADVISORIES, ADVISORY, GIVEN_UP, stream_of

log = structlog.get_logger()

# Seconds. PostgreSQL is the truth; a stream only carries, and a consumer that slept longer is caught up by a republish.
STREAM_AGE = 7 * 24 * 3600
DEDUPLICATION_WINDOW = 120
ACK_WAIT = 30
MAX_ACK_PENDING = 2_000
RETRY = 1.0
# Seconds between two pings, and how many may be unanswered: a network that loses packets in silence is noticed so.
PING_INTERVAL = 10
MOST_UNANSWERED_PINGS = 2


async def connect(url: str, name: str) -> Client:
    """A connection that comes back by itself, however long the broker is away."""

    async def lost() -> None:
        log.warning("broker lost")

    async def back() -> None:
        log.info("broker back")

    async def failed(error: Exception) -> None:
        log.warning("broker error", error=type(error).__name__)

    client = Client()
    try:
        await client.connect(
            url,
            name=name,
            connect_timeout=5,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.5,  # type: ignore[arg-type] # it only sleeps for so long
            ping_interval=PING_INTERVAL,
            max_outstanding_pings=MOST_UNANSWERED_PINGS,
            disconnected_cb=lost,
            reconnected_cb=back,
            error_cb=failed,
            # Nothing is buffered while the broker is away: the outbox is the buffer.
            pending_size=-1,
        )
    except BaseException:
        # Given up on the way, it would leave its socket open.
        await client.close()
        raise
    return client


async def provision_stream(jetstream: JetStreamContext, service: str) -> None:
    """Make or update the stream of a service; belongs to the service that publishes on it."""
    await _provision(jetstream, stream_of(service), [f"crm.{service}.>"])


async def provision_advisories(jetstream: JetStreamContext) -> None:
    """Make or update the stream that keeps what the broker says of messages that it gave up."""
    await _provision(jetstream, ADVISORIES, [f"{ADVISORY}.{kind}.>" for kind in GIVEN_UP])


async def _provision(jetstream: JetStreamContext, name: str, subjects: list[str]) -> None:
    wanted = StreamConfig(
        name=name,
        subjects=subjects,
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_age=STREAM_AGE,
        duplicate_window=DEDUPLICATION_WINDOW,
        num_replicas=1,
    )
    try:
        await jetstream.stream_info(name)
        await jetstream.update_stream(wanted)
    except NotFoundError:
        await jetstream.add_stream(wanted)


async def provision_consumer(
    jetstream: JetStreamContext, stream: str, durable: str, subjects: list[str], max_deliver: int = -1
) -> None:
    """Make or update a durable consumer on a stream, waiting until that stream is there.

    Args:
        jetstream: on the broker.
        stream: its name.
        durable: name of the consumer.
        subjects: that it hears.
        max_deliver: after so many deliveries the broker gives a message up; -1: never.
    """
    wanted = ConsumerConfig(
        durable_name=durable,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT,
        max_deliver=max_deliver,
        max_ack_pending=MAX_ACK_PENDING,
        filter_subjects=subjects,
    )
    while True:
        try:
            await jetstream.add_consumer(stream, wanted)
            return
        except NotFoundError:
            log.info("waits for stream", stream=stream)
            await asyncio.sleep(RETRY)
