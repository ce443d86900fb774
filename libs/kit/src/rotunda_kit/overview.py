"""The kit's side of the 360 degree view: sections, each one SQL statement for all accounts of a batch."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy import ColumnElement, Integer, Select, Uuid, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from rotunda.kit.v1 import overview_service_pb2 as pb
from rotunda_kit.access.control import Access
from rotunda_kit.access.permissions import READ, Permission
from rotunda_kit.errors import FieldViolation, InvalidArgument, RotundaError
from rotunda_kit.identity import Principal
from rotunda_kit.resource.collection import Collection
from rotunda_kit.resource.mapping import ResourceMapping
from rotunda_kit.server.call import Call
from rotunda_kit.server.method import Servicer, query
from rotunda_kit.status import to_status

MAX_ITEMS = 100
DEFAULT_ROWS, MAX_ROWS = 10, 100

Fill = Callable[[Call, Access, list[UUID], int], Awaitable[Mapping[UUID, Message]]]


@dataclass(frozen=True, slots=True)
class Section:
    """One section: for many accounts and at most so many rows each, an account's message, as a caller may see it.

    `absent` is the message of an account for which nothing was found; None leaves the section out. `noun` and
    `resource` are those whose records it shows.
    """

    name: str
    noun: str
    resource: str
    fill: Fill
    absent: Message | None


def list_section(
    name: str,
    collection: Collection[Any, Any],
    answer: type[Message],
    *,
    order_by: Sequence[ColumnElement[Any]],
    belongs: Callable[[ColumnElement[UUID]], ColumnElement[bool]] | None = None,
    also: Callable[[ColumnElement[UUID]], ColumnElement[bool]] | None = None,
    within: Callable[[Select[Any]], Select[Any]] = lambda statement: statement,
) -> Section:
    """A section that shows the head of a list.

    Args:
        name: of the section.
        collection: whose records.
        answer: message of the list's own answer.
        order_by: which come first, all descending; an index on the account and these serves it.
        belongs: the condition under which a record is an account's, from the account's id; if omitted, its
            `account_id` says so. A record that belongs in several ways (`EXISTS`) still comes once.
        also: another way to belong, that an index of its own serves; of few records an account.
        within: narrows the list further.
    """
    mapping = collection.mapping
    asked = (
        func.unnest(bindparam("accounts", type_=ARRAY(Uuid))).table_valued("account_id").render_derived(name="asked")
    )
    is_its = mapping.table.c.account_id == asked.c.account_id if belongs is None else belongs(asked.c.account_id)
    # Of what is found in two ways, to put it into one order.
    order: Any = order_by if also else ()
    keys = [term.element.label(f"key_{at}") for at, term in enumerate(order)]

    def heads(visible: ColumnElement[bool] | None) -> Any:
        living = within(mapping.select()).add_columns(*keys)
        if visible is not None:
            living = living.where(visible)
        by_account = _heads(asked, living.where(is_its).order_by(*order_by))
        if also is None:
            return by_account
        # Not one condition with OR: the planner can't know how few there are, and would look through the whole table in
        # the order that is wanted. GREATEST of one value is that value, in an order that no index has.
        unindexed = [func.greatest(key.element).desc() for key in keys]
        further = living.where(also(asked.c.account_id), is_its.is_not(true())).order_by(*unindexed)
        return by_account.union_all(_heads(asked, further))

    all_heads = heads(None)
    resource = collection.admission.resource
    (rows_field,) = [field for field in answer.DESCRIPTOR.fields if field.message_type is mapping.descriptor]

    async def fill(call: Call, access: Access, accounts: list[UUID], rows: int) -> dict[UUID, Message]:
        visible = await access.condition(collection.model.__noun__, Permission(resource, READ))
        statement = all_heads if visible is None else heads(visible)
        shield = access.shield(resource)
        listed: Iterable[Any] = await call.rows(statement, {"accounts": accounts, "rows": rows})
        if also is not None:
            listed = _first(listed, len(keys), rows)
        found: dict[UUID, list[Message]] = {}
        for row in listed:
            message = mapping.read(row)
            if shield is not None:
                shield.apply(message)
            found.setdefault(row[-1], []).append(message)
        return {account_id: answer(**{rows_field.name: messages}) for account_id, messages in found.items()}

    return Section(name, collection.model.__noun__, resource, fill, answer())


def _heads(asked: Any, rows: Select[Any]) -> Select[Any]:
    """The first rows of each account that is asked for, and the account."""
    head = rows.limit(bindparam("rows", type_=Integer)).lateral("head")
    return select(*head.c, asked.c.account_id.label("asked_for")).select_from(asked.join(head, true()))


def _first(rows: Iterable[Any], keys: int, limit: int) -> list[Any]:
    """Of rows that end in their keys and their account, each account's first, in descending order."""
    by_account: dict[UUID, list[Any]] = {}
    for row in sorted(rows, key=lambda row: tuple(row[-1 - keys : -1]), reverse=True):
        by_account.setdefault(row[-1], []).append(row)
    return [row for of_account in by_account.values() for row in of_account[:limit]]


