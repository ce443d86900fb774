"""What grows and may go after a while."""

import asyncio
from collections.abc import Sequence

import structlog
from sqlalchemy import TextClause, text

from rotunda_kit.db.engine import Database

log = structlog.get_logger()

# Seconds between two rounds.
PAUSE = 600.0
BATCH = 5_000

_ROUND = [
    # Sent events stay for 72 hours, to be published again after the broker lost them.
    text(
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox"
        " WHERE sent_time < now() - interval '72 hours' LIMIT :batch)"
    ),
    # Longer than any stream keeps a message.
    text(
        "DELETE FROM inbox WHERE (consumer, event_id) IN (SELECT consumer, event_id FROM inbox"
        " WHERE time < now() - interval '14 days' LIMIT :batch)"
    ),
    text(
        "DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter"
        " WHERE settle_time < now() - interval '30 days' LIMIT :batch)"
    ),
    text(
        "DELETE FROM idempotency WHERE (caller, method, request_id) IN"
        " (SELECT caller, method, request_id FROM idempotency"
        " WHERE create_time < now() - interval '24 hours' LIMIT :batch)"
    ),
]


async def housekeep(database: Database, more: Sequence[TextClause] = ()) -> None:
    """Delete what has had its time, in small transactions, until cancelled.

    Args:
        database: of the service.
        more: statements for its own tables.
    """
    while True:
        try:
            for statement in (*_ROUND, *more):
                await _repeat(database, statement)
        except Exception as error:  # the next round comes
            log.warning("housekeeping interrupted", error=type(error).__name__)
        await asyncio.sleep(PAUSE)


async def _repeat(database: Database, statement: TextClause) -> None:
    deleted = BATCH
    while deleted == BATCH:
        async with database.transaction() as session:
            connection = await session.connection()
            deleted = (await connection.execute(statement, {"batch": BATCH})).rowcount
