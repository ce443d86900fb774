"""Whether the records exist that a request names, by the `refers_to` rules of its fields.

Looked up before the transaction begins: for a record of this service in its own table, for another's in the copy that
is kept here, and, on
a miss, by asking its owner once.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from sqlalchemy import Select, Table, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from rotunda.access.v1 import group_service_pb2, team_service_pb2, user_service_pb2
from rotunda_kit.access.permissions import READ, Permission, resource_of
from rotunda_kit.check.formats import is_uuid
from rotunda_kit.db.tables import access_group, access_team, access_user
from rotunda_kit.descriptors import behaviours, message_type_of, rules
from rotunda_kit.errors import NotFound, PermissionDenied
from rotunda_kit.events.references import ReferenceCopy, get_request, message_in
from rotunda_kit.resource.publication import nouns, publication_of

if TYPE_CHECKING:
    from rotunda_kit.server.call import Call

# Questions to an owner that are under way at the same time.
CONCURRENCY = 16

_ANY = func.any(bindparam("ids", type_=ARRAY(Uuid)))


@cache
def _plan(descriptor: Descriptor) -> tuple[list[tuple[FieldDescriptor, str]], list[FieldDescriptor]]:
    """The fields of a message that are references, and the messages in it that hold some further down."""
    return _plan_below(descriptor, frozenset())


def _plan_below(
    descriptor: Descriptor, above: frozenset[str]
) -> tuple[list[tuple[FieldDescriptor, str]], list[FieldDescriptor]]:
    references, holders = [], []
    for field in descriptor.fields:
        if "OUTPUT_ONLY" in behaviours(field):
            continue
        noun = rules(field).refers_to
        if noun:
            references.append((field, noun))
        elif field.message_type is not None and field.message_type.full_name not in above:
            below = _plan_below(field.message_type, above | {descriptor.full_name})
            if below[0] or below[1]:
                holders.append(field)
    return references, holders


def nouns_in(descriptor: Descriptor) -> set[str]:
    """Every noun that a message of this type may refer to."""
    references, holders = _plan(descriptor)
    found = {noun for _, noun in references}
    for field in holders:
        found |= nouns_in(message_type_of(field))
    return found


def references_in(message: Message, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Path, noun and id of every reference that is set in a message."""
    references, holders = _plan(message.DESCRIPTOR)
    for field, noun in references:
        value = getattr(message, field.name)
        if field.is_repeated:
            for at, entry in enumerate(value):
                yield f"{path}{field.name}[{at}]", noun, entry
        elif value:
            yield f"{path}{field.name}", noun, value
    for field in holders:
        if field.is_repeated:
            for at, entry in enumerate(getattr(message, field.name)):
                yield from references_in(entry, f"{path}{field.name}[{at}].")
        elif message.HasField(field.name):
            yield from references_in(getattr(message, field.name), f"{path}{field.name}.")


@cache
def _living(table: Table) -> Select[Any]:
    return select(table.c.id).where(table.c.id == _ANY, table.c.delete_time.is_(None))


@cache
def _copied(table: Table) -> Select[Any]:
    return select(table.c.id, table.c.deleted).where(table.c.id == _ANY)


@dataclass(frozen=True, slots=True)
class HeardOf:
    """A noun of access of which every service knows the records, and whom to ask on a miss."""

    table: Table
    get: MethodDescriptor


def _method(service: Any, name: str) -> MethodDescriptor:
    found: MethodDescriptor = service.DESCRIPTOR.services_by_name[f"{name}Service"].methods_by_name[f"Get{name}"]
    return found


HEARD_OF = {
    "access.user": HeardOf(access_user, _method(user_service_pb2, "User")),
    "access.team": HeardOf(access_team, _method(team_service_pb2, "Team")),
    "access.group": HeardOf(access_group, _method(group_service_pb2, "Group")),
}


class ReferenceCheck:
    """Knows which records exist.

    Args:
        own: tables of this service's nouns.
        copies: of the others' nouns.
    """

    def __init__(self, own: Mapping[str, Table], copies: Iterable[ReferenceCopy]) -> None:
        self._own = dict(own)
        self._copies: dict[str, ReferenceCopy | HeardOf] = {**HEARD_OF, **{copy.noun: copy for copy in copies}}

    def knows(self, noun: str) -> bool:
        """Whether this service can tell if a record of a noun exists."""
        return noun in self._own or noun in self._copies

    async def unknown(self, request: Message, call: "Call") -> frozenset[tuple[str, str]]:
        """The records that a request names and that do not exist, as `(noun, id)`.

        Raises:
            Unavailable: the owner of a record that was never heard of here does not answer.
        """
        named: dict[str, set[str]] = {}
        for _, noun, record_id in references_in(request):
            if is_uuid(record_id):
                named.setdefault(noun, set()).add(record_id)
        missing: set[tuple[str, str]] = set()
        for noun, ids in named.items():
            missing |= {(noun, record_id) for record_id in await self._missing(noun, ids, call)}
        return frozenset(missing)

    async def _missing(self, noun: str, ids: set[str], call: "Call") -> set[str]:
        wanted = [UUID(record_id) for record_id in ids]
        if noun in self._own:
            table = self._own[noun]
            statement = _living(table)
            # What he may not see does not exist for the caller.
            reading = Permission(resource_of(publication_of(nouns()[noun]).mapping.descriptor), READ)
            visible = await call.access.condition(noun, reading)
            if visible is not None:
                statement = statement.where(visible)
            rows = await call.rows(statement, {"ids": wanted})
            return ids - {str(row.id) for row in rows}
        copy = self._copies[noun]
        rows = await call.rows(_copied(copy.table), {"ids": wanted})
        known = {str(row.id) for row in rows}
        deleted = {str(row.id) for row in rows if row.deleted}
        fetched = await self._fetch(copy, ids - known, call)
        return deleted | (ids - known - fetched)

    @staticmethod
    async def _fetch(copy: "ReferenceCopy | HeardOf", ids: set[str], call: "Call") -> set[str]:
        """Ask the owner, and keep what it answers; returns the ids that exist."""
        if not ids:
            return set()
        limit = asyncio.Semaphore(CONCURRENCY)

        async def ask(record_id: str) -> dict[str, Any] | None:
            async with limit:
                try:
                    record: Any = message_in(await call.ask(copy.get, get_request(copy.get, record_id)))
                    return copy.row(record) if isinstance(copy, ReferenceCopy) else {"id": UUID(record.id)}
                except (NotFound, PermissionDenied):
                    return None

        rows = [row for row in await asyncio.gather(*map(ask, sorted(ids))) if row]
        if rows and isinstance(copy, ReferenceCopy):
            async with call.database.transaction() as session:
                await copy.keep(session, rows)
        return {str(row["id"]) for row in rows}
