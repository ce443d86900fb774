"""What a database needs that was restored to an earlier state, before its service starts again.

Others still know what was lost: versions of records, numbers, entity tags. None of these may be given a second time, or
whoever knows the lost one would take the new one for it.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select, text, update

from rotunda_kit.db.engine import Database
from rotunda_kit.model import Resource

log = structlog.get_logger()

# By so much versions are raised, and so many numbers left out: more than can have been lost.
LIFT = 1_000_000
SKIPPED = 100_000
BATCH = 5_000
FIRST = UUID(int=0)

# Those of identity columns only order rows.
_SKIP = text("""
SELECT setval(sequence.oid, nextval(sequence.oid) + :skipped) FROM pg_class AS sequence
WHERE sequence.relkind = 'S' AND sequence.relnamespace = current_schema()::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = sequence.oid AND deptype = 'i')
""")


async def lift(database: Database, models: Iterable[type[Resource]]) -> None:
    """Raise the versions of all records, and leave out numbers. Done twice it does no harm.

    Args:
        database: of the service, which does not run.
        models: its mapped classes.
    """
    for model in models:
        records = await _lift_versions(database, model)
        log.info("versions raised", noun=model.__noun__, records=records)
    async with database.transaction() as session:
        await session.execute(_SKIP, {"skipped": SKIPPED})


async def _lift_versions(database: Database, model: type[Resource]) -> int:
    table: Any = model.__table__  # type: ignore[attr-defined] # every concrete mapped class has one
    records, after = 0, FIRST
    while True:
        batch = select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(BATCH).subquery()
        statement = (
            update(table).where(table.c.id == batch.c.id).values(version=table.c.version + LIFT).returning(table.c.id)
        )
        async with database.transaction() as session:
            ids = (await session.scalars(statement)).all()
        if not ids:
            return records
        records, after = records + len(ids), max(ids)
