"""Records that stand below others of their noun: no circles, and none below one that is deleted."""

from typing import Any
from uuid import UUID

from sqlalchemy import Table, exists, func, select

from rotunda_kit.errors import FailedPrecondition, FieldViolation
from rotunda_kit.model import Resource
from rotunda_kit.resource.records import Guard
from rotunda_kit.server.call import Command


def in_hierarchy(model: type[Resource], parent: str) -> Guard[Any]:
    """A guard for a noun whose records name their parent in the field `parent`.

    It refuses with FailedPrecondition HIERARCHY_CYCLE or PARENT_DELETED. One change of a hierarchy goes on at a time:
    two that are right each for itself can close a circle together.
    """
    table: Table = model.__table__  # type: ignore[attr-defined] # every concrete mapped class has one
    above = table.c[parent]

    async def guard(call: Command, record: Resource) -> None:
        parent_id: UUID | None = getattr(record, parent)
        if parent_id is None:
            return
        lock = func.hashtextextended(f"{model.__noun__} hierarchy", 0)
        await call.session.execute(select(func.pg_advisory_xact_lock(lock)))
        await call.work.flush()
        lives = exists().where(table.c.id == parent_id, table.c.delete_time.is_(None))
        if not await call.session.scalar(select(lives)):
            raise FailedPrecondition("PARENT_DELETED", "The record that it names as its parent is deleted.").at(
                FieldViolation(parent, "is deleted")
            )
        way = select(table.c.id, above).where(table.c.id == parent_id).cte("way", recursive=True)
        way = way.union(select(table.c.id, above).join(way, table.c.id == way.c[parent]))
        if await call.session.scalar(select(exists().where(way.c.id == record.id))):
            raise FailedPrecondition("HIERARCHY_CYCLE", "The parent stands below the record itself.").at(
                FieldViolation(parent, "stands below the record itself")
            )

    return guard


def no_children(model: type[Resource], parent: str, reason: str) -> Guard[Any]:
    """A guard for deletes: refuses with FailedPrecondition `reason` while others name the record in `parent`."""
    table: Table = model.__table__  # type: ignore[attr-defined] # every concrete mapped class has one

    async def guard(call: Command, record: Resource) -> None:
        lock = func.hashtextextended(f"{model.__noun__} hierarchy", 0)
        await call.session.execute(select(func.pg_advisory_xact_lock(lock)))
        children = exists().where(table.c[parent] == record.id, table.c.delete_time.is_(None))
        if await call.session.scalar(select(children)):
            raise FailedPrecondition(reason, "Others name this one as their parent.")

    return guard
