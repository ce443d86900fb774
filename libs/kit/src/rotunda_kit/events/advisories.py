"""What the broker gave up on.

A message that kills its process each time is never refused by us, so nobody here counts its tries; the broker does, and
says in an advisory that it will not deliver it any more. Advisories are lost if nobody listens: a stream keeps them.
"""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing

import orjson
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from rotunda_kit.db.engine import Database
from rotunda_kit.dead_letters.filing import file_dead_letter
from rotunda_kit.events.broker import RETRY, provision_advisories, provision_consumer
from rotunda_kit.events.envelope import ADVISORIES, advisory_subjects, stream_of
from rotunda_kit.events.intake import durable_of
from rotunda_kit.events.subscription import batches

log = structlog.get_logger()

BATCH = 50
ERROR = "DeliveriesExhausted"
DESCRIPTION = "The broker gave up: every delivery ended without an answer. It may have ended the process each time."


class Advisories:
    """Files as dead letters what the broker will not deliver to one service any more.

    Args:
        service: whose consumers.
        sources: the services that it hears.
        database: of the service.
        broker: connected to NATS.
    """

    def __init__(self, service: str, sources: Iterable[str], database: Database, broker: Client) -> None:
        self.name = f"{service}-gives-up".replace("_", "-")
        self._subjects = [
            subject
            for source in sources
            for subject in advisory_subjects(stream_of(source), durable_of(service, source))
        ]
        self._database = database
        self._jetstream: JetStreamContext = broker.jetstream(timeout=5)

    async def run(self) -> None:
        """Work until cancelled; comes back after the database or the broker were away."""
        while True:
            try:
                await provision_advisories(self._jetstream)
                await provision_consumer(self._jetstream, ADVISORIES, self.name, self._subjects)
                async with aclosing(batches(self._jetstream, ADVISORIES, self.name, BATCH)) as fetched:
                    async for messages in fetched:
                        for message in messages:
                            await self._file(message)
            except Exception as error:  # nothing was acknowledged, so nothing is lost
                log.warning("advisories interrupted", consumer=self.name, error=type(error).__name__)
                await asyncio.sleep(RETRY)

    async def _file(self, advisory: Msg) -> None:
        said = orjson.loads(advisory.data)
        stream, sequence, tries = said["stream"], int(said["stream_seq"]), int(said["deliveries"])
        try:
            lost = await self._jetstream.get_msg(stream, sequence)
        except NotFoundError:
            log.error("message given up is gone", consumer=said["consumer"], stream=stream, sequence=sequence)
        else:
            log.error("message given up", consumer=said["consumer"], subject=lost.subject, tries=tries)
            await file_dead_letter(
                self._database,
                said["consumer"],
                subject=lost.subject or "",
                headers=lost.headers or {},
                payload=lost.data or b"",
                tries=tries,
                error=ERROR,
                description=DESCRIPTION,
            )
        await advisory.ack()
