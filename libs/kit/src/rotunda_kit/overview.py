"""The kit's side of the 360 degree view: sections, each one SQL statement for all accounts of a batch."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy import ColumnElement, Integer, Select, Uuid, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from rotunda.kit.v1 import overview_service_pb2 as pb
from rotunda_kit.errors import FieldViolation, InvalidArgument, RotundaError
from rotunda_kit.resource.collection import Collection
from rotunda_kit.resource.mapping import ResourceMapping
from rotunda_kit.server.call import Call
from rotunda_kit.server.method import Servicer, query
from rotunda_kit.status import to_status

MAX_ITEMS = 100
DEFAULT_ROWS, MAX_ROWS = 10, 100

Fill = Callable[[Call, list[UUID], int], Awaitable[Mapping[UUID, Message]]]


@dataclass(frozen=True, slots=True)
class Section:
    """One section: for many accounts and at most so many rows each, the message of each account.

    `absent` is the message of an account for which nothing was found; None leaves the section out.
    """

    name: str
    fill: Fill
    absent: Message | None


def list_section(
    name: str,
    collection: Collection[Any, Any],
    answer: type[Message],
    *,
    order_by: Sequence[ColumnElement[Any]],
    belongs: Callable[[ColumnElement[UUID]], ColumnElement[bool]] | None = None,
    within: Callable[[Select[Any]], Select[Any]] = lambda statement: statement,
) -> Section:
    """A section that shows the head of a list.

    Args:
        name: of the section.
        collection: whose records.
        answer: message of the list's own answer.
        order_by: which come first; an index on the account and these serves it.
        belongs: the condition under which a record is an account's, from the account's id; if omitted, its
            `account_id` says so. A record that belongs in several ways (`EXISTS`) still comes once.
        within: narrows the list further.
    """
    mapping = collection.mapping
    asked = (
        func.unnest(bindparam("accounts", type_=ARRAY(Uuid))).table_valued("account_id").render_derived(name="asked")
    )
    is_its = mapping.table.c.account_id == asked.c.account_id if belongs is None else belongs(asked.c.account_id)
    head = (
        within(mapping.select())
        .where(is_its)
        .order_by(*order_by)
        .limit(bindparam("rows", type_=Integer))
        .lateral("head")
    )
    statement = select(*head.c, asked.c.account_id.label("asked_for")).select_from(asked.join(head, true()))
    (rows_field,) = [field for field in answer.DESCRIPTOR.fields if field.message_type is mapping.descriptor]

    async def fill(call: Call, accounts: list[UUID], rows: int) -> dict[UUID, Message]:
        found: dict[UUID, list[Message]] = {}
        for row in await call.rows(statement, {"accounts": accounts, "rows": rows}):
            found.setdefault(row[-1], []).append(mapping.read(row))
        return {account_id: answer(**{rows_field.name: messages}) for account_id, messages in found.items()}

    return Section(name, fill, answer())


def record_section(name: str, mapping: ResourceMapping[Any, Any]) -> Section:
    """A section that shows the account itself, or part of it, as `mapping` has it."""
    account_id = mapping.table.c.id
    statement = (
        mapping.select()
        .add_columns(account_id.label("asked_for"))
        .where(account_id == func.any(bindparam("accounts", type_=ARRAY(Uuid))))
    )

    async def fill(call: Call, accounts: list[UUID], _rows: int) -> dict[UUID, Message]:
        return {row[-1]: mapping.read(row) for row in await call.rows(statement, {"accounts": accounts})}

    return Section(name, fill, None)


def overview_servicer(*sections: Section) -> type[Servicer]:
    """The servicer of `rotunda.kit.v1.OverviewService` for a service with these sections."""

    class OverviewServicer(Servicer, service="rotunda.kit.v1.OverviewService"):
        @query("overviews.batchGet")
        async def BatchGetOverviews(
            self, request: pb.BatchGetOverviewsRequest, call: Call
        ) -> pb.BatchGetOverviewsResponse:
            if len(request.items) > MAX_ITEMS:
                raise InvalidArgument([FieldViolation("items", f"has more than {MAX_ITEMS} entries")])
            answer = pb.BatchGetOverviewsResponse()
            overviews = [answer.overviews.add() for _ in request.items]
            allowed: list[tuple[UUID, pb.Overview]] = []
            for item, overview in zip(request.items, overviews, strict=True):
                try:
                    call.tokens.verify(item.token)
                    allowed.append((UUID(item.account_id), overview))
                except RotundaError as error:
                    overview.status.CopyFrom(to_status(error))
            rows = min(request.page_size or DEFAULT_ROWS, MAX_ROWS)
            accounts = list({account_id for account_id, _ in allowed})
            if accounts:
                filled = await asyncio.gather(*(section.fill(call, accounts, rows) for section in sections))
                for account_id, overview in allowed:
                    for section, messages in zip(sections, filled, strict=True):
                        message = messages.get(account_id, section.absent)
                        if message is not None:
                            overview.sections.add(name=section.name).data.Pack(message)
            return answer

    return OverviewServicer
