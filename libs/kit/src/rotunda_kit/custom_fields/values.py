"""Values of custom fields: how each type is written, kept and compared."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Column, ColumnElement, Numeric, Text, cast, collate, literal_column, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from rotunda_kit.check.formats import email, phone, url
from rotunda_kit.custom_fields.model import OF_CHOICES, CustomFieldType
from rotunda_kit.listing.field import FieldKind, ListField
from rotunda_kit.listing.literal import from_text, to_text
from rotunda_kit.violations import Unfit

# Beyond it not every whole number is one of JSON.
MAX_INTEGER = 2**53 - 1
MAX_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Definition:
    """A custom field, as values are checked and shown by it."""

    id: UUID
    record_type: str
    name: str
    type: CustomFieldType
    required: bool
    choices: tuple[str, ...]
    deleted: bool

    @property
    def key(self) -> str:
        """Under which records keep the value."""
        return str(self.id)

    def fit(self, value: Any, earlier: Any = None) -> Any:
        """A value as it is kept; None where it says that there is none.

        Args:
            value: as JSON has it.
            earlier: what was kept before, and may stay even if it is no choice any more.

        Raises:
            Unfit: it is no value of this field.
        """
        if value is None or value in ("", []):
            return None
        fitted = _FIT[self.type](value)
        if self.type in OF_CHOICES:
            chosen = fitted if isinstance(fitted, list) else [fitted]
            still = earlier if isinstance(earlier, list) else [earlier]
            if any(each not in self.choices and each not in still for each in chosen):
                raise Unfit(f"must be one of {', '.join(self.choices)}")
        return fitted

    def shown(self, kept: Any) -> Any:
        """A kept value as JSON has it."""
        if self.type is CustomFieldType.TIME:
            whole, _, fraction = kept.removesuffix("Z").partition(".")
            fraction = fraction.rstrip("0")
            return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"
        return kept

    def listed(self, column: Column[Any]) -> ListField:
        """As lists are filtered and ordered by it, over the column that keeps the values."""
        kind, expression, parameter = _LISTED[self.type](column, self.key)
        return ListField(
            f"custom_fields.{self.name}",
            kind,
            expression,
            nullable=True,
            enum_values={choice: choice for choice in self.choices} if self.type is CustomFieldType.CHOICE else None,
            orderable=kind is not FieldKind.JSON_LIST,
            parameter_type=parameter,
        )

    def index(self, column: str) -> str:
        """What an index on it stands on, in SQL; as `listed` has it."""
        if self.type is CustomFieldType.CHOICES:
            return f"USING gin (({column} -> '{self.key}') jsonb_path_ops)"
        if self.type in _NUMBERS:
            return f"(CAST(({column} ->> '{self.key}') AS NUMERIC), id)"
        if self.type is CustomFieldType.BOOLEAN:
            return f"(CAST(({column} ->> '{self.key}') AS BOOLEAN), id)"
        if self.type in _TEXTS:
            return f"(({column} ->> '{self.key}'), id)"
        return f"""((({column} ->> '{self.key}') COLLATE "C"), id)"""


class _Written(TypeDecorator[Any]):
    """Days and moments as texts of one width, which sort as they follow each other."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: FieldKind) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, _dialect: Any) -> Any:
        if value is None:
            return None
        return moment_text(value) if isinstance(value, datetime) else value.isoformat()

    def process_result_value(self, value: Any, _dialect: Any) -> Any:
        if value is None:
            return None
        return datetime.fromisoformat(value) if self.kind is FieldKind.TIME else date.fromisoformat(value)


def moment_text(value: datetime) -> str:
    """A moment in UTC to the microsecond, always in as many characters."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit("must be a text")
    return value


def _integer(value: Any) -> int:
    number = _decimal(value)
    if number != int(number) or abs(number) > MAX_INTEGER:
        raise Unfit("must be a whole number of at most 53 bits")
    return int(number)


def _decimal(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unfit("must be a number")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit("must be true or false")
    return value


def _written(kind: FieldKind) -> Callable[[Any], str]:
    field = ListField("", kind, literal_column("NULL"))

    def fit(value: Any) -> str:
        try:
            read = from_text(field, _text(value))
        except Unfit as unfit:
            raise Unfit(f"must be {unfit}") from None
        return moment_text(read) if isinstance(read, datetime) else to_text(read)

    return fit


def _choices(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Unfit("must be a list of texts")
    if len(set(value)) < len(value):
        raise Unfit("has a choice twice")
    return value


def _formatted(form: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: form(_text(value).strip())


_NUMBERS = frozenset({CustomFieldType.INTEGER, CustomFieldType.DECIMAL})
_TEXTS = frozenset({CustomFieldType.TEXT, CustomFieldType.URL, CustomFieldType.EMAIL, CustomFieldType.PHONE})

_FIT: Mapping[CustomFieldType, Callable[[Any], Any]] = {
    CustomFieldType.TEXT: _text,
    CustomFieldType.INTEGER: _integer,
    CustomFieldType.DECIMAL: _decimal,
    CustomFieldType.BOOLEAN: _boolean,
    CustomFieldType.DATE: _written(FieldKind.DATE),
    CustomFieldType.TIME: _written(FieldKind.TIME),
    CustomFieldType.CHOICE: _text,
    CustomFieldType.CHOICES: _choices,
    CustomFieldType.URL: _formatted(url),
    CustomFieldType.EMAIL: _formatted(email),
    CustomFieldType.PHONE: _formatted(phone),
}

_Listed = tuple[FieldKind, ColumnElement[Any], Any]


def _kept(column: Column[Any], operator: str, key: str) -> ColumnElement[Any]:
    # The key is written out: of a parameter the planner would not know which index it is about.
    return type_coerce(column, JSONB).op(operator)(literal_column(f"'{key}'"))


def _text_of(column: Column[Any], key: str) -> ColumnElement[Any]:
    return type_coerce(_kept(column, "->>", key), Text)


def _as_text(column: Column[Any], key: str) -> _Listed:
    return FieldKind.TEXT, _text_of(column, key), None


def _as_choice(column: Column[Any], key: str) -> _Listed:
    return FieldKind.ENUM, collate(_text_of(column, key), "C"), None


def _as_written(kind: FieldKind) -> Callable[[Column[Any], str], _Listed]:
    parameter = _Written(kind)
    return lambda column, key: (kind, type_coerce(collate(_text_of(column, key), "C"), parameter), parameter)


def _as_number(kind: FieldKind) -> Callable[[Column[Any], str], _Listed]:
    return lambda column, key: (kind, cast(_text_of(column, key), Numeric()), None)


_LISTED: Mapping[CustomFieldType, Callable[[Column[Any], str], _Listed]] = {
    CustomFieldType.INTEGER: _as_number(FieldKind.INTEGER),
    CustomFieldType.DECIMAL: _as_number(FieldKind.DECIMAL),
    CustomFieldType.BOOLEAN: lambda column, key: (FieldKind.BOOL, cast(_text_of(column, key), Boolean()), None),
    CustomFieldType.DATE: _as_written(FieldKind.DATE),
    CustomFieldType.TIME: _as_written(FieldKind.TIME),
    CustomFieldType.CHOICE: _as_choice,
    CustomFieldType.CHOICES: lambda column, key: (FieldKind.JSON_LIST, _kept(column, "->", key), None),
    **dict.fromkeys(_TEXTS, _as_text),
}