def record_section(
    name: str, mapping: ResourceMapping[Any, Any], resource: str, absent: Message | None = None
) -> Section:
    """A section that shows one record: the account itself, or what stands beside it and has its `account_id`.

    Args:
        name: of the section.
        mapping: how the record is shown.
        resource: that one must be allowed to read.
        absent: shown of an account that has no such record; None leaves the section out.
    """
    account_id = mapping.table.c.get("account_id", mapping.table.c.id)
    noun: str = mapping.model.__noun__
    all_of_them = (
        mapping.select()
        .add_columns(account_id.label("asked_for"))
        .where(account_id == func.any(bindparam("accounts", type_=ARRAY(Uuid))))
    )

    async def fill(call: Call, access: Access, accounts: list[UUID], _rows: int) -> dict[UUID, Message]:
        visible = await access.condition(noun, Permission(resource, READ))
        statement = all_of_them if visible is None else all_of_them.where(visible)
        shield = access.shield(resource)
        found: dict[UUID, Message] = {}
        for row in await call.rows(statement, {"accounts": accounts}):
            found[row[-1]] = mapping.read(row)
            if shield is not None:
                shield.apply(found[row[-1]])
        return found

    return Section(name, noun, resource, fill, absent)


def overview_servicer(*sections: Section) -> type[Servicer]:
    """The servicer of `rotunda.kit.v1.OverviewService` for a service with these sections."""

    class OverviewServicer(Servicer, service="rotunda.kit.v1.OverviewService"):
        @query
        async def BatchGetOverviews(
            self, request: pb.BatchGetOverviewsRequest, call: Call
        ) -> pb.BatchGetOverviewsResponse:
            if len(request.items) > MAX_ITEMS:
                raise InvalidArgument([FieldViolation("items", f"has more than {MAX_ITEMS} entries")])
            answer = pb.BatchGetOverviewsResponse()
            overviews = [answer.overviews.add() for _ in request.items]
            rows = min(request.page_size or DEFAULT_ROWS, MAX_ROWS)
            views: dict[Access, list[tuple[UUID, pb.Overview]]] = {}
            callers: dict[Principal, Access] = {}
            for item, overview in zip(request.items, overviews, strict=True):
                try:
                    principal = call.tokens.verify(item.token)
                    account_id = UUID(item.account_id)
                    access = callers.get(principal) or callers.setdefault(principal, call.control.of(principal))
                except RotundaError as error:
                    overview.status.CopyFrom(to_status(error))
                    continue
                views.setdefault(access, []).append((account_id, overview))
            await asyncio.gather(*(_show(call, section, views, rows) for section in sections))
            return answer

    return OverviewServicer


async def _show(
    call: Call, section: Section, views: Mapping[Access, list[tuple[UUID, pb.Overview]]], rows: int
) -> None:
    """Add a section to the overviews of callers.

    Those who may see all of it share one statement; anyone else's rows and fields are his own.
    """
    reading = Permission(section.resource, READ)
    shared: list[tuple[UUID, pb.Overview]] = []
    shared_by: Access | None = None
    fills = []
    for access, wanted in views.items():
        owned = access.ownership(section.noun) is not None
        if not access.allows(reading, owned=owned):
            for _, overview in wanted:
                overview.forbidden.append(section.name)
        elif access.unrestricted(section.noun, reading) and access.shield(section.resource) is None:
            shared_by = access
            shared += wanted
        else:
            fills.append(_fill(call, section, access, wanted, rows))
    if shared_by is not None:
        fills.append(_fill(call, section, shared_by, shared, rows))
    if len(fills) == 1:
        # As nearly always; a task for it would only cost.
        await fills[0]
    else:
        await asyncio.gather(*fills)


async def _fill(
    call: Call, section: Section, access: Access, wanted: Sequence[tuple[UUID, pb.Overview]], rows: int
) -> None:
    messages = await section.fill(call, access, list({account_id for account_id, _ in wanted}), rows)
    for account_id, overview in wanted:
        message = messages.get(account_id, section.absent)
        if message is not None:
            overview.sections.add(name=section.name).data.Pack(message)
