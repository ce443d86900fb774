"""Telling again: sent events as they were, or the state of records as it is.

Both go through the outbox, in the order of the live relay, and only while little else waits there.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_kit.custom_fields.catalogue import catalogue_for
from rotunda_kit.db.engine import Database
from rotunda_kit.db.tables import outbox
from rotunda_kit.db.unit_of_work import OUTBOX_COLUMNS, TELL
from rotunda_kit.fail_points import FailPoint, fail_point
from rotunda_kit.model import Resource, new_id
from rotunda_kit.resource.publication import nouns, publication_of

BATCH = 500
# Seconds between two looks whether the relay has caught up.
PAUSE = 0.1
# The verb of a state that is told again, where the record lives; of a deleted one it is `deleted`.
RESTATED = "restated"
ACTOR = "system"
FIRST = UUID(int=0)

_NAMESPACE = UUID("6e1f5c1e-8c0c-5f0e-9a0b-0d4c6f6f7a11")
_WAITING = text("SELECT count(*) FROM (SELECT FROM outbox WHERE sent_time IS NULL LIMIT :batch) AS waiting")


def state_event_id(noun: str, record_id: UUID, version: int) -> UUID:
    """The id of the event that tells a state: always the same, so that who has taken it in is not bothered again."""
    return uuid5(_NAMESPACE, f"{noun} {record_id} {version}")


async def republish_since(database: Database, since: datetime, after: int = 0) -> AsyncIterator[tuple[int, int]]:
    """Publish again, with their ids, the events that were sent since a moment: those that the outbox still has.

    Args:
        database: of the service; one of its workers must be running.
        since: the moment.
        after: where an earlier run got to.

    Yields:
        How many so far, and where it got to.
    """
    async with database.reading() as connection:
        last = await connection.scalar(select(func.max(outbox.c.id))) or 0
    told = 0
    while True:
        await _until_quiet(database)
        chosen = (
            select(outbox.c.id)
            .where(outbox.c.id > after, outbox.c.id <= last, outbox.c.sent_time >= since)
            .order_by(outbox.c.id)
            .limit(BATCH)
        )
        statement = update(outbox).where(outbox.c.id.in_(chosen)).values(sent_time=None).returning(outbox.c.id)
        async with database.transaction() as session:
            ids = (await session.scalars(statement)).all()
            await fail_point(FailPoint.REPUBLISH_BEFORE_COMMIT)
        await fail_point(FailPoint.REPUBLISH_AFTER_COMMIT)
        if not ids:
            return
        told, after = told + len(ids), max(ids)
        yield told, after


def told_nouns(service: str) -> list[type[Resource]]:
    """The nouns of a service that others hear of, by their names."""
    own = {noun: model for noun, model in nouns().items() if noun.startswith(f"{service}.")}
    return [own[noun] for noun in sorted(own) if publication_of(own[noun]).event is not None]


async def republish_all(
    database: Database, model: type[Resource], after: UUID = FIRST
) -> AsyncIterator[tuple[int, UUID]]:
    """Tell the state of every record of a noun, of deleted ones too.

    Args:
        database: of the service; one of its workers must be running.
        model: the noun's mapped class.
        after: where an earlier run got to.

    Yields:
        How many so far, and where it got to.
    """
    table: Any = model.__table__  # type: ignore[attr-defined] # every concrete mapped class has one
    told = 0
    while True:
        await _until_quiet(database)
        async with database.transaction() as session:
            ids = await restate(session, model, table.c.id > after)
            await fail_point(FailPoint.REPUBLISH_BEFORE_COMMIT)
        await fail_point(FailPoint.REPUBLISH_AFTER_COMMIT)
        if not ids:
            return
        told, after = told + len(ids), ids[-1]
        yield told, after


async def restate(
    session: AsyncSession, model: type[Resource], condition: ColumnElement[bool], *, fresh: bool = False
) -> Sequence[UUID]:
    """Put the state of the records that a condition chooses into the outbox, at most 500, in the order of their ids.

    Args:
        session: in a transaction.
        model: the noun's mapped class.
        condition: on its table.
        fresh: whether to tell it even to those who took in just this before.

    Returns:
        Their ids.
    """
    table: Any = model.__table__  # type: ignore[attr-defined] # every concrete mapped class has one
    publication, noun = publication_of(model), model.__noun__
    assert publication.event is not None  # noqa: S101 - asked for published nouns only
    # Locked, so that a change of one of them, and its event, comes behind this.
    statement = (
        select(table.c.id, table.c.version, table.c.update_time, table.c.delete_time)
        .where(condition)
        .order_by(table.c.id)
        .limit(BATCH)
        .with_for_update(read=True)
    )
    records = (await session.execute(statement)).all()
    if not records:
        return []
    connection = await session.connection()
    catalogue = catalogue_for(model)
    if catalogue is not None:
        await catalogue.refresh(connection)
    found = await connection.execute(publication.mapping.all_by_ids, {"ids": [record.id for record in records]})
    messages = {UUID(message.id): message for message in map(publication.mapping.read, found)}
    field = noun.split(".")[1]
    rows = [
        {
            "event_id": new_id() if fresh else state_event_id(noun, record.id, record.version),
            "noun": noun,
            "verb": "deleted" if record.delete_time else RESTATED,
            "aggregate_id": record.id,
            "aggregate_version": record.version,
            "time": record.update_time,
            "actor": ACTOR,
            "traceparent": "",
            "payload": publication.event(**{field: messages[record.id]}).SerializeToString(),
        }
        for record in records
    ]
    await connection.exec_driver_sql(TELL, tuple([row[column] for row in rows] for column in OUTBOX_COLUMNS))
    return [record.id for record in records]


async def _until_quiet(database: Database) -> None:
    """Wait until less than a batch is unsent, so that what happens now is told without delay."""
    while True:
        async with database.reading() as connection:
            if int(await connection.scalar(_WAITING, {"batch": BATCH}) or 0) < BATCH:
                return
        await asyncio.sleep(PAUSE)
