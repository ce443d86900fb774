"""Filing what could not be taken in."""

import hashlib
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert as upsert

from rotunda_kit.db.engine import Database
from rotunda_kit.db.tables import dead_letter


async def file_dead_letter(
    database: Database,
    consumer: str,
    *,
    subject: str,
    headers: Mapping[str, str],
    payload: bytes,
    tries: int,
    error: str,
    description: str = "",
) -> None:
    """Keep a message as a dead letter; filed again while it waits, it stays one.

    Args:
        database: of the consuming service.
        consumer: the durable's name.
        subject: of the message.
        headers: of the message, whatever they are.
        payload: of the message.
        tries: how often it was delivered.
        error: class of the last error.
        description: where it was raised; nothing of what the message says.
    """
    insert = upsert(dead_letter).values(
        consumer=consumer,
        event_id=headers.get("ce-id", ""),
        subject=subject,
        headers=dict(headers),
        payload=payload,
        key=_key(subject, headers, payload),
        tries=tries,
        error=error,
        description=description,
    )
    newest = {name: insert.excluded[name] for name in ("tries", "error", "description")}
    async with database.transaction() as session:
        await session.execute(
            insert.on_conflict_do_update(
                index_elements=["consumer", "key"],
                index_where=text("state = 'WAITING'"),
                set_={**newest, "tries": func.greatest(dead_letter.c.tries, insert.excluded.tries)},
            )
        )


def _key(subject: str, headers: Mapping[str, str], payload: bytes) -> str:
    try:
        return str(UUID(headers["ce-id"]))
    except (KeyError, ValueError):
        content = [subject, *(f"{name}: {headers[name]}" for name in sorted(headers))]
        return hashlib.sha256("\n".join(content).encode() + b"\n" + payload).hexdigest()
