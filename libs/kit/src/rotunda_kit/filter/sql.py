"""Filters as SQL conditions.

A comparison with what is unset is not true, and `NOT` and `!=` mean its contrary: no filter ends in SQL's third truth
value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, TypeCoerce, Uuid, and_, func, literal, not_, or_, true, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, JSONPATH

from rotunda_kit.errors import InvalidArgument
from rotunda_kit.filter.explain import wrong
from rotunda_kit.filter.parse import parse
from rotunda_kit.filter.tree import And, Comparison, Expression, Not, Value
from rotunda_kit.listing.field import LISTS, FieldKind, ListField, fields_within, find_field, unknown
from rotunda_kit.listing.literal import from_text
from rotunda_kit.violations import Unfit, shown

_SIZES = frozenset({"<", "<=", ">", ">="})
_WITHOUT_SIZE = frozenset({FieldKind.ENUM, FieldKind.BOOL, FieldKind.UUID})


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
    """The condition of a tree; where it is unknown to SQL, it is not met.

    Args:
        expression: of `parse`.
        fields: that it may name, by snake_case path.

    Raises:
        InvalidArgument: INVALID_FILTER on `filter`, with the position.
    """
    return _condition(expression, fields).clause


@dataclass(frozen=True, slots=True)
class _Condition:
    """`unknowable` says whether a null can make it neither true nor false."""

    clause: ColumnElement[bool]
    unknowable: bool

    def negated(self) -> "_Condition":
        return _Condition(self.clause.is_not(true()) if self.unknowable else not_(self.clause), False)


def _condition(expression: Expression, fields: Mapping[str, ListField]) -> _Condition:
    if isinstance(expression, Comparison):
        return _comparison(expression, fields)
    if isinstance(expression, Not):
        return _condition(expression.operand, fields).negated()
    operands = [_condition(operand, fields) for operand in expression.operands]
    join = and_ if isinstance(expression, And) else or_
    return _Condition(join(*(operand.clause for operand in operands)), any(operand.unknowable for operand in operands))


def _comparison(comparison: Comparison, fields: Mapping[str, ListField]) -> _Condition:
    field = find_field(comparison.field, fields)
    inner = [] if field else fields_within(comparison.field, fields)
    if field is None and not inner:
        raise wrong(comparison.position, unknown(comparison.field, fields))
    asks_if_set = _asks_if_set(comparison)
    if asks_if_set is not None:
        found = _any_set(inner) if field is None else _is_set(field)
        return found if asks_if_set else found.negated()
    if field is None:
        names = ", ".join(field.name for field in inner)
        raise wrong(comparison.position, f"{comparison.field} has fields; compare one of {names}")
    positive = _list_entry(field, comparison) if field.kind in LISTS else _scalar(field, comparison)
    found = _Condition(positive, field.nullable)
    return found.negated() if comparison.comparator == "!=" else found


def _asks_if_set(comparison: Comparison) -> bool | None:
    """True for `field:*`, False for `field = null`, None for a comparison with a value."""
    value = comparison.value
    if comparison.comparator == ":" and value.parts == ("", ""):
        return True
    if value.parts == ("null",) and not value.quoted:
        if comparison.comparator in _SIZES:
            raise wrong(value.position, "null has no size; compare it with = or !=")
        return comparison.comparator == "!="
    return None


def _is_set(field: ListField) -> _Condition:
    match field.kind:
        case FieldKind.JSON_LIST if field.json_key:
            key = field.json_key.replace("\\", "\\\\").replace('"', '\\"')
            found = _json(field).path_exists(literal(f'$[*]."{key}"', JSONPATH()))
        case FieldKind.TEXT_LIST | FieldKind.UUID_LIST:
            found = func.cardinality(field.column) > 0
        case FieldKind.TEXT if not field.nullable:
            found = field.column != field.bind("")
        case _:
            return _Condition(field.column.is_not(None), False)
    return _Condition(found, field.nullable)


def _any_set(inner: list[ListField]) -> _Condition:
    """Whether anything is set in a message, or whether a list of messages holds any."""
    first = inner[0]
    if first.json_key:
        return _Condition(_json(first).contains(literal([{}], JSONB())), first.nullable)
    found = [_is_set(field) for field in inner]
    return _Condition(or_(*(each.clause for each in found)), any(each.unknowable for each in found))


def _scalar(field: ListField, comparison: Comparison) -> ColumnElement[bool]:
    """The comparison, with `!=` as `=`."""
    comparator, value, column = comparison.comparator, comparison.value, field.column
    if field.kind is FieldKind.TEXT:
        if comparator == ":":
            return column.ilike(literal(_pattern(("", *value.parts, "")), Text()))
        if value.has_stars and comparator not in _SIZES:
            return column.like(literal(_pattern(value.parts), Text()))
    if comparator in _SIZES and field.kind in _WITHOUT_SIZE:
        raise wrong(comparison.position, f"{field.name} has no size; compare it with = or !=")
    bound = field.bind(_read(field, value))
    match comparator:
        case "<":
            return column < bound
        case "<=":
            return column <= bound
        case ">":
            return column > bound
        case ">=":
            return column >= bound
        case _:
            return column == bound


def _pattern(parts: tuple[str, ...]) -> str:
    """For LIKE, whose escape is a backslash by itself."""
    return "%".join(part.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for part in parts)


def _list_entry(field: ListField, comparison: Comparison) -> ColumnElement[bool]:
    """Whether any entry is the value. Containment, which GIN indexes serve."""
    if comparison.comparator in _SIZES:
        raise wrong(comparison.position, f"{field.name} is a list; ask with : or = what it holds")
    entry = _read(field, comparison.value)
    if field.kind is FieldKind.JSON_LIST:
        wanted = {field.json_key: entry} if field.json_key else entry
        return _json(field).contains(literal([wanted], JSONB()))
    # The generic ARRAY of a column has no containment.
    array: ARRAY[Any] = ARRAY(Uuid() if field.kind is FieldKind.UUID_LIST else Text())
    return type_coerce(field.column, array).contains(literal([entry], array))


def _json(field: ListField) -> TypeCoerce[Any]:
    return type_coerce(field.column, JSONB())


def _read(field: ListField, value: Value) -> Any:
    """The value as the database keeps it."""
    if value.has_stars:
        raise wrong(
            value.position,
            f'a star stands for a part of a text, and {field.name} is compared as a whole; "\\*" is a star itself',
        )
    if field.enum_values is not None:
        kept = field.enum_values.get(value.text)
        if kept is None:
            raise _expected(field, f"one of {', '.join(field.enum_values)}", value)
        return kept
    try:
        return from_text(field, value.text)
    except Unfit as unfit:
        raise _expected(field, str(unfit), value) from None


def _expected(field: ListField, what: str, value: Value) -> InvalidArgument:
    return wrong(value.position, f'{field.name}: expected {what}, found "{shown(value.text)}"')
