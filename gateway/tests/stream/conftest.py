"""Events as services publish them, on a broker of these tests' own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from rotunda_kit.embedded import Nats
from rotunda_kit.events.broker import connect, provision_stream
from rotunda_kit.events.envelope import headers_of, stream_of, subject_of
from rotunda_kit.model import new_id, now
from rotunda_kit.testing.servers import nats_server

SERVICE = "sales"


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """Not the one that others' streams are on."""
    with nats_server(tmp_path_factory) as server:
        yield server


class Publisher:
    """Publishes events of one service."""

    def __init__(self, broker: Client) -> None:
        self.jetstream = broker.jetstream()

    async def begin(self) -> None:
        """Make the stream, a new one."""
        await self.forget()
        await provision_stream(self.jetstream, SERVICE)

    async def forget(self) -> None:
        """Lose the stream with all that is in it."""
        with suppress(NotFoundError):
            await self.jetstream.delete_stream(stream_of(SERVICE))

    async def publish(self, count: int = 1, noun: str = "sales.product", verb: str = "updated") -> list[str]:
        """Publish changes of so many records, and return their ids."""
        ids = []
        for _ in range(count):
            record_id = new_id()
            row = {
                "event_id": new_id(),
                "noun": noun,
                "verb": verb,
                "aggregate_id": record_id,
                "aggregate_version": 1,
                "time": now(),
                "actor": "",
                "traceparent": "",
            }
            subject = subject_of(noun, verb, str(record_id))
            await self.jetstream.publish(subject, b"", headers=headers_of(row))
            ids.append(str(record_id))
        return ids


@pytest.fixture
async def broker(nats: Nats) -> AsyncIterator[Client]:
    broker = await connect(nats.url, "test")
    yield broker
    await broker.close()


@pytest.fixture
async def publisher(broker: Client) -> Publisher:
    publisher = Publisher(broker)
    await publisher.forget()
    return publisher
