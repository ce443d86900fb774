"""Sync, with the owners of the records that mails are about."""

from collections.abc import AsyncIterator

import pytest

from rotunda_customers.app import app as customers
from rotunda_gateway.access.app import app as access
from rotunda_kit.embedded import Nats, Postgres
from rotunda_kit.testing.platform import TestPlatform
from rotunda_sync.app import app


@pytest.fixture(scope="session")
async def platform(
    postgres: Postgres, nats: Nats, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestPlatform]:
    """The services without their workers: copies come by asking."""
    platform = TestPlatform(postgres, nats, tmp_path_factory.mktemp("sync"))
    try:
        for service in (access, customers, app):
            await platform.start(service, worker=False)
        yield platform
    finally:
        await platform.stop()
