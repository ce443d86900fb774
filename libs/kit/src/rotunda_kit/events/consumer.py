"""A consumer takes in one other service's events.

A fetched batch, its inbox rows and its effects are one transaction; then the batch is acknowledged.

If a batch fails, its messages are taken one by one; what fails alone is tried again later, and after many tries kept
as a dead letter.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from opentelemetry.trace import SpanKind

from rotunda_kit.db.engine import Database
from rotunda_kit.dead_letters.filing import file_dead_letter
from rotunda_kit.events.broker import RETRY, provision_consumer
from rotunda_kit.events.envelope import event_of, stream_of
from rotunda_kit.events.intake import Intake, durable_of
from rotunda_kit.events.reactions import Reaction
from rotunda_kit.events.subscription import batches, deliveries
from rotunda_kit.fail_points import FailPoint, fail_point
from rotunda_kit.telemetry.logs import raised_at
from rotunda_kit.telemetry.metrics import EVENTS
from rotunda_kit.telemetry.traces import entry_span, sampled, spans_beside

log = structlog.get_logger()

BATCH = 200
# Deliveries after which a message is taken in alone.
SUSPICIOUS = 2
# Deliveries beyond our own tries, after which the broker gives a message up: it was never refused, so it ends the
# process each time.
MARGIN = 10
# Seconds between two batches, while more gather.
PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Retries:
    """How often an event that fails is tried, and how many seconds lie between two tries: twice as many each time."""

    tries: int = 20
    first_delay: float = 0.5
    longest_delay: float = 60.0

    @property
    def max_deliver(self) -> int:
        """Deliveries after which the broker gives a message up."""
        return self.tries + MARGIN

    def delay(self, tries: int) -> float:
        """Seconds until the next try, after so many."""
        return min(self.first_delay * 2.0 ** (tries - 1), self.longest_delay)


class Consumer:
    """Takes in the events of one stream for one service.

    Args:
        service: who consumes; also the durable's name.
        source: whose stream.
        reactions: to events of `source`.
        database: of the consuming service.
        broker: connected to NATS.
        retries: of events that fail.
    """

    def __init__(
        self,
        service: str,
        source: str,
        reactions: Sequence[Reaction],
        database: Database,
        broker: Client,
        retries: Retries | None = None,
    ) -> None:
        self.name = durable_of(service, source)
        self._source = source
        self._subjects = sorted({f"crm.{reaction.noun}.>" for reaction in reactions})
        self._intake = Intake(self.name, reactions)
        self._database = database
        self._jetstream: JetStreamContext = broker.jetstream(timeout=5)
        self._retries = retries or Retries()

    async def run(self) -> None:
        """Work until cancelled; comes back after the database or the broker were away."""
        while True:
            try:
                await self._consume()
            except Exception as error:  # nothing was acknowledged, so nothing is lost
                log.warning("consumer interrupted", consumer=self.name, error=type(error).__name__)
                await asyncio.sleep(RETRY)

    async def _consume(self) -> None:
        await provision_consumer(
            self._jetstream, stream_of(self._source), self.name, self._subjects, self._retries.max_deliver
        )
        async with aclosing(batches(self._jetstream, stream_of(self._source), self.name, BATCH)) as fetched:
            async for messages in fetched:
                await fail_point(FailPoint.CONSUMER_AFTER_FETCH)
                await self._take_suspects_apart(messages)
                if len(messages) < BATCH:
                    # A fuller batch costs hardly more than a message.
                    await asyncio.sleep(PAUSE)

    async def _take_suspects_apart(self, messages: list[Msg]) -> None:
        """Take in a batch; what came often before, alone and in another order each time, for it may end the process.

        So the others of its batch are taken in before the broker gives them up together with it: those before it when
        they go forwards, those behind it when they go backwards, and those between two such in some order by chance.
        """
        suspects = [message for message in messages if deliveries(message) > SUSPICIOUS]
        innocent = [message for message in messages if message not in suspects] if suspects else messages
        if innocent:
            await self._take(innocent)
        match max(map(deliveries, suspects), default=0) % 3:
            case 0:
                suspects.reverse()
            case 1:
                random.shuffle(suspects)
        for message in suspects:
            await self._take([message])

    async def _take(self, messages: list[Msg]) -> None:
        try:
            await self._apply(messages)
        except Exception as error:
            if len(messages) == 1:
                await self._postpone(messages[0], error)
                return
            log.warning("batch failed, taking its messages one by one", consumer=self.name, error=type(error).__name__)
            for message in messages:
                await self._take([message])
            return
        await fail_point(FailPoint.CONSUMER_AFTER_COMMIT)
        for message in messages:
            await message.ack()
        await fail_point(FailPoint.CONSUMER_AFTER_ACK)

    async def _apply(self, messages: list[Msg]) -> None:
        events = [event_of(message.headers or {}, message.data) for message in messages]
        # The statements of a batch are told in one trace; the others that are recorded have one span of it each.
        headers = sorted((event.traceparent for event in events), key=sampled, reverse=True)
        told = {"messaging.system": "nats", "messaging.consumer.group.name": self.name}
        told_of_batch: dict[str, str | int] = {**told, "messaging.batch.message_count": len(events)}
        beside = spans_beside(f"process {self.name}", SpanKind.CONSUMER, headers[1:], told)
        try:
            with entry_span(f"process {self.name}", SpanKind.CONSUMER, headers[0], told_of_batch):
                async with self._database.transaction() as session:
                    taken_in = await self._intake.apply(session, events)
                    await fail_point(FailPoint.CONSUMER_BEFORE_COMMIT)
        finally:
            for span in beside:
                span.end()
        EVENTS.add(taken_in, {"consumer": self.name})

    async def _postpone(self, message: Msg, error: Exception) -> None:
        tries = message.metadata.num_delivered or 1
        log.warning(
            "event failed", consumer=self.name, subject=message.subject, tries=tries, error=type(error).__name__
        )
        if tries < self._retries.tries:
            # Never a bare nak: it redelivers at once and burns the tries in milliseconds.
            await message.nak(delay=self._retries.delay(tries))
            return
        await file_dead_letter(
            self._database,
            self.name,
            subject=message.subject,
            headers=message.headers or {},
            payload=message.data,
            tries=tries,
            error=type(error).__name__,
            description=" < ".join(reversed(raised_at(error))),
        )
        await message.ack()
