"""A service of the test's own: a database with the kit's tables, and a name that gives it a stream of its own."""

from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import create_async_engine

from rotunda_kit.db.engine import Database, asyncpg_url
from rotunda_kit.db.tables import kit_metadata
from rotunda_kit.embedded import Nats, Postgres
from rotunda_kit.events.broker import connect
from rotunda_kit.model import new_id


@pytest.fixture
def service() -> str:
    return f"probe{new_id().hex[-12:]}"


@pytest.fixture
async def database(postgres: Postgres, service: str) -> AsyncIterator[Database]:
    url = await postgres.create_database(service)
    engine = create_async_engine(asyncpg_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(kit_metadata.create_all)
    await engine.dispose()
    database = Database(url, 8)
    yield database
    await database.close()


@pytest.fixture
async def broker(nats: Nats) -> AsyncIterator[Client]:
    client = await connect(nats.url, "test")
    yield client
    await client.close()
