"""The end of what has been in the recycle bin for long enough.

A purged record is emptied, not removed: others refer to its id, and whoever compares his copies with it must learn that
it is gone. What it held goes everywhere, for its state is told again.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import structlog
from sqlalchemy import Column, LargeBinary, String, Table, Text, select, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import Enum

from rotunda_kit.audit.entries import NOTE, Cause, Entry, parameters
from rotunda_kit.db.engine import Database
from rotunda_kit.events.republish import ACTOR, restate
from rotunda_kit.model import Resource, now
from rotunda_kit.resource.publication import publication_of

log = structlog.get_logger()

# Seconds between two looks.
PAUSE = 3600.0
BATCH = 500

# What says that there was a record, and when.
_KEPT = frozenset({"id", "version", "create_time", "update_time", "delete_time", "purge_time"})


async def empty_bins(database: Database, models: Sequence[type[Resource]], keep: timedelta) -> None:
    """Purge what was deleted long ago, in small transactions, until cancelled.

    Args:
        database: of the service.
        models: its nouns.
        keep: how long records stay in the recycle bin.
    """
    while True:
        try:
            for model in models:
                await purge(database, model, now() - keep)
        except Exception as error:  # the next round comes
            log.warning("purge interrupted", error=type(error).__name__)
        await asyncio.sleep(PAUSE)


async def purge(database: Database, model: type[Resource], before: datetime) -> int:
    """Empty the records of a noun that were deleted before a moment; returns how many there were."""
    purged, batch = 0, BATCH
    while batch == BATCH:
        batch = await _purge_some(database, model, before)
        purged += batch
    if purged:
        log.info("purged", noun=model.__noun__, records=purged)
    return purged


async def _purge_some(database: Database, model: type[Resource], before: datetime) -> int:
    table: Any = model.__table__  # type: ignore[attr-defined] # every concrete mapped class has one
    # Who undeletes one of them has it locked, and keeps it.
    chosen = (
        select(table.c.id)
        .where(table.c.delete_time < before, table.c.delete_time.is_not(None), table.c.purge_time.is_(None))
        .order_by(table.c.delete_time, table.c.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    at = now()
    async with database.transaction() as session:
        ids = (await session.scalars(chosen)).all()
        if not ids:
            return 0
        emptied = (
            update(table)
            .where(table.c.id.in_(ids))
            .values(version=table.c.version + 1, update_time=at, purge_time=at, **_nothing(table))
            .returning(table.c.id, table.c.version)
        )
        gone = [(row.id, row.version) for row in await session.execute(emptied)]
        connection = await session.connection()
        entries = Entry.about_many(model.__noun__, "purged", gone)
        await connection.exec_driver_sql(NOTE, parameters(entries, Cause(ACTOR), at))
        if publication_of(model).event is not None:
            await restate(session, model, table.c.id.in_(ids), fresh=True)
    return len(ids)


@cache
def _nothing(table: Table) -> dict[str, Any]:
    """The columns of a table that tell something of a record, each with what tells nothing."""
    return {
        column.name: None if column.nullable else _empty(column)
        for column in table.columns
        if column.name not in _KEPT
        and column.computed is None
        and (column.nullable or _empty(column) is not None)
        # A number that is given once stays, or the next one would have to be empty, too.
        and not column.unique
    }


def _empty(column: Column[Any]) -> Any:
    """What a column that can't be null holds where it tells nothing; None where its values tell nothing anyway."""
    if isinstance(column.type, JSONB | ARRAY):
        return []
    if isinstance(column.type, LargeBinary):
        return b""
    if isinstance(column.type, Text | String) and not isinstance(column.type, Enum):
        return ""
    return None
