"""The mapping between a mapped class and its proto message, by field name, made once a noun at start-up.

A message field finds its columns by these rules:

| field | attribute of the mapped class |
|---|---|
| scalar, enum, Timestamp, google.type.Date | of the same name; enums by their names without prefix |
| google.type.Money `amount` | `amount` and `amount_currency` |
| list of strings, ids or enums | an array |
| list of messages | JSONB, names as in the proto |
| any other message `regarding` | `regarding_<field>` for each of its fields |
| anything | the expression that `derived` names, which is read only |
| google.protobuf.Struct `custom_fields` | `Customizable.custom_fields`, by the definitions that there are |
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from sqlalchemy import ColumnElement, FromClause, Select, Table, Text, Uuid, bindparam, func, select, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from rotunda_kit.custom_fields.catalogue import catalogue_for
from rotunda_kit.descriptors import behaviours, enum_prefix, message_type_of
from rotunda_kit.listing.field import FieldKind, ListField
from rotunda_kit.model import Resource
from rotunda_kit.resource.values import (
    date_message,
    day,
    enum_numbers,
    moment,
    money_amount,
    money_message,
    object_of,
    objects_to_messages,
    timestamp,
)

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Resource)

Reader = Callable[[Sequence[Any], int], Any]

TIMESTAMP = "google.protobuf.Timestamp"
DATE = "google.type.Date"
MONEY = "google.type.Money"
CUSTOM_FIELDS = "custom_fields"

_SCALAR_KINDS = {
    FieldDescriptor.CPPTYPE_INT32: FieldKind.INTEGER,
    FieldDescriptor.CPPTYPE_INT64: FieldKind.INTEGER,
    FieldDescriptor.CPPTYPE_UINT32: FieldKind.INTEGER,
    FieldDescriptor.CPPTYPE_UINT64: FieldKind.INTEGER,
    FieldDescriptor.CPPTYPE_BOOL: FieldKind.BOOL,
    FieldDescriptor.CPPTYPE_DOUBLE: FieldKind.DECIMAL,
    FieldDescriptor.CPPTYPE_FLOAT: FieldKind.DECIMAL,
}


class MappingError(TypeError):
    """A mapped class and its message do not fit together; raised at start-up."""


@dataclass(slots=True)
class FieldMap:
    """One field of the message: the columns that it is read from, how, and how it is written."""

    name: str
    columns: list[ColumnElement[Any]]
    read: Reader
    # From the message to the attributes that keep the field; None where it can't be written.
    write: Callable[[Any], dict[str, Any]] | None
    list_fields: list[ListField]


def there(table: Table, *, deleted: bool = False) -> ColumnElement[bool]:
    """Whether a record lives, or at least is in the recycle bin."""
    gone = table.c.purge_time if deleted else table.c.delete_time
    return gone.is_(None)


def _plain(_row: Sequence[Any], _at: int) -> Any:
    return _row[_at]


def _through(convert: Callable[[Any], Any]) -> Reader:
    def read(row: Sequence[Any], at: int) -> Any:
        value = row[at]
        return None if value is None else convert(value)

    return read


def _read_money(row: Sequence[Any], at: int) -> Any:
    return None if row[at] is None else money_message(row[at], row[at + 1])


def _same(value: Any) -> Any:
    return value


def _objects_of(messages: Iterable[Message]) -> list[dict[str, Any]]:
    return [object_of(message) for message in messages]


def _enum_of(field: FieldDescriptor) -> EnumDescriptor:
    enum = field.enum_type
    if enum is None:
        raise MappingError(f"{field.full_name} is no enum")
    return enum


def _writer(field: FieldDescriptor, keep: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    name, has_presence = field.name, field.has_presence
    if field.message_type is not None and field.message_type.full_name == MONEY:
        currency = f"{name}_currency"

        def write_money(message: Message) -> dict[str, Any]:
            if not message.HasField(name):
                return {name: None, currency: None}
            value = getattr(message, name)
            return {name: money_amount(value), currency: value.currency_code}

        return write_money

    def write(message: Message) -> dict[str, Any]:
        if has_presence and not message.HasField(name):
            return {name: None}
        return {name: keep(getattr(message, name))}

    return write


class ResourceMapping(Generic[R, M]):
    """Between one mapped class and its message.

    Args:
        model: the mapped class.
        message: its message.
        derived: read-only fields and the expressions they come from, for example a name in a joined reference copy.
        joins: outer joins that `derived` needs: table and condition.
        by_hand: input fields that the noun's own code takes care of.
    """

    def __init__(
        self,
        model: type[R],
        message: type[M],
        *,
        derived: Mapping[str, ColumnElement[Any]] | None = None,
        joins: Iterable[tuple[FromClause, ColumnElement[bool]]] = (),
        by_hand: Iterable[str] = (),
    ) -> None:
        self.model = model
        self.message = message
        self.descriptor: Any = message.DESCRIPTOR
        table = model.__table__  # type: ignore[attr-defined] # every concrete mapped class has one
        self.table: Table = table
        self.by_hand = frozenset(by_hand)
        self._derived = dict(derived or {})
        self._catalogue = catalogue_for(model)
        self.fields: dict[str, FieldMap] = {}
        for field in self.descriptor.fields:
            mapped = self._map(field)
            if mapped is not None:
                self.fields[field.name] = mapped
        # Those of the message itself; custom fields come and go.
        self.list_fields: dict[str, ListField] = {
            listed.path: listed for mapped in self.fields.values() for listed in mapped.list_fields
        }
        self.immutable = frozenset(f.name for f in self.descriptor.fields if "IMMUTABLE" in behaviours(f))
        self.source: FromClause = self.table
        for joined, condition in joins:
            self.source = self.source.outerjoin(joined, condition)
        self.columns: list[ColumnElement[Any]] = []
        plan: list[tuple[str, int, Reader]] = []
        for mapped in self.fields.values():
            plan.append((mapped.name, len(self.columns), mapped.read))
            self.columns.extend(mapped.columns)
        self._custom_at = next((at for name, at, _ in plan if name == CUSTOM_FIELDS), -1)
        # Made once: building a statement costs as much as running a small one.
        is_it = self.table.c.id == bindparam("id", type_=Uuid)
        self.by_id = self.select().where(is_it)
        self.by_id_or_deleted = self.select(deleted=True).where(is_it)
        self.all_by_ids = self.select_all().where(self.table.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
        self._plain = [(name, at) for name, at, read in plan if read is _plain]
        self._converted = [(name, at, read) for name, at, read in plan if read is not _plain]

    # Reading

    def select(self, *, deleted: bool = False) -> Select[Any]:
        """All living records, and those in the recycle bin if asked for, with the columns that `read` expects."""
        return select(*self.columns).select_from(self.source).where(there(self.table, deleted=deleted))

    def select_all(self) -> Select[Any]:
        """All records, deleted and purged ones too."""
        return select(*self.columns).select_from(self.source)

    def read(self, row: Sequence[Any]) -> M:
        """The message of a row of `select`, or of a longer row that begins with its columns."""
        values = {name: row[at] for name, at in self._plain}
        for name, at, read in self._converted:
            values[name] = read(row, at)
        return self.message(**values)

    def puzzles(self, rows: Iterable[Sequence[Any]]) -> bool:
        """Whether one of some rows has values of custom fields that were made since the catalogue was read."""
        if self._catalogue is None:
            return False
        return not all(self._catalogue.knows(row[self._custom_at]) for row in rows)

    def listed(self) -> dict[str, ListField]:
        """What lists can be filtered and ordered by, by snake_case path."""
        if self._catalogue is None:
            return self.list_fields
        return self.list_fields | self._catalogue.listed(self.model.__noun__, self.table.c[CUSTOM_FIELDS])

    # Writing

    def writable(self, message: M, mask: Iterable[str] | None = None) -> list[str]:
        """The fields that a request sets: those of the mask (`*`: all), else those that are set in the message."""
        given = list(mask or ())
        if not given:
            given = [field.name for field, _ in message.ListFields()]
        elif "*" in given:
            given = list(self.fields)
        return [name for name in given if name in self.fields and self.fields[name].write]

    def values(self, message: M, names: Iterable[str]) -> dict[str, Any]:
        """Attributes of the mapped class from fields of the message; unset ones are None."""
        values: dict[str, Any] = {}
        for name in names:
            write = self.fields[name].write
            if write is not None:
                values |= write(message)
        return values

    # Making

    def _map(self, field: Any) -> FieldMap | None:
        name = field.name
        read_only = "OUTPUT_ONLY" in behaviours(field)
        if name == "etag":
            return FieldMap(name, [self.table.c.version], _through(str), None, [])
        if name in self._derived:
            return self._over(field, [self._derived[name]], writable=False)
        if name in self.by_hand:
            return None
        if name == CUSTOM_FIELDS and self._catalogue is not None:
            # Taken in by `take_custom_fields`.
            return FieldMap(name, [self.table.c[name]], _through(self._catalogue.shown), None, [])
        if name in self.table.c:
            columns: list[ColumnElement[Any]] = [self.table.c[name]]
            if field.message_type is not None and field.message_type.full_name == MONEY:
                columns.append(self.table.c[f"{name}_currency"])
            return self._over(field, columns, writable=not read_only)
        if field.message_type is not None and not field.is_repeated:
            return self._spread(field, writable=not read_only)
        raise MappingError(f"{self.model.__name__} has nothing for {self.descriptor.full_name}.{name}")

    def _spread(self, field: FieldDescriptor, *, writable: bool) -> FieldMap:
        """A message whose fields are columns `<field>_<inner>` of the record's own table."""
        inner: list[FieldMap] = []
        for part in message_type_of(field).fields:
            column = self.table.c.get(f"{field.name}_{part.name}")
            if column is None:
                raise MappingError(f"{self.model.__name__} has no {field.name}_{part.name}")
            inner.append(self._over(part, [column], writable=True, path=f"{field.name}.{part.name}"))

        def read(row: Sequence[Any], at: int) -> Any:
            values = {part.name: part.read(row, at + offset) for offset, part in enumerate(inner)}
            return values if any(value not in (None, "") for value in values.values()) else None

        def write(message: Message) -> dict[str, Any]:
            present = message.HasField(field.name)
            part_of = getattr(message, field.name)
            values: dict[str, Any] = {}
            for part in inner:
                if part.write is not None:
                    kept = part.write(part_of)[part.name]
                    values[f"{field.name}_{part.name}"] = kept if present and kept != "" else None
            return values

        return FieldMap(
            field.name,
            [part.columns[0] for part in inner],
            read,
            write if writable else None,
            [listed for part in inner for listed in part.list_fields],
        )

    def _over(
        self, field: FieldDescriptor, columns: list[ColumnElement[Any]], *, writable: bool, path: str | None = None
    ) -> FieldMap:
        column = columns[0]
        nullable = bool(getattr(column, "nullable", True)) or column.table is not self.table
        path = path or field.name
        kind: FieldKind | None
        read: Reader = _plain
        keep: Callable[[Any], Any] = _same
        enum_values: dict[str, Any] | None = None
        listed: list[ListField] = []
        if field.message_type is not None and field.is_repeated:
            kind = None
            read = _through(objects_to_messages(field))
            keep = _objects_of
            listed = self._list_of_objects(field, column)
        elif field.message_type is not None:
            kind, read, keep = self._well_known(field)
            if kind is FieldKind.MONEY:
                currency = ListField(f"{path}.currency_code", FieldKind.TEXT, columns[1], nullable=nullable)
                listed.append(currency)
        elif field.enum_type is not None:
            kind = FieldKind.TEXT_LIST if field.is_repeated else FieldKind.ENUM
            enum_values = {name: name for name in enum_numbers(field.enum_type) if name != "UNSPECIFIED"}
            columns, read, keep = self._enum(field, column)
            column = columns[0]
        elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            kind, read, keep = self._text(field, column)
        else:
            kind = _SCALAR_KINDS.get(field.cpp_type)
        if kind is not None:
            orderable = kind not in (FieldKind.TEXT_LIST, FieldKind.UUID_LIST, FieldKind.JSON_LIST)
            listed.append(
                ListField(path, kind, column, nullable=nullable, enum_values=enum_values, orderable=orderable)
            )
        if "INPUT_ONLY" in behaviours(field):
            listed = []
        return FieldMap(field.name, columns, read, _writer(field, keep) if writable else None, listed)

    @staticmethod
    def _enum(
        field: FieldDescriptor, column: ColumnElement[Any]
    ) -> tuple[list[ColumnElement[Any]], Reader, Callable[[Any], Any]]:
        # Read as text: making an Enum of each value costs more than the rest of the row.
        numbers = enum_numbers(_enum_of(field))
        names = {number: name for name, number in numbers.items()}
        if field.is_repeated:
            prefix = enum_prefix(_enum_of(field))
            return (
                [type_coerce(column, ARRAY(Text))],
                _through(lambda values: [prefix + value for value in values]),
                lambda given: [names[number] for number in given],
            )
        python_enum = getattr(column.type, "enum_class", None) or str
        return (
            [type_coerce(column, Text)],
            _through(numbers.__getitem__),
            lambda number: python_enum(names[number]) if number else None,
        )

    @staticmethod
    def _text(field: FieldDescriptor, column: ColumnElement[Any]) -> tuple[FieldKind, Reader, Callable[[Any], Any]]:
        kept_as_uuid = isinstance(column.type, Uuid) or (
            isinstance(column.type, ARRAY) and isinstance(column.type.item_type, Uuid)
        )
        if field.is_repeated:
            if kept_as_uuid:
                return (
                    FieldKind.UUID_LIST,
                    _through(lambda ids: [str(i) for i in ids]),
                    lambda ids: [UUID(i) for i in ids],
                )
            return FieldKind.TEXT_LIST, _plain, list
        if kept_as_uuid:
            return FieldKind.UUID, _through(str), lambda value: UUID(value) if value else None
        return FieldKind.TEXT, _plain, _same

    @staticmethod
    def _well_known(field: FieldDescriptor) -> tuple[FieldKind, Reader, Callable[[Any], Any]]:
        full_name = message_type_of(field).full_name
        if full_name == TIMESTAMP:
            return FieldKind.TIME, _through(timestamp), moment
        if full_name == DATE:
            return FieldKind.DATE, _through(date_message), day
        if full_name == MONEY:
            return FieldKind.MONEY, _read_money, _same
        raise MappingError(f"no column can keep {field.full_name}")

    @staticmethod
    def _list_of_objects(field: FieldDescriptor, column: ColumnElement[Any]) -> list[ListField]:
        listed = []
        for part in message_type_of(field).fields:
            if part.enum_type is None and part.type != FieldDescriptor.TYPE_STRING:
                # Entries are compared as texts; and what is a default does not stand in them.
                continue
            values = None
            if part.enum_type is not None:
                prefix = enum_prefix(part.enum_type)
                values = {name: prefix + name for name in enum_numbers(part.enum_type)}
            listed.append(
                ListField(
                    f"{field.name}.{part.name}",
                    FieldKind.JSON_LIST,
                    type_coerce(column, JSONB),
                    nullable=False,
                    enum_values=values,
                    orderable=False,
                    json_key=part.name,
                )
            )
        return listed
