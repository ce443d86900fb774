"""What follows when custom fields come and go: indexes, and the values of those that were purged.

All of it is made from the definitions as they are, so that whatever a crash broke off is done in the next round.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import Table

from rotunda_kit.custom_fields.catalogue import Catalogue
from rotunda_kit.custom_fields.values import Definition
from rotunda_kit.db.engine import CONNECT_TIMEOUT, Database
from rotunda_kit.model import Resource

log = structlog.get_logger()

LOCK_KEY = 0x637573746F6D  # "custom"
# Seconds between two looks.
PAUSE = 2.0
BATCH = 5_000

_INDEXES = """
SELECT indexed.relname, pg_index.indisvalid FROM pg_index
JOIN pg_class AS indexed ON indexed.oid = pg_index.indexrelid JOIN pg_class AS kept ON kept.oid = pg_index.indrelid
WHERE kept.oid = ANY($1::text[]::regclass[]) AND indexed.relname ~ '_custom_[0-9a-f]{32}$'
"""
_PURGED = "SELECT id FROM custom_field WHERE purge_time IS NOT NULL ORDER BY id"
_FORGET = "DELETE FROM custom_field WHERE id = $1"


def index_name(table: str, definition: Definition) -> str:
    """The name of the index on a custom field."""
    return f"{table}_custom_{definition.id.hex}"


class Upkeep:
    """Keeps a service's indexes on custom fields, one worker at a time.

    Args:
        database: of the service.
        models: its mapped classes whose records can have custom fields.
    """

    def __init__(self, database: Database, models: Sequence[type[Resource]]) -> None:
        self._database = database
        self._tables: dict[str, Table] = {model.__noun__: model.__table__ for model in models}  # type: ignore[attr-defined]

    async def run(self) -> None:
        """Keep them up until cancelled."""
        while True:
            try:
                await self._while_connected()
            except Exception as error:  # the database may come back
                log.warning("upkeep of custom fields interrupted", error=type(error).__name__)
            await asyncio.sleep(PAUSE)

    async def _while_connected(self) -> None:
        # Not one of the pool's: making an index may take longer than any statement there.
        connection = await asyncpg.connect(self._database.url, timeout=CONNECT_TIMEOUT)
        try:
            while True:
                # Not by waiting in the database: an index that is made concurrently would wait for who waits there.
                if await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
                    try:
                        await self._round(connection)
                    finally:
                        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)
                await asyncio.sleep(PAUSE)
        finally:
            connection.terminate()

    async def _round(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        catalogue = Catalogue()
        async with self._database.reading() as reading:
            await catalogue.refresh(reading)
        wanted = {
            index_name(table.name, definition): (table, definition)
            for noun, table in self._tables.items()
            for definition in catalogue.of(noun).values()
        }
        tables = [f'"{table.name}"' for table in self._tables.values()]
        there = {row["relname"]: row["indisvalid"] for row in await connection.fetch(_INDEXES, tables)}
        for name, is_valid in there.items():
            if name not in wanted or not is_valid:
                await connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        for name, (table, definition) in wanted.items():
            if not there.get(name):
                await self._make(connection, name, table, definition)
        for row in await connection.fetch(_PURGED):
            for table in self._tables.values():
                await self._strip(connection, table, row["id"])
            await connection.execute(_FORGET, row["id"])

    @staticmethod
    async def _make(
        connection: "asyncpg.Connection[asyncpg.Record]", name: str, table: Table, definition: Definition
    ) -> None:
        # Over deleted records, too: what a partial index is over, the planner takes no statistics of.
        on = definition.index("custom_fields")
        await connection.execute(f'CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON "{table.name}" {on}')
        # Only from now on there are any.
        await connection.execute(f'ANALYZE "{table.name}"')
        log.info("custom field indexed", noun=definition.record_type)

    @staticmethod
    async def _strip(connection: "asyncpg.Connection[asyncpg.Record]", table: Table, purged: UUID) -> None:
        """Take the values of a purged definition out of the records, which showed them no longer anyway."""
        last: UUID | None = UUID(int=0)
        while last is not None:
            last = await connection.fetchval(
                f"""
                WITH chosen AS (SELECT id FROM "{table.name}" WHERE id > $1 ORDER BY id LIMIT {BATCH}),
                stripped AS (
                    UPDATE "{table.name}" SET custom_fields = nullif(custom_fields - $2::text, '{{}}'::jsonb)
                    WHERE id IN (SELECT id FROM chosen) AND custom_fields ? $2::text
                )
                SELECT id FROM chosen ORDER BY id DESC LIMIT 1
                """,  # noqa: S608 - of constants
                last,
                str(purged),
            )
