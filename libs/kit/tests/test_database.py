"""Connections that the server ends."""

import asyncio
import select
import threading
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from rotunda_kit.db.engine import Database
from rotunda_kit.db.failures import translate
from rotunda_kit.embedded import Postgres
from rotunda_kit.errors import Unavailable


@pytest.fixture
async def database(postgres: Postgres) -> AsyncIterator[Database]:
    database = Database(await postgres.create_database("connections"), 1)
    yield database
    await database.close()


def terminate(url: str, pid: int) -> None:
    """End a session from another thread, while this one's loop stands still."""

    async def end() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("SELECT pg_terminate_backend($1)", pid)
        await connection.close()

    thread = threading.Thread(target=lambda: asyncio.run(end()))
    thread.start()
    thread.join()


class TestEndedSession:
    @pytest.mark.parametrize("turns", range(5))
    async def test_is_unavailable_at_whatever_moment_it_is_noticed(
        self, database: Database, postgres: Postgres, turns: int
    ) -> None:
        async with database.reading() as connection:
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            terminate(postgres.admin_url, int(pid or 0))
            # It has its message, and its end.
            assert select.select([raw._transport.get_extra_info("socket")], [], [], 10)[0]
            # The message is read in one turn of the loop, the end in the next.
            for _ in range(turns):
                await asyncio.sleep(0)
            with pytest.raises(DBAPIError) as refused:
                await connection.execute(text("SELECT 1"))
        error = translate(refused.value, [])
        assert isinstance(error, Unavailable), repr(refused.value)
        async with database.reading() as connection:
            assert await connection.scalar(text("SELECT 2")) == 2


class TestReadOnly:
    async def test_a_change_is_refused_for_the_time_being(self, database: Database) -> None:
        async with database.transaction() as session:
            await session.execute(text("CREATE TABLE thing (id int)"))

        async def change() -> None:
            async with database.transaction() as session:
                # As a replica that is not promoted yet.
                await session.execute(text("SET TRANSACTION READ ONLY"))
                await session.execute(text("INSERT INTO thing VALUES (1)"))

        with pytest.raises(DBAPIError) as refused:
            await change()
        error = translate(refused.value, [])
        assert isinstance(error, Unavailable)
        assert error.reason == "DATABASE_READ_ONLY"
