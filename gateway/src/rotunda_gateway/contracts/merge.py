"""One page out of the pages of many services, in one order.

A page token is that of every service: it holds the values of the last row shown, and each service goes on behind them.
For this the services must order as the gateway does: texts by their code points (`COLLATE "C"`), ids that differ
between services, unset values last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from rotunda_kit.descriptors import enum_name
from rotunda_kit.listing.field import FieldKind, ListField
from rotunda_kit.listing.page import Page


@dataclass(frozen=True, slots=True)
class MergedList:
    """How a list that every service has a part of is ordered.

    Args:
        fields: as the services have them, by snake_case path.
        default_order: where the caller says nothing, as the services do.
    """

    fields: Mapping[str, ListField]
    default_order: str

    def page(self, request: Any) -> Page:
        """The page that a request asks for.

        Raises:
            InvalidArgument: as the services would.
        """
        return Page(
            self.fields,
            filter=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
            binding=request.DESCRIPTOR.full_name,
            default_order=self.default_order,
        )


def merged(page: Page, answers: Sequence[Any], unreachable: Sequence[str], empty: Any) -> Any:
    """The page of all services.

    Args:
        page: that was asked for.
        answers: of the services, each with as many rows as a page has, or all that it has.
        unreachable: those that did not answer.
        empty: the answer to fill in.
    """
    (field,) = [field.name for field in empty.DESCRIPTOR.fields if field.is_repeated and field.message_type]
    rows: list[Message] = [row for answer in answers for row in getattr(answer, field)]
    # By the last term first: sorting is stable.
    for term in reversed(page.terms):
        keys = {id(row): value_at(row, term.field) for row in rows}
        rows.sort(key=lambda row: _sortable(keys[id(row)], last=not term.descending), reverse=term.descending)
    more = len(rows) > page.size or any(answer.next_page_token for answer in answers)
    rows = rows[: page.size]
    getattr(empty, field).extend(rows)
    if more and rows:
        empty.next_page_token = page.token_behind([value_at(rows[-1], term.field) for term in page.terms])
    empty.unreachable.extend(unreachable)
    return empty


def _sortable(value: Any, *, last: bool) -> tuple[bool, Any]:
    """A key that puts unset values behind all others, in either direction."""
    return (last, 0) if value is None else (not last, value)


def value_at(row: Message, field: ListField) -> Any:
    """A row's value of a field, as a page token keeps it; None where it is unset."""
    value: Any = row
    for name in field.path.split("."):
        descriptor = value.DESCRIPTOR.fields_by_name[name]
        if descriptor.has_presence and not value.HasField(name):
            return None
        value = getattr(value, name)
    if descriptor.enum_type is not None:
        named = enum_name(descriptor.enum_type.values_by_number[value])
        return (field.enum_values or {}).get(named, named)
    if field.kind is FieldKind.UUID:
        return UUID(value)
    if isinstance(value, Message) and value.DESCRIPTOR.full_name == "google.protobuf.Timestamp":
        return value.ToDatetime(UTC)  # type: ignore[attr-defined] # it is one
    return value
