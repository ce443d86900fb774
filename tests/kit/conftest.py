"""The customers service, with access behind it, to see the kit at work in."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from rotunda_customers.app import app as customers
from rotunda_gateway.access.app import app as access
from rotunda_kit.app import Service
from rotunda_kit.embedded import Nats, Postgres
from rotunda_kit.testing.platform import TestPlatform


@pytest.fixture(scope="session")
async def platform(
    postgres: Postgres, nats: Nats, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestPlatform]:
    """Both services without their workers: what is written stays in the outbox."""
    platform = TestPlatform(postgres, nats, tmp_path_factory.mktemp("platform"))
    try:
        await platform.start(access, worker=False)
        await platform.start(customers, worker=False)
        yield platform
    finally:
        await platform.stop()


@pytest.fixture
async def start(
    postgres: Postgres, nats: Nats, tmp_path: Path
) -> AsyncIterator[Callable[..., Awaitable[TestPlatform]]]:
    """Starts services that a test has changed, or will stop."""
    platform = TestPlatform(postgres, nats, tmp_path)

    async def start(*services: Service) -> TestPlatform:
        for service in services:
            await platform.start(service, worker=False)
        return platform

    yield start
    await platform.stop()
