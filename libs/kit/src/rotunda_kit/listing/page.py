"""Keyset pages (AIP-158): a page begins where the last one ended, however many rows came or went in between."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Row, Select, and_, false, literal, or_, tuple_

from rotunda_kit.errors import InvalidArgument
from rotunda_kit.filter import compile_filter
from rotunda_kit.listing.field import FieldKind, ListField
from rotunda_kit.listing.order import Term, parse_order

DEFAULT_SIZE, MAX_SIZE = 50, 1_000


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError(value)
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(value)
    return value


# Values of a token, back from JSON. Numbers travel as text, to stay exact.
_READ: Mapping[FieldKind, Callable[[Any], Any]] = {
    FieldKind.TEXT: _text,
    FieldKind.ENUM: _text,
    FieldKind.UUID: UUID,
    FieldKind.INTEGER: _whole,
    FieldKind.DECIMAL: Decimal,
    FieldKind.MONEY: Decimal,
    FieldKind.BOOL: _boolean,
    FieldKind.TIME: datetime.fromisoformat,
    FieldKind.DATE: date.fromisoformat,
}


class Page:
    """One page of a list.

    Args:
        fields: of the noun, by snake_case path.
        filter: AIP-160; empty for all.
        order_by: AIP-132; empty for `default_order`.
        page_size: 0 for 50; above 1,000 counts as 1,000.
        page_token: of the page before; empty for the first.
        binding: what else a token belongs to: the method, the parent.
        default_order: where the caller says nothing.

    Raises:
        InvalidArgument: naming the field that is wrong; a token of another query is.
    """

    def __init__(
        self,
        fields: Mapping[str, ListField],
        *,
        filter: str,  # noqa: A002 - the API's name
        order_by: str,
        page_size: int,
        page_token: str,
        binding: str,
        default_order: str,
    ) -> None:
        if page_size < 0:
            raise InvalidArgument.of("page_size", "must not be negative")
        self.size = min(page_size or DEFAULT_SIZE, MAX_SIZE)
        self._condition = compile_filter(filter, fields)
        self._terms = parse_order(order_by.strip() or default_order, fields)
        self._digest = hashlib.sha256(orjson.dumps([binding, filter, order_by])).hexdigest()[:16]
        self._after = self._read_token(page_token) if page_token else None

    def apply(self, statement: Select[Any]) -> Select[Any]:
        """The statement, narrowed to this page and one row more; the order's values are appended to its columns."""
        if self._condition is not None:
            statement = statement.where(self._condition)
        if self._after is not None:
            statement = statement.where(_after(self._terms, self._after))
        for term in self._terms:
            column = term.field.column
            ordered = column.desc() if term.descending else column.asc()
            statement = statement.order_by(ordered.nulls_last() if term.field.nullable else ordered)
        keys = [term.field.column.label(f"key_{at}") for at, term in enumerate(self._terms)]
        return statement.add_columns(*keys).limit(self.size + 1)

    def cut(self, rows: Sequence[Row[Any]]) -> tuple[Sequence[Row[Any]], str]:
        """The rows of this page, and the token of the next one; empty if this is the last."""
        if len(rows) <= self.size:
            return rows, ""
        rows = rows[: self.size]
        values = list(rows[-1][-len(self._terms) :])
        token = orjson.dumps([self._digest, *map(_write, values)])
        return rows, base64.urlsafe_b64encode(token).decode().rstrip("=")

    def _read_token(self, token: str) -> list[Any]:
        try:
            padded = token + "=" * (-len(token) % 4)
            digest, *values = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if digest != self._digest or len(values) != len(self._terms):
                raise ValueError(token)
            return [_read(term, value) for term, value in zip(self._terms, values, strict=True)]
        except (ValueError, TypeError, ArithmeticError, AttributeError, binascii.Error) as error:
            raise InvalidArgument.of(
                "page_token", "is not a token of this list with this filter and order", "INVALID_PAGE_TOKEN"
            ) from error


def _read(term: Term, value: Any) -> Any:
    if value is not None:
        return _READ[term.field.kind](value)
    if not term.field.nullable:
        raise ValueError(term.field.path)
    return None


def _write(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def _after(terms: Sequence[Term], values: Sequence[Any]) -> ColumnElement[bool]:
    """The rows behind the one with these values."""
    one_way = len({term.descending for term in terms}) == 1
    if one_way and not any(term.field.nullable for term in terms):
        # A row comparison: one range of an index.
        left = tuple_(*(term.field.column for term in terms))
        right = tuple_(*(literal(value, term.field.column.type) for term, value in zip(terms, values, strict=True)))
        return left < right if terms[0].descending else left > right
    first, value = terms[0], values[0]
    condition = _behind(terms, values)
    if value is None or first.field.nullable:
        return condition
    # Implied by the rest, but it is what an index can use.
    bound = first.field.column <= value if first.descending else first.field.column >= value
    return and_(bound, condition)


def _behind(terms: Sequence[Term], values: Sequence[Any]) -> ColumnElement[bool]:
    term, value = terms[0], values[0]
    column = term.field.column
    if value is None:  # Nulls come last, so only their equals are behind.
        beyond: ColumnElement[bool] = false()
        same = column.is_(None)
    else:
        beyond = column < value if term.descending else column > value
        if term.field.nullable:
            beyond = or_(beyond, column.is_(None))
        same = column == value
    return beyond if len(terms) == 1 else or_(beyond, and_(same, _behind(terms[1:], values[1:])))
