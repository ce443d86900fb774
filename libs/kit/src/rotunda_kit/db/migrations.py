"""Alembic for a service: its own versions, the kit's environment, under an advisory lock.

A service's folder `migrations/` holds nothing but versions. The first one makes the kit's tables with
`create_kit_tables`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
from alembic import command, op
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from rotunda_kit.db.engine import asyncpg_url
from rotunda_kit.db.failures import LOCK_NOT_AVAILABLE, sqlstate
from rotunda_kit.db.tables import kit_metadata

log = structlog.get_logger()

LOCK_KEY = 0x726F74756E6461  # "rotunda"
TRY_LOCK = text("SELECT pg_try_advisory_lock(:key)")
ATTEMPTS = 10
LOCK_TIMEOUT = "5s"
# Seconds between two looks at whether a database has got its version, or another migrator is ready.
LOOK_AGAIN = 1.0


def create_kit_tables() -> None:
    """Make the kit's tables as they were at first, for a service's first version; later changes are versions too."""
    change_kit_tables("kit_tables")


def change_kit_tables(change: str) -> None:
    """Change the kit's tables in a service's version.

    Args:
        change: name of the script beside this module, without `.sql`.
    """
    script = (Path(__file__).parent / f"{change}.sql").read_text()
    for statement in script.split(";\n"):
        if statement.strip():
            op.execute(statement)


def create_index(name: str, table: str, on: str, *, unique: bool = False) -> None:
    """Make an index on a table that is in use, without keeping anybody from writing.

    It can't be made in a transaction: let it be all that a version does, so that the version can be tried again.

    Args:
        name: of the index; a half-made one of this name, from a try that was broken off, is dropped.
        table: as SQL has it, quoted if need be.
        on: what follows the table: `(account_id, id) WHERE delete_time IS NULL`, say.
        unique: whether it keeps out what is there twice.
    """
    with op.get_context().autocommit_block():
        # It waits until all transactions that are older have ended; nobody waits for it meanwhile.
        op.execute("SET lock_timeout = 0")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE {'UNIQUE ' if unique else ''}INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table} {on}")
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")


def config(versions: Path, metadata: list[MetaData]) -> Config:
    """Alembic's configuration for a service.

    Args:
        versions: the folder with its versions.
        metadata: of its own tables, to compare with.
    """
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "alembic"))
    settings.set_main_option("version_locations", str(versions))
    settings.set_main_option("path_separator", "os")
    settings.attributes["metadata"] = [kit_metadata, *metadata]
    return settings


async def migrate(url: str, settings: Config) -> None:
    """Bring the database to the newest version; does nothing if it is there, or has a later release's.

    Waits for another migrator. Each version is a transaction. One that can't get its locks within five seconds gives
    way to the traffic and is tried again.
    """
    transactions = create_async_engine(
        asyncpg_url(url), connect_args={"server_settings": {"lock_timeout": LOCK_TIMEOUT}}
    )
    engine = transactions.execution_options(isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            # Not by waiting in the database: an index that is made concurrently would wait for who waits there.
            while not await connection.scalar(TRY_LOCK, {"key": LOCK_KEY}):  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(LOOK_AGAIN)
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    async with transactions.connect() as migrating:
                        await migrating.run_sync(_upgrade, settings)
                    return
                except Exception as error:
                    if sqlstate(error) != LOCK_NOT_AVAILABLE or attempt == ATTEMPTS:
                        raise
                    log.warning("migration waits for locks", attempt=attempt)
    finally:
        await transactions.dispose()


def _upgrade(connection: Connection, settings: Config) -> None:
    if _is_of_a_later_release(connection, settings):
        # Somebody went back to this release. The previous release runs on the new schema, so there is nothing to do.
        log.warning("the database has the version of a later release")
        return
    connection.rollback()  # Having looked: Alembic begins the transactions of versions only where there is none.
    settings.attributes["connection"] = connection
    started = time.monotonic()
    command.upgrade(settings, "head")
    log.info("migrated", seconds=round(time.monotonic() - started, 3))


async def await_migrations(
    url: str,
    settings: Config,
    timeout: float,  # noqa: ASYNC109 - tells what it waited for
    unfurnished: Callable[[AsyncConnection], Awaitable[str]] | None = None,
) -> None:
    """Return when the database has the newest version, or that of a later release, for that is made to serve this one.

    Args:
        url: of the database, which may be away meanwhile.
        settings: as `config` makes them.
        timeout: seconds.
        unfurnished: names what must also be in it and is not; asked when it has the version.

    Raises:
        TimeoutError: it does not have it yet.
    """
    engine = create_async_engine(asyncpg_url(url))
    missing = "nothing was heard of it"
    try:
        async with asyncio.timeout(timeout):
            while True:
                try:
                    async with engine.connect() as connection:
                        missing = await connection.run_sync(_missing, settings)
                        if not missing and unfurnished is not None:
                            missing = await unfurnished(connection)
                except Exception as error:  # whatever keeps the database away, it may come
                    missing = type(error).__name__
                if not missing:
                    return
                log.info("waits for migrations", missing=missing)
                await asyncio.sleep(LOOK_AGAIN)
    except TimeoutError as error:
        raise TimeoutError(f"The database did not get its version within {timeout:g} s: {missing}") from error
    finally:
        await engine.dispose()


def _missing(connection: Connection, settings: Config) -> str:
    """The versions that the database should have and has not; empty if none."""
    if _is_of_a_later_release(connection, settings):
        return ""
    wanted = ScriptDirectory.from_config(settings).get_heads()
    return ", ".join(sorted(set(wanted) - _versions(connection)))


def _is_of_a_later_release(connection: Connection, settings: Config) -> bool:
    """Whether the database has a version that is not among ours."""
    known = {version.revision for version in ScriptDirectory.from_config(settings).walk_revisions()}
    return bool(_versions(connection) - known)


def _versions(connection: Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())


async def revise(url: str, settings: Config, message: str) -> None:
    """Write a new version from the difference between the database and the mapped classes, to be read and edited."""
    engine = create_async_engine(asyncpg_url(url))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_revise, settings, message)
    finally:
        await engine.dispose()


def _revise(connection: Connection, settings: Config, message: str) -> None:
    settings.attributes["connection"] = connection
    if not list(Path(settings.get_main_option("version_locations") or "").glob("*.py")):
        with Operations.context(MigrationContext.configure(connection)):
            create_kit_tables()  # A first version makes them itself.
    command.revision(settings, message, autogenerate=True)
