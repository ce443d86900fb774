"""Fills a platform's databases with the canonical data, around the services: straight into their tables.

The SQL files in `data/` make the canonical data in a database of their own, and on it a schema for each service's
database, in which every view has the name and the columns of the table that it fills.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from rotunda_customers.accounts.service import accounts
from rotunda_gateway.access.references import AccountReference
from rotunda_kit.db.engine import Database
from rotunda_local.platform import Platform
from rotunda_local.programs import PROJECT

DATA = Path(__file__).parent / "data"
CANONICAL = "canonical"
# Each may look up what those before it have made.
DATABASES = ("access", "customers", "sales", "service_desk", "marketing", "sync")
# What the services themselves have done with the data since: nothing is left of it but its time.
TRACES = ("outbox", "inbox", "idempotency", "dead_letter", "audit_entry", "audit_checkpoint")
# Seconds for one statement.
TIMEOUT = 300.0
# Of the year 2026: after all that the canonical data has, before all that a benchmark creates.
FIRST_NEW_ID = UUID("019b76da-a800-7000-8000-000000000000")

_VIEWS = """
SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = $1::text::regnamespace ORDER BY oid
"""

_OF_CONTACTS = "SELECT relname FROM pg_class WHERE relname IN ('contact', 'contact_reference') AND relkind = 'r'"


def digest() -> str:
    """Changes with the data and with the tables that it is filled into."""
    changes = sha256()
    migrations = [*PROJECT.glob("services/*/migrations/*.py"), *PROJECT.glob("gateway/migrations/*.py")]
    for file in sorted([*DATA.glob("*.sql"), Path(__file__), *migrations]):
        changes.update(f"{file.relative_to(PROJECT)}\0".encode())
        changes.update(file.read_bytes())
    return changes.hexdigest()


def database_url(platform: Platform, database: str) -> str:
    """Where a service connects to its database."""
    return platform.postgres.url(database, database, platform.home.database_password(database))


def _admin_url(platform: Platform, database: str) -> str:
    return urlsplit(platform.postgres.admin_url)._replace(path=f"/{database}").geturl()


async def fill(platform: Platform) -> dict[str, int]:
    """Fills a platform that runs and is empty.

    Returns:
        The number of rows by `database.table`.
    """
    counts: dict[str, int] = {}
    async with _canonical(platform) as canonical:
        for database in DATABASES:
            counts |= await _copy(canonical, database, database_url(platform, database))
    counts["access.account_reference"] = await _keep_accounts(platform)
    for database in DATABASES:
        await settle(platform, database)
    return counts


async def clean(platform: Platform) -> None:
    """Takes out what an earlier benchmark has created."""
    for database in DATABASES:
        async with _connected(_admin_url(platform, database)) as connection:
            # No checks whether anything refers to what goes: they would read whole tables, once for each contact.
            await connection.execute("SET session_replication_role = replica")
            for table in TRACES:
                await connection.execute(f"TRUNCATE {table}")
            for (table,) in await connection.fetch(_OF_CONTACTS):
                await connection.execute(f"DELETE FROM {table} WHERE id >= $1", FIRST_NEW_ID)
        await settle(platform, database)


async def settle(platform: Platform, database: str) -> None:
    """Leaves PostgreSQL nothing to do later that would disturb a measurement."""
    async with _connected(database_url(platform, database)) as connection:
        await connection.execute("VACUUM (ANALYZE)")


@asynccontextmanager
async def _connected(url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    connection = await asyncpg.connect(url, timeout=10, command_timeout=TIMEOUT)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _canonical(platform: Platform) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """The canonical data and the views on it, in a database that is dropped again."""
    admin_url = _admin_url(platform, "postgres")
    async with _connected(admin_url) as admin:
        await admin.execute(f"DROP DATABASE IF EXISTS {CANONICAL} WITH (FORCE)")
        await admin.execute(f"CREATE DATABASE {CANONICAL}")
    try:
        async with _connected(_admin_url(platform, CANONICAL)) as canonical:
            for name in ("canonical-data", "keys", *DATABASES):
                await canonical.execute((DATA / f"{name}.sql").read_text())
            yield canonical
    finally:
        async with _connected(admin_url) as admin:
            await admin.execute(f"DROP DATABASE {CANONICAL} WITH (FORCE)")


async def _copy(canonical: "asyncpg.Connection[asyncpg.Record]", schema: str, url: str) -> dict[str, int]:
    """Fills the tables of one database, in the order in which their views were made."""
    counts = {}
    async with _connected(url) as target:
        for (table,) in await canonical.fetch(_VIEWS, schema):
            query = f'SELECT * FROM {schema}."{table}"'
            columns = [column.name for column in (await canonical.prepare(query)).get_attributes()]
            rows = BytesIO()
            await canonical.copy_from_query(query, output=rows, timeout=TIMEOUT)
            rows.seek(0)
            done = await target.copy_to_table(table, source=rows, columns=columns, timeout=TIMEOUT)
            counts[f"{schema}.{table}"] = int(done.split()[-1])
    return counts


async def _keep_accounts(platform: Platform) -> int:
    """Gives the gateway its copies of the accounts, serialised as the customers service would send them."""
    customers = Database(database_url(platform, "customers"), 1)
    try:
        async with customers.reading() as connection:
            messages = [accounts.mapping.read(row) for row in await connection.execute(accounts.mapping.select())]
    finally:
        await customers.close()
    async with _connected(database_url(platform, "access")) as access:
        await access.copy_records_to_table(
            AccountReference.__tablename__,
            records=[(UUID(m.id), int(m.etag), False, m.SerializeToString()) for m in messages],
            columns=["id", "version", "deleted", "snapshot"],
        )
    return len(messages)
