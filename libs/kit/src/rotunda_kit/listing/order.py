"""Orders of lists (AIP-132): `display_name, createTime desc`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rotunda_kit.errors import InvalidArgument
from rotunda_kit.listing.field import ListField, find_field, unknown
from rotunda_kit.violations import shown

MAX_TERMS = 5

_TERM = re.compile(r"([A-Za-z0-9_.]+)(?:\s+(asc|desc))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    """One field to order by. Unset values come last in either direction."""

    field: ListField
    descending: bool


def parse_order(text: str, fields: Mapping[str, ListField]) -> list[Term]:
    """The terms of an order, made total by `id` in the direction of the last one; by `id` alone if it is blank.

    Args:
        text: AIP-132, at most 5 fields.
        fields: that it may name, by snake_case path; `id` must be one.

    Raises:
        InvalidArgument: INVALID_ORDER_BY on `order_by`.
    """
    parts = text.split(",") if text.strip() else []
    if len(parts) > MAX_TERMS:
        raise _wrong(f"has more than {MAX_TERMS} fields")
    terms: dict[str, Term] = {}
    for part in parts:
        term = _term(part.strip(), fields)
        if term.field.path in terms:
            raise _wrong(f"names {term.field.name} twice")
        terms[term.field.path] = term
    ordered = list(terms.values())
    if "id" in terms:
        # No two records are alike in it: what follows can't matter.
        return ordered[: ordered.index(terms["id"]) + 1]
    return [*ordered, Term(fields["id"], descending=bool(ordered) and ordered[-1].descending)]


def _term(text: str, fields: Mapping[str, ListField]) -> Term:
    match = _TERM.fullmatch(text)
    if match is None:
        found = f'found "{shown(text)}"' if text else "found nothing between two commas"
        raise _wrong(f'expected fields with or without "desc", such as "displayName, createTime desc"; {found}')
    name, direction = match.groups()
    field = find_field(name, fields)
    if field is None:
        raise _wrong(unknown(name, fields))
    if not field.orderable:
        raise _wrong(f"can't order by {field.name}, which is a {field.kind}")
    return Term(field, descending=(direction or "").lower() == "desc")


def _wrong(description: str) -> InvalidArgument:
    return InvalidArgument.of("order_by", description, "INVALID_ORDER_BY")
