"""Orders of lists (AIP-132): `display_name, createTime desc`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rotunda_kit.descriptors import json_path, snake_path
from rotunda_kit.errors import InvalidArgument
from rotunda_kit.listing.field import ListField, suggestion

MAX_TERMS = 5

_TERM = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.]*)(?:\s+(asc|desc))?\s*")


@dataclass(frozen=True, slots=True)
class Term:
    """One field to order by."""

    field: ListField
    descending: bool


def parse_order(text: str, fields: Mapping[str, ListField]) -> list[Term]:
    """The terms of an order, with `id` as the last one, so that the order is total.

    Raises:
        InvalidArgument: INVALID_ORDER_BY.
    """
    terms: dict[str, Term] = {}
    for part in text.split(","):
        match = _TERM.fullmatch(part)
        if match is None:
            raise _wrong(f"can't be read at '{part.strip()[:40]}'; write for example 'displayName, createTime desc'")
        path = snake_path(match[1])
        field = fields.get(path)
        if field is None:
            raise _wrong(f"there is no field {match[1][:80]}{suggestion(match[1], fields)}")
        if not field.orderable:
            raise _wrong(f"a list can't be ordered by {json_path(path)}")
        if path in terms:
            raise _wrong(f"names {json_path(path)} twice")
        terms[path] = Term(field, match[2] == "desc")
    if len(terms) > MAX_TERMS:
        raise _wrong(f"has more than {MAX_TERMS} fields")
    ordered = list(terms.values())
    if "id" not in terms:
        ordered.append(Term(fields["id"], ordered[-1].descending))
    return ordered


def _wrong(description: str) -> InvalidArgument:
    return InvalidArgument.of("order_by", description, "INVALID_ORDER_BY")
