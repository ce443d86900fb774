"""Filters as SQL conditions.

Every condition is true or false, never unknown: what is unset differs from every value, so that `NOT` means what it
says.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, not_, or_, true

from rotunda_kit.descriptors import json_path, snake_path
from rotunda_kit.errors import InvalidArgument
from rotunda_kit.filter.parse import parse, wrong
from rotunda_kit.filter.tree import And, Comparison, Expression, Not, Value
from rotunda_kit.listing.field import LISTS, FieldKind, ListField, suggestion

MAX_INTEGER = 2**63 - 1
MAX_DECIMAL = Decimal(10) ** 18
ORDERED = {"<", "<=", ">", ">="}


def compile_filter(text: str, fields: Mapping[str, ListField]) -> ColumnElement[bool] | None:
    """The condition of a filter; None if it is blank.

    Args:
        text: AIP-160.
        fields: that it may name, by snake_case path.

    Raises:
        InvalidArgument: INVALID_FILTER on `filter`, with the position.
    """
    expression = parse(text)
    return None if expression is None else condition(expression, fields)


def condition(expression: Expression, fields: Mapping[str, ListField]) -> ColumnElement[bool]:
    """The condition of a tree."""
    if isinstance(expression, Comparison):
        return _comparison(expression, fields)
    if isinstance(expression, Not):
        return not_(condition(expression.operand, fields))
    operands = [condition(operand, fields) for operand in expression.operands]
    return and_(*operands) if isinstance(expression, And) else or_(*operands)


def _comparison(comparison: Comparison, fields: Mapping[str, ListField]) -> ColumnElement[bool]:
    field = fields.get(snake_path(comparison.field))
    if field is None:
        inner = sorted(path for path in fields if path.startswith(f"{snake_path(comparison.field)}."))
        hint = f"; name one of {', '.join(map(json_path, inner))}" if inner else suggestion(comparison.field, fields)
        if inner and comparison.operator == ":" and comparison.value.anything:
            return or_(*(_is_set(fields[path]) for path in inner))
        raise wrong(comparison.position, f"there is no field {comparison.field}{hint}")
    operator, value = comparison.operator, comparison.value
    if operator == ":" and value.anything:
        return _is_set(field)
    if operator in {"=", "!="} and value.text == "null" and not value.quoted:
        return not_(_is_set(field)) if operator == "=" else _is_set(field)
    if field.kind in LISTS:
        return _list(field, comparison)
    if field.kind is FieldKind.TEXT:
        return _text(field, comparison)
    if value.pattern:
        raise wrong(
            value.position, f"a star can stand for part of a text only, and {json_path(field.path)} is a {field.kind}"
        )
    if field.kind in (FieldKind.ENUM, FieldKind.BOOL, FieldKind.UUID) and operator in ORDERED:
        raise wrong(comparison.position, f"{json_path(field.path)} can be compared with = and != only")
    return _total(field, "=" if operator == ":" else operator, _value(field, value))


def _total(field: ListField, operator: str, value: Any) -> ColumnElement[bool]:
    column = field.column
    match operator:
        case "=":
            plain = column == value
        case "!=":
            return column.is_distinct_from(value) if field.nullable else column != value
        case "<":
            plain = column < value
        case "<=":
            plain = column <= value
        case ">":
            plain = column > value
        case _:
            plain = column >= value
    return _never_unknown(field, plain)


def _never_unknown(field: ListField, plain: ColumnElement[bool]) -> ColumnElement[bool]:
    # `AND column IS NOT NULL` turns unknown into false, and leaves the index of the comparison usable.
    return and_(plain, field.column.is_not(None)) if field.nullable else plain


def _is_set(field: ListField) -> ColumnElement[bool]:
    column = field.column
    if field.kind is FieldKind.JSON_LIST:
        return column.contains([{}])
    if field.kind in LISTS:
        return func.cardinality(column) > 0
    if field.nullable:
        return column.is_not(None)
    return column != "" if field.kind is FieldKind.TEXT else true()


def _text(field: ListField, comparison: Comparison) -> ColumnElement[bool]:
    operator, value, column = comparison.operator, comparison.value, field.column
    if operator == ":":
        pattern = "%" + "%".join(map(_escape, value.parts)) + "%"
        return _never_unknown(field, column.ilike(pattern, escape="\\"))
    if not value.pattern:
        return _total(field, operator, value.text)
    if operator in ORDERED:
        raise wrong(value.position, "a star can't be compared by size")
    like = _never_unknown(field, column.like("%".join(map(_escape, value.parts))))
    return like if operator == "=" else not_(like)


def _escape(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _list(field: ListField, comparison: Comparison) -> ColumnElement[bool]:
    operator, value = comparison.operator, comparison.value
    if operator in ORDERED:
        raise wrong(comparison.position, f"{json_path(field.path)} is a list; use : to ask what it holds")
    if value.pattern:
        raise wrong(value.position, f"a star can't stand for part of an entry of {json_path(field.path)}")
    entry: Any = _enum(field, value) if field.enum_values is not None else value.text
    if field.kind is FieldKind.JSON_LIST:
        held = field.column.contains([{field.json_key: entry}])
    else:
        held = field.column.contains([_uuid(value) if field.kind is FieldKind.UUID_LIST else entry])
    return not_(held) if operator == "!=" else held


def _value(field: ListField, value: Value) -> Any:
    match field.kind:
        case FieldKind.ENUM:
            return _enum(field, value)
        case FieldKind.UUID:
            return _uuid(value)
        case FieldKind.BOOL:
            return _boolean(value)
        case FieldKind.INTEGER:
            return _integer(value)
        case FieldKind.DECIMAL | FieldKind.MONEY:
            return _decimal(value)
        case FieldKind.TIME:
            return _time(value)
        case _:
            return _date(value)


def _expected(value: Value, what: str) -> InvalidArgument:
    return wrong(value.position, f"expected {what}, found {value.text[:60]!r}")


def _enum(field: ListField, value: Value) -> str:
    names = field.enum_values or {}
    if value.text not in names:
        raise _expected(value, f"one of {', '.join(names)}")
    return names[value.text]


def _uuid(value: Value) -> UUID:
    try:
        return UUID(value.text)
    except ValueError:
        raise _expected(value, "an id") from None


def _boolean(value: Value) -> bool:
    if value.text not in ("true", "false"):
        raise _expected(value, "true or false")
    return value.text == "true"


def _integer(value: Value) -> Decimal | int:
    number = _decimal(value)
    if abs(number) > MAX_INTEGER:
        raise _expected(value, "a smaller number")
    return int(number) if number == int(number) else number


def _decimal(value: Value) -> Decimal:
    try:
        number = Decimal(value.text)
    except InvalidOperation:
        raise _expected(value, "a number") from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or abs(number) > MAX_DECIMAL * 10 or exponent < -100:
        raise _expected(value, "a number of at most 19 digits")
    return number


def _time(value: Value) -> datetime:
    try:
        moment = datetime.fromisoformat(value.text)
        if len(value.text) == len("2026-01-31"):
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC) if moment.tzinfo else _naive(value)
    except (ValueError, OverflowError):
        raise _expected(value, "a time such as 2026-01-31T08:00:00Z, or a date") from None


def _naive(value: Value) -> datetime:
    raise _expected(value, "a time with its zone, such as 2026-01-31T08:00:00Z")


def _date(value: Value) -> date:
    try:
        return date.fromisoformat(value.text)
    except ValueError:
        raise _expected(value, "a date such as 2026-01-31") from None
