"""Connections to the service's one database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
from sqlalchemy import QueuePool
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from rotunda_kit.db.tracking import TrackingSession
from rotunda_kit.telemetry.sql import traced
from rotunda_kit.telemetry.traces import recording

# Seconds. A statement that takes longer is a bug or an overload; either way the caller has gone.
STATEMENT_TIMEOUT = 30
# Who waits longer hears nothing of the server any more: the network lost it in silence.
COMMAND_TIMEOUT = STATEMENT_TIMEOUT + 5
LOCK_TIMEOUT = 10
CONNECT_TIMEOUT = 5
POOL_TIMEOUT = 5


def _dumps(value: object) -> str:
    return orjson.dumps(value).decode()


def asyncpg_url(url: str) -> str:
    """The same database, spelt for SQLAlchemy's asyncpg dialect."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


@dataclass(frozen=True, slots=True)
class _Pool:
    """Connections, looked at where the trace is recorded: hooks cost each statement a tenth of a millisecond."""

    plain: AsyncEngine
    traced: AsyncEngine

    @property
    def engine(self) -> AsyncEngine:
        """For what this process is at."""
        return self.traced if recording() else self.plain


class Database:
    """Two pools on one database: transactions for commands, and single statements for reads.

    Reads run in autocommit without a reset on return, which halves what a small read costs; they can therefore not
    write.
    """

    def __init__(self, url: str, pool_size: int) -> None:
        settings = {
            "application_name": "rotunda",
            "statement_timeout": f"{STATEMENT_TIMEOUT}s",
            "lock_timeout": f"{LOCK_TIMEOUT}s",
            "idle_in_transaction_session_timeout": f"{STATEMENT_TIMEOUT * 2}s",
            # Compiling costs more than any query here gains.
            "jit": "off",
        }
        self.url = url
        self._commands = self._pool(url, pool_size, settings)
        self._reads = self._pool(
            url,
            pool_size,
            settings | {"default_transaction_read_only": "on"},
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
        )
        self._session = async_sessionmaker(expire_on_commit=False, autoflush=False, sync_session_class=TrackingSession)

    @staticmethod
    def _pool(url: str, pool_size: int, settings: dict[str, str], **options: object) -> _Pool:
        engine = create_async_engine(
            asyncpg_url(url),
            pool_size=pool_size,
            # None beyond the pool: opening a connection costs more than waiting for one, and overflow is closed again.
            max_overflow=0,
            # The same few serve while there is little to do.
            pool_use_lifo=True,
            pool_timeout=POOL_TIMEOUT,
            # A restarted server leaves dead connections behind; a lost one is replaced on its first error.
            pool_pre_ping=False,
            pool_recycle=1800,
            json_serializer=_dumps,
            json_deserializer=orjson.loads,
            connect_args={
                "server_settings": settings,
                "timeout": CONNECT_TIMEOUT,
                "command_timeout": COMMAND_TIMEOUT,
                "prepared_statement_cache_size": 500,
            },
            **options,
        )
        return _Pool(engine, traced(engine, urlsplit(url).path.removeprefix("/")))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for single reading statements."""
        # Not `async with`: its exit makes a task for what can't block here.
        connection = await self._reads.engine.connect()
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session in one transaction: committed at the end, rolled back on an error."""
        async with self._session(bind=self._commands.engine) as session, session.begin():
            yield session

    def pools(self) -> dict[str, QueuePool]:
        """Both, by what they are for."""
        engines = {"commands": self._commands.plain, "reads": self._reads.plain}
        return {name: engine.pool for name, engine in engines.items() if isinstance(engine.pool, QueuePool)}

    async def close(self) -> None:
        """Close all connections."""
        await self._commands.plain.dispose()
        await self._reads.plain.dispose()
