"""What an operator wants to know of a service's events: looked up from time to time, and shown as metrics."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

import structlog
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from opentelemetry.metrics import Observation
from sqlalchemy import QueuePool as Pool
from sqlalchemy import text

from rotunda_kit.db.engine import Database
from rotunda_kit.events.envelope import stream_of
from rotunda_kit.events.intake import durable_of
from rotunda_kit.telemetry.metrics import Gauge, meter

log = structlog.get_logger()

# Seconds between two looks.
PAUSE = 10.0
TIMEOUT = 5.0

UNSENT = Gauge("rotunda.outbox.unsent", "{event}", "Events that the relay has not published yet.")
OLDEST_UNSENT = Gauge("rotunda.outbox.oldest_age", "s", "How long the oldest of them has waited.")
DEAD_LETTERS = Gauge("rotunda.dead_letters", "{event}", "Events that were given up and wait for a replay.")
OLDEST_UNCHAINED = Gauge("rotunda.audit.unchained_oldest_age", "s", "How long the audit trail's tail is unchained.")
LAG = Gauge("rotunda.consumer.lag", "{event}", "Events of another service that are not taken in yet.")
OF_TABLES = (UNSENT, OLDEST_UNSENT, DEAD_LETTERS, OLDEST_UNCHAINED)

_TABLES = text("""
SELECT (SELECT count(*) FROM outbox WHERE sent_time IS NULL) AS unsent,
    (SELECT extract(epoch FROM now() - min(time)) FROM outbox WHERE sent_time IS NULL) AS oldest_unsent,
    (SELECT count(*) FROM dead_letter WHERE state = 'WAITING') AS dead_letters,
    (SELECT extract(epoch FROM now() - min(time)) FROM audit_entry WHERE seq IS NULL) AS oldest_unchained
""")


def show_pools(database: Database) -> None:
    """Show how many of a process's connections to PostgreSQL are in use, and how many there may be."""

    def each(number: Callable[[Pool], int]) -> Iterator[Observation]:
        for name, pool in database.pools().items():
            yield Observation(number(pool), {"pool": name})

    meter.create_observable_gauge(
        "rotunda.database.pool.in_use",
        [lambda _: each(lambda pool: pool.checkedout())],
        "{connection}",
        "Connections to PostgreSQL that are in use.",
    )
    meter.create_observable_gauge(
        "rotunda.database.pool.size",
        [lambda _: each(lambda pool: pool.size())],
        "{connection}",
        "Connections to PostgreSQL that there may be.",
    )


class Monitor:
    """Looks after one service's events until it is stopped.

    Args:
        service: as in the proto package.
        sources: the services that it hears.
        database: of the service.
        broker: connected to NATS.
    """

    def __init__(self, service: str, sources: Iterable[str], database: Database, broker: Client) -> None:
        self._service = service
        self._sources = list(sources)
        self._database = database
        self._jetstream = broker.jetstream(timeout=TIMEOUT)

    async def run(self) -> None:
        """Work until cancelled. What can't be looked up is not shown."""
        while True:
            for look in (self._look_at_tables, self._look_at_consumers):
                try:
                    async with asyncio.timeout(TIMEOUT):
                        await look()
                except Exception as error:  # an alert on the absence of a metric tells of it
                    log.warning("not monitored", error=type(error).__name__)
                    for gauge in (LAG,) if look == self._look_at_consumers else OF_TABLES:
                        gauge.show()
            await asyncio.sleep(PAUSE)

    async def _look_at_tables(self) -> None:
        async with self._database.reading() as connection:
            row = (await connection.execute(_TABLES)).one()
        UNSENT.show(Observation(row.unsent))
        OLDEST_UNSENT.show(Observation(float(row.oldest_unsent or 0)))
        DEAD_LETTERS.show(Observation(row.dead_letters))
        OLDEST_UNCHAINED.show(Observation(float(row.oldest_unchained or 0)))

    async def _look_at_consumers(self) -> None:
        seen = []
        for source in self._sources:
            try:
                info = await self._jetstream.consumer_info(stream_of(source), durable_of(self._service, source))
            except NotFoundError:
                # It is made as soon as the other service has its stream.
                continue
            lag = (info.num_pending or 0) + (info.num_ack_pending or 0)
            seen.append(Observation(lag, {"source": source}))
        LAG.show(*seen)
