"""One command, one transaction: the records that it changed, the events about them, and the answer to replay.

Only this module commits.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy import delete, inspect
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_kit.audit.entries import PARAMETERS, Cause, Entry, entry_of, note_statement, parameters
from rotunda_kit.custom_fields.catalogue import acquaint
from rotunda_kit.db.engine import Database
from rotunda_kit.db.tables import external_id
from rotunda_kit.db.tracking import TrackingSession
from rotunda_kit.errors import AlreadyExists, FieldViolation, InvalidArgument
from rotunda_kit.events.envelope import outbox_row
from rotunda_kit.fail_points import FailPoint, fail_point
from rotunda_kit.model import Change, Resource, now
from rotunda_kit.resource.publication import publication_of

R = TypeVar("R", bound=Resource)


# Every write ends in these, so they go to the driver as they are: one round trip, and nothing to compile.
OUTBOX_COLUMNS = (
    "event_id",
    "noun",
    "verb",
    "aggregate_id",
    "aggregate_version",
    "time",
    "actor",
    "traceparent",
    "payload",
)
TELL = f"""
INSERT INTO outbox ({", ".join(OUTBOX_COLUMNS)})
SELECT {", ".join(OUTBOX_COLUMNS)} FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::timestamptz[], $7::text[], $8::text[], $9::bytea[]
) WITH ORDINALITY AS told ({", ".join(OUTBOX_COLUMNS)}, place) ORDER BY place
"""  # noqa: S608 - of constants
_NEXT = len(OUTBOX_COLUMNS) + 1
_LAST = _NEXT + PARAMETERS
TELL_AND_NOTE = f"WITH told AS ({TELL}) {note_statement(_NEXT)}"
TELL_NOTE_AND_KEEP = f"""
WITH told AS ({TELL}), noted AS ({note_statement(_NEXT)})
INSERT INTO idempotency (caller, method, request_id, digest, response)
VALUES (${_LAST}, ${_LAST + 1}, ${_LAST + 2}, ${_LAST + 3}, ${_LAST + 4})
"""  # noqa: S608 - of constants


class Answer(NamedTuple):
    """What a write answered, to be replayed when the same request comes again: a row of the table `idempotency`."""

    caller: str
    method: str
    request_id: str
    digest: bytes
    response: bytes


class UnitOfWork:
    """The open transaction of one command.

    Args:
        session: its SQLAlchemy session.
        actor: subject of the caller, for the events.
        cause: who does it by which request, for the audit trail.
    """

    def __init__(self, session: AsyncSession, actor: str, cause: Cause) -> None:
        self.session = session
        self.actor = actor
        self.cause = cause
        self._entries: list[Entry] = []
        self._parts: dict[UUID, list[dict[str, Any]]] = {}
        self._messages: dict[tuple[UUID, int], Message] = {}
        self._locked: dict[UUID, Resource] = {}
        self._answer: Answer | None = None

    @property
    def _tracking(self) -> TrackingSession:
        tracking = self.session.sync_session
        assert isinstance(tracking, TrackingSession)  # noqa: S101 - Database makes no other
        return tracking

    def locked(self, model: type[R], record_id: UUID) -> R | None:
        """A record that this transaction has locked already."""
        record = self._locked.get(record_id)
        return record if isinstance(record, model) and record.delete_time is None else None

    def note_locked(self, records: Iterable[Resource]) -> None:
        """Take note of records that this transaction has locked."""
        self._locked.update((record.id, record) for record in records)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What happens inside happens as a whole or not at all, and leaves the rest of the transaction as it was."""
        await self.flush()
        touched, created = dict(self._tracking.touched), set(self._tracking.created)
        before = {record_id: dict(values) for record_id, values in self._tracking.before.items()}
        entries = list(self._entries)
        parts = {record_id: list(changes) for record_id, changes in self._parts.items()}
        changes = {record_id: record.changes() for record_id, record in touched.items()}
        try:
            async with self.session.begin_nested():
                yield
                await self.flush()
        except BaseException:
            for record in self._tracking.touched.values():
                record.take_changes()
            self._tracking.info.update(touched=touched, created=created, before=before)
            self._entries, self._parts = entries, parts
            self._tracking.renamed.clear()
            # Their state went back with the savepoint; whoever needs them reads them again.
            self._locked.clear()
            self._messages.clear()
            for record_id, record in touched.items():
                record.restore_changes(changes[record_id])
                if inspect(record).expired_attributes:
                    await self.session.refresh(record)
            raise

    async def flush(self) -> None:
        """Write what has changed so far.

        Raises:
            InvalidArgument: a record breaks a rule of its own.
            AlreadyExists: EXTERNAL_ID_TAKEN, or another unique value is.
        """
        for record in [*self.session.new, *self.session.dirty]:
            if isinstance(record, Resource):
                check(record)
        await self.session.flush()
        if self._tracking.renamed:
            await self._write_external_ids(list(self._tracking.renamed.values()))
            self._tracking.renamed.clear()

    async def _write_external_ids(self, records: list[Resource]) -> None:
        await self.session.execute(delete(external_id).where(external_id.c.resource_id.in_([r.id for r in records])))
        rows = [
            {"noun": r.__noun__, "system": e["system"], "external_id": e["id"], "resource_id": r.id}
            for r in records
            if r.delete_time is None
            for e in r.external_ids
        ]
        if not rows:
            return
        written = await self.session.execute(
            upsert(external_id)
            .on_conflict_do_nothing()
            .returning(external_id.c.resource_id, external_id.c.external_id),
            rows,
        )
        if len(written.all()) < len(rows):
            raise AlreadyExists("EXTERNAL_ID_TAKEN", "Another record has one of these external ids.").at(
                FieldViolation("external_ids", "another record has one of them")
            )

    async def messages(self, records: list[Resource]) -> list[Any]:
        """The messages of records as they are now, in their order; flushes first.

        They are read back by the one statement that lists use, so that an answer, a list and an event never differ.
        """
        await self.flush()
        missing = {r.id: r for r in records if (r.id, r.version) not in self._messages}
        by_model: dict[type[Resource], list[Resource]] = {}
        for record in missing.values():
            by_model.setdefault(type(record), []).append(record)
        connection = await self.session.connection()
        for model, of_model in by_model.items():
            mapping = publication_of(model).mapping
            await acquaint(connection, model, (getattr(r, "custom_fields", None) for r in of_model))
            for row in await connection.execute(mapping.all_by_ids, {"ids": [r.id for r in of_model]}):
                message: Any = mapping.read(row)
                self._messages[UUID(message.id), int(message.etag)] = message
        return [self._messages[r.id, r.version] for r in records]

    def note(self, *entries: Entry) -> None:
        """Let the audit trail tell of what no changed record shows."""
        self._entries.extend(entries)

    def note_part(self, record: Resource, field: str, before: Any, after: Any) -> None:
        """Let the audit trail tell of a part of a changed record that tables beside its own keep.

        Args:
            record: whose change it is.
            field: as in the API.
            before: as JSON has it; None where there was nothing. Nothing personal.
            after: as `before`.
        """
        values = {"before": before, "after": after}
        told = {name: value for name, value in values.items() if value is not None}
        self._parts.setdefault(record.id, []).append({"field": field, **told})

    def keep(self, answer: Answer) -> None:
        """Keep the answer of the request, for whoever sends it again."""
        self._answer = answer

    async def write_events(self) -> None:
        """Put what happened into the outbox, and the answer beside it; called once, at the end."""
        await self.flush()
        touched = list(self._tracking.touched.values())
        changes = {record.id: self._changes(record) for record in touched}
        told_of = [record for record in touched if publication_of(type(record)).event]
        rows: list[dict[str, Any]] = []
        for record, message in zip(told_of, await self.messages(told_of), strict=True):
            publication = publication_of(type(record))
            rows += [outbox_row(record, message, publication, change, self.actor) for change in changes[record.id]]
        for record in touched:
            is_new = record.id in self._tracking.created
            before = None if is_new else self._tracking.before.get(record.id, {})
            # A record that is made and goes on at once is a new one.
            verb = changes[record.id][0 if is_new else -1].verb
            entry = entry_of(record, verb, before)
            entry.changes.extend(self._parts.get(record.id, ()))
            self._entries.append(entry)
        connection = await self.session.connection()
        told = [[row[column] for row in rows] for column in OUTBOX_COLUMNS]
        noted = parameters(self._entries, self.cause, now())
        if self._answer is not None:
            await connection.exec_driver_sql(TELL_NOTE_AND_KEEP, (*told, *noted, *self._answer))
        elif self._entries:
            await connection.exec_driver_sql(TELL_AND_NOTE, (*told, *noted))

    def _changes(self, record: Resource) -> list[Change]:
        changes = record.take_changes()
        if record.id in self._tracking.created and all(change.verb != "created" for change in changes):
            return [Change("created", {}), *changes]
        return changes or [Change("updated", {})]


def check(record: Resource) -> None:
    """Refuse a record that breaks a rule of its own.

    Raises:
        InvalidArgument: naming every wrong field.
    """
    violations = list(record.violations())
    if violations:
        raise InvalidArgument(violations)


@asynccontextmanager
async def unit_of_work(database: Database, actor: str, cause: Cause | None = None) -> AsyncIterator[UnitOfWork]:
    """A transaction for one command: commits with its events at the end, or leaves nothing behind.

    Args:
        database: of the service.
        actor: subject of the caller.
        cause: for the audit trail; the actor, if omitted.
    """
    async with database.transaction() as session:
        work = UnitOfWork(session, actor, cause or Cause(actor))
        yield work
        await work.write_events()
        await fail_point(FailPoint.COMMAND_BEFORE_COMMIT)
    await fail_point(FailPoint.OUTBOX_AFTER_COMMIT)
