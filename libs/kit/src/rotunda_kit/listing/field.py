"""What a list can be filtered and ordered by."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Date, DateTime, Double, Float, Numeric, Text, Uuid, literal
from sqlalchemy.types import TypeEngine

from rotunda_kit import violations

_NEXT_WORD = re.compile(r"_+([A-Za-z0-9]?)")


class FieldKind(StrEnum):
    """What the values of a field are."""

    TEXT = "text"
    UUID = "id"
    ENUM = "name"
    INTEGER = "whole number"
    DECIMAL = "number"
    BOOL = "true or false"
    TIME = "time"
    DATE = "date"
    MONEY = "amount"
    TEXT_LIST = "list of texts"
    UUID_LIST = "list of ids"
    JSON_LIST = "list of objects"


LISTS = frozenset({FieldKind.TEXT_LIST, FieldKind.UUID_LIST, FieldKind.JSON_LIST})

# Of parameters: a column's own type may be narrower, as NUMERIC(28, 9), and would round what it is compared with.
_PARAMETER_TYPES: Mapping[FieldKind, TypeEngine[Any]] = {
    FieldKind.TEXT: Text(),
    FieldKind.UUID: Uuid(),
    FieldKind.ENUM: Text(),
    FieldKind.INTEGER: BigInteger(),
    FieldKind.DECIMAL: Numeric(),
    FieldKind.BOOL: Boolean(),
    FieldKind.TIME: DateTime(timezone=True),
    FieldKind.DATE: Date(),
    FieldKind.MONEY: Numeric(),
}


@lru_cache(maxsize=4096)
def _camel_case(path: str) -> str:
    return _NEXT_WORD.sub(lambda match: match[1].upper(), path)


@dataclass(frozen=True, slots=True)
class ListField:
    """One field of a noun, as filters and orders name it.

    Args:
        path: in snake_case, from the resource on, for example `amount.currency_code`.
        kind: of its values.
        column: where they are. Of MONEY the amount; its currency is a field of its own.
        nullable: whether it may be unset.
        enum_values: of an ENUM, or of an enum in a list: names of the API and the texts that the database keeps.
        orderable: whether a list can be ordered by it.
        json_key: of a JSON_LIST, the key of the objects that this field is; empty where it is a list of texts.
        parameter_type: of what the column is compared with, where it is kept otherwise than its kind is.
    """

    path: str
    kind: FieldKind
    column: ColumnElement[Any]
    nullable: bool = False
    enum_values: Mapping[str, str] | None = None
    orderable: bool = True
    json_key: str = ""
    parameter_type: TypeEngine[Any] | None = None

    @property
    def name(self) -> str:
        """The path as it stands in JSON, for example `amount.currencyCode`."""
        return _camel_case(self.path)

    @property
    def binary(self) -> bool:
        """Whether its numbers are kept as floating point, not as decimals."""
        return isinstance(self.column.type, Float)

    def bind(self, value: Any) -> ColumnElement[Any]:
        """A value to compare the column with, as a parameter. Not for lists."""
        kind = Double() if self.binary else _PARAMETER_TYPES[self.kind]
        return literal(value, self.parameter_type or kind)


def find_field(name: str, fields: Mapping[str, ListField]) -> ListField | None:
    """The field that a caller names in snake_case or camelCase; None if there is none.

    Args:
        name: for example `lastName` or `last_name`.
        fields: of the noun, by snake_case path.
    """
    field = fields.get(name)
    if field is None:
        camel = _camel_case(name)
        field = next((field for path, field in fields.items() if _camel_case(path) == camel), None)
    return field


def fields_within(name: str, fields: Mapping[str, ListField]) -> list[ListField]:
    """The fields of the message, or of the listed messages, that a caller names."""
    start = f"{_camel_case(name)}."
    return [field for path, field in fields.items() if _camel_case(path).startswith(start)]


def unknown(name: str, fields: Mapping[str, ListField]) -> str:
    """What to say of a name that no field has, with the name that it is most like."""
    hint = violations.suggestion(_camel_case(name[:200]), [field.name for field in fields.values()])
    return f'there is no field "{violations.shown(name)}"{hint}'
