"""Entries of the audit trail, as they are written: in the transaction of what they tell of, and not yet chained."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from rotunda_kit.audit.changes import SALT_BYTES, changes_of
from rotunda_kit.db.engine import Database
from rotunda_kit.identity import Principal
from rotunda_kit.model import Resource, new_id, now
from rotunda_kit.resource.publication import publication_of
from rotunda_kit.telemetry.traces import trace_id

_EACH = ("entry_id", "noun", "record_id", "record_version", "action", "changes", "salt")
_OF_ALL = ("time", "actor", "on_behalf_of", "session", "method", "request_id", "trace_id")


def note_statement(first: int) -> str:
    """The statement that writes entries; its parameters are those of `Entries.parameters`, from number `first` on."""
    types = ("uuid", "text", "uuid", "bigint", "text", "text", "bytea")
    arrays = ", ".join(f"${first + at}::{of}[]" for at, of in enumerate(types))
    scalars = ", ".join(
        f"${first + len(types) + at}::{of}" for at, of in enumerate(("timestamptz", *["text"] * (len(_OF_ALL) - 1)))
    )
    each = ", ".join(f"{name}::jsonb" if name == "changes" else name for name in _EACH)
    return f"""
INSERT INTO audit_entry ({", ".join((*_EACH, *_OF_ALL))})
SELECT {each}, {scalars} FROM unnest({arrays}) WITH ORDINALITY AS noted ({", ".join(_EACH)}, place) ORDER BY place
"""  # noqa: S608 - of constants


PARAMETERS = len(_EACH) + len(_OF_ALL)


@dataclass(frozen=True, slots=True)
class Cause:
    """Who does something, and by which request.

    `actor` is who really does it; `on_behalf_of` whose rights he uses, where they are another's, else empty.
    """

    actor: str
    on_behalf_of: str = ""
    session: str = ""
    method: str = ""
    request_id: str = ""

    @classmethod
    def of(cls, principal: Principal, method: str, request_id: str = "") -> "Cause":
        """A call."""
        if principal.actor:
            return cls(principal.actor, principal.subject, principal.session, method, request_id)
        return cls(principal.subject, "", principal.session, method, request_id)


class Entry(NamedTuple):
    """One thing that was done, to a record or to none."""

    noun: str
    record_id: UUID | None
    record_version: int | None
    action: str
    changes: list[dict[str, Any]]
    salt: bytes

    @classmethod
    def about_many(cls, noun: str, action: str, records: Iterable[tuple[UUID, int]]) -> "list[Entry]":
        """Records, with their versions, to which something was done by one statement."""
        return [cls(noun, record_id, version, action, [], b"") for record_id, version in records]


def entry_of(record: Resource, action: str, before: dict[str, Any] | None) -> Entry:
    """The entry about a change of a record.

    Args:
        record: as it is now, flushed.
        action: its verb, for example `updated`.
        before: the values that attributes had, of those that were set; None of a new record.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    changes = changes_of(publication_of(type(record)).mapping, record, before, salt)
    return Entry(record.__noun__, record.id, record.version, action, changes, salt)


def parameters(entries: Sequence[Entry], cause: Cause, at: datetime) -> tuple[Any, ...]:
    """The parameters of `note_statement`."""
    return (
        [new_id() for _ in entries],
        [entry.noun for entry in entries],
        [entry.record_id for entry in entries],
        [entry.record_version for entry in entries],
        [entry.action for entry in entries],
        [orjson.dumps(entry.changes).decode() for entry in entries],
        [entry.salt for entry in entries],
        at,
        cause.actor,
        cause.on_behalf_of,
        cause.session,
        cause.method,
        cause.request_id,
        trace_id(),
    )


async def note(database: Database, entries: Sequence[Entry], cause: Cause) -> None:
    """Write entries about what changed no record, for example that someone read it, or failed to sign in."""
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(NOTE, parameters(entries, cause, now()))


NOTE = note_statement(1)
