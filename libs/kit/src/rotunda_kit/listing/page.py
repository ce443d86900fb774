"""Keyset pages (AIP-158): a page begins where the last one ended, however many rows came or went in between."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Select, and_, or_, tuple_

from rotunda_kit.errors import FieldViolation, InvalidArgument
from rotunda_kit.filter import compile_filter
from rotunda_kit.listing.field import ListField
from rotunda_kit.listing.order import Term, parse_order
from rotunda_kit.listing.token import read_token, write_token

DEFAULT_SIZE, MAX_SIZE = 50, 1_000

T = TypeVar("T")


class Page:
    """One page of a list.

    Args:
        fields: of the noun, by snake_case path.
        filter: AIP-160; blank for all.
        order_by: AIP-132; blank for `default_order`.
        page_size: 0 for 50; above 1,000 counts as 1,000.
        page_token: of the page before; empty for the first.
        binding: what else a token belongs to: the method, the parent, whether deleted records are shown.
        default_order: where the caller says nothing.

    Raises:
        InvalidArgument: naming all of these that are wrong; INVALID_FILTER, INVALID_ORDER_BY or INVALID_PAGE_TOKEN
            where it is that one alone. A token of another query is wrong.
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
        errors: list[InvalidArgument] = []
        size = _attempt(errors, lambda: _size(page_size))
        self._condition = _attempt(errors, lambda: compile_filter(filter, fields))
        terms = _attempt(errors, lambda: parse_order(order_by if order_by.strip() else default_order, fields))
        if size is None or terms is None or errors:
            raise _together(errors)
        self.size = size
        self.terms = terms
        order = [(term.field.path, term.descending) for term in terms]
        self._query = json.dumps([binding, filter.strip(), order])
        self._last = read_token(page_token, self._query, [term.field for term in terms]) if page_token else None

    def apply(self, statement: Select[Any]) -> Select[Any]:
        """The statement, narrowed to this page and one row more; the order's values are appended to its columns."""
        if self._condition is not None:
            statement = statement.where(self._condition)
        if self._last is not None:
            statement = statement.where(_behind(self.terms, self._last))
        keys = [term.field.column.label(f"page_key_{at}") for at, term in enumerate(self.terms)]
        return statement.add_columns(*keys).order_by(*map(_ordering, self.terms)).limit(self.size + 1)

    def cut(self, rows: Sequence[Row[Any]]) -> tuple[Sequence[Row[Any]], str]:
        """The statement's rows without the one too many, and the token of the next page; empty if this is the last."""
        if len(rows) <= self.size:
            return rows, ""
        rows = rows[: self.size]
        return rows, self.token_behind(rows[-1][-len(self.terms) :])

    def token_behind(self, values: Sequence[Any]) -> str:
        """The token of the page behind a row, from its values of `terms`."""
        return write_token(self._query, values)


def _attempt(errors: list[InvalidArgument], step: Callable[[], T]) -> T | None:
    try:
        return step()
    except InvalidArgument as error:
        errors.append(error)
        return None


def _together(errors: Sequence[InvalidArgument]) -> InvalidArgument:
    if len(errors) == 1:
        return errors[0]
    wrong: list[FieldViolation] = [violation for error in errors for violation in error.violations]
    return InvalidArgument(wrong)


def _size(asked: int) -> int:
    if asked < 0:
        raise InvalidArgument.of("page_size", "must not be negative")
    return min(asked or DEFAULT_SIZE, MAX_SIZE)


def _ordering(term: Term) -> ColumnElement[Any]:
    if not term.descending:
        # PostgreSQL puts nulls last by itself, and only an order spelt as the index's is served by it.
        return term.field.column.asc()
    descending = term.field.column.desc()
    return descending.nulls_last() if term.field.nullable else descending


def _behind(terms: Sequence[Term], values: Sequence[Any]) -> ColumnElement[bool]:
    """The rows behind the one with these values."""
    first, value = terms[0], values[0]
    if len(terms) == 1:
        return _beyond(first, value)
    if all(term.descending == first.descending and not term.field.nullable for term in terms):
        # A row comparison is one range of an index.
        row = tuple_(*(term.field.column for term in terms))
        last = tuple_(*(term.field.bind(value) for term, value in zip(terms, values, strict=True)))
        return row < last if first.descending else row > last
    further = _behind(terms[1:], values[1:])
    if value is None:
        # Nulls come last: behind one there are only others.
        return and_(first.field.column.is_(None), further)
    column, last_value = first.field.column, first.field.bind(value)
    behind = or_(_beyond(first, value), and_(column == last_value, further))
    if first.field.nullable:
        return behind
    # The rest implies this, but this is the range that an index can serve.
    return and_(column <= last_value if first.descending else column >= last_value, behind)


def _beyond(term: Term, value: Any) -> ColumnElement[bool]:
    """Where the field itself comes after the value, whatever the other fields."""
    column, last = term.field.column, term.field.bind(value)
    beyond = column < last if term.descending else column > last
    return or_(beyond, column.is_(None)) if term.field.nullable else beyond
