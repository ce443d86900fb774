"""Parsed JSON to messages, with every wrong field named at once.

The mapping is protobuf's own (https://protobuf.dev/programming-guides/json/) with enum values also accepted without
their type's prefix, OUTPUT_ONLY fields ignored (AIP-203), and strings, booleans and null read strictly.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, cast

from google.protobuf import any_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from rotunda_kit.descriptors import behaviours, descriptor_of, is_map, is_wrapper, map_fields, message_class
from rotunda_kit.errors import FieldViolation
from rotunda_kit.json.moments import read_duration, read_field_mask, read_timestamp
from rotunda_kit.json.registry import descriptor_of_any, stands_as_value
from rotunda_kit.json.scalars import Convert, not_a, scalar
from rotunda_kit.json.structs import read_list_value, read_struct, read_value
from rotunda_kit.violations import Unfit, Violations, member, shown, suggestion

MAX_DEPTH = 32
"""Objects inside of objects, a map counting as one. What a Struct holds counts apart; both together stay below the 100
levels at which protobuf refuses to parse what it serialised itself."""

M = TypeVar("M", bound=Message)

Read = Callable[[Any, Any, str, int, Violations], None]
"""Fills in a message from a JSON value that stands at a path and a depth. Notes violations of the parts of the value;
raises Unfit where it does not fit as a whole."""


@dataclass(frozen=True, slots=True)
class Decoded(Generic[M]):
    """A message read from JSON.

    `message` is complete only without `violations`. `present` are the top-level fields whose keys stood in the object,
    null or not, in its order and without those that are OUTPUT_ONLY: the update mask of a PATCH without one.
    """

    message: M
    violations: list[FieldViolation]
    present: tuple[str, ...]


class Decode(Protocol[M]):
    """Reads a message from what `orjson.loads` made: a fresh one, or over the fields of the one given."""

    def __call__(self, body: Any, into: M | None = None) -> Decoded[M]:
        """Read the body; a wrong body of any kind shows in the violations."""


def decoder(message_type: type[M]) -> Decode[M]:
    """The function that reads messages of a type from JSON; compiled once a type.

    Paths of violations begin at the message. A key that names no field keeps the caller's spelling there.
    """
    with _compiling:
        read = _message_reader(descriptor_of(message_type))

    def decode(body: Any, into: M | None = None) -> Decoded[M]:
        message = message_type() if into is None else into
        violations = Violations()
        try:
            read(message, body, "", 1, violations)
        except Unfit as problem:
            violations.add("", str(problem))
        present = read.present(body) if isinstance(read, _ObjectReader) else ()
        return Decoded(message, violations, present)

    return decode


class _Field(NamedTuple):
    """How a value gets into a field: a single scalar by `convert`, anything else by `read`."""

    name: str
    output_only: bool
    takes_null: bool
    oneof: str | None
    convert: Convert | None
    read: Read | None


class _ObjectReader:
    """Reads messages of one type from objects."""

    __slots__ = ("_fields", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._fields: dict[str, _Field] = {}

    def add(self, field: FieldDescriptor) -> None:
        """Read this field too."""
        is_single_scalar = not field.is_repeated and field.message_type is None
        plan = _Field(
            field.name,
            output_only="OUTPUT_ONLY" in behaviours(field),
            takes_null=_takes_null(field) and not field.is_repeated,
            oneof=_oneof(field),
            convert=scalar(field) if is_single_scalar else None,
            read=None if is_single_scalar else _field_reader(field),
        )
        self._fields[field.json_name] = self._fields[field.name] = plan

    def present(self, body: Any) -> tuple[str, ...]:
        """The fields whose keys stand in an object and count."""
        if type(body) is not dict:
            return ()
        found = (self._fields.get(key) for key in body)
        return tuple(dict.fromkeys(field.name for field in found if field is not None and not field.output_only))

    def __call__(self, message: Message, raw: Any, path: str, depth: int, violations: Violations) -> None:
        """Fill in the message."""
        if type(raw) is not dict:
            raise not_a("an object", raw)
        if depth > MAX_DEPTH:
            raise Unfit(f"is nested more than {MAX_DEPTH} levels deep")
        spellings: dict[str, str] = {}
        chosen: dict[str, str] = {}
        for key, value in raw.items():
            field = self._fields.get(key)
            if field is None:
                self._refuse(key, path, violations)
            elif field.output_only:
                continue
            elif spellings.setdefault(field.name, key) != key:
                description = f'is given twice, as "{spellings[field.name]}" and as "{key}"'
                violations.add(member(path, field.name), description)
            elif value is None and not field.takes_null:
                message.ClearField(field.name)
            elif field.oneof is not None and chosen.setdefault(field.oneof, field.name) != field.name:
                violations.add(member(path, field.name), f"cannot be set together with {chosen[field.oneof]}")
            else:
                _set(message, field, value, path, depth, violations)

    def _refuse(self, key: str, path: str, violations: Violations) -> None:
        if violations.full:
            return
        writable = [name for name, field in self._fields.items() if not field.output_only]
        violations.add(member(path, shown(key)), f"is not a field of {self._name}{suggestion(key, writable)}")


def _set(message: Message, field: _Field, raw: Any, path: str, depth: int, violations: Violations) -> None:
    try:
        if field.convert is not None:
            setattr(message, field.name, field.convert(raw))
        elif field.read is not None:
            message.ClearField(field.name)
            field.read(message, raw, member(path, field.name), depth + 1, violations)
    except Unfit as problem:
        violations.add(member(path, field.name), str(problem))


def _takes_null(field: FieldDescriptor) -> bool:
    """Whether null is a value of the field, rather than its absence."""
    if field.message_type is not None:
        return field.message_type.full_name == "google.protobuf.Value"
    return field.enum_type is not None and field.enum_type.full_name == "google.protobuf.NullValue"


def _oneof(field: FieldDescriptor) -> str | None:
    """The oneof of a field that has others to exclude; `optional` makes one of its own for each field."""
    oneof = field.containing_oneof
    return oneof.name if oneof is not None and len(oneof.fields) > 1 else None


_compiling = RLock()
_compiled: dict[Descriptor, _ObjectReader] = {}


def _message_reader(message: Descriptor) -> Read:
    known = _compiled.get(message)
    if known is not None:
        return known
    if message.full_name in _WELL_KNOWN:
        return _WELL_KNOWN[message.full_name]
    if is_wrapper(message):
        return _wrapper_reader(message)
    reader = _ObjectReader(message.name)
    # Known before its fields are, since a message may hold messages of its own type.
    _compiled[message] = reader
    for field in message.fields:
        reader.add(field)
    return reader


def _wrapper_reader(message: Descriptor) -> Read:
    convert = scalar(message.fields_by_name["value"])

    def read(wrapper: Any, raw: Any, path: str, depth: int, violations: Violations) -> None:  # noqa: ARG001
        wrapper.value = convert(raw)

    return read


def _field_reader(field: FieldDescriptor) -> Read:
    """How a value gets into a field of the message that it is given."""
    if is_map(field):
        return _map_reader(field)
    if field.message_type is None:
        return _scalars_reader(field)
    return _messages_reader(field) if field.is_repeated else _single_message_reader(field)


def _single_message_reader(field: FieldDescriptor) -> Read:
    name, read_message = field.name, _message_reader(cast("Descriptor", field.message_type))

    def read(message: Message, raw: Any, path: str, depth: int, violations: Violations) -> None:
        part = getattr(message, name)
        part.SetInParent()
        read_message(part, raw, path, depth, violations)

    return read


def _messages_reader(field: FieldDescriptor) -> Read:
    name, read_message = field.name, _message_reader(cast("Descriptor", field.message_type))

    def read(message: Message, raw: Any, path: str, depth: int, violations: Violations) -> None:
        if type(raw) is not list:
            raise not_a("a list", raw)
        target = getattr(message, name)
        for position, item in enumerate(raw):
            place = f"{path}[{position}]"
            try:
                read_message(target.add(), item, place, depth, violations)
            except Unfit as problem:
                violations.add(place, str(problem))

    return read


def _scalars_reader(field: FieldDescriptor) -> Read:
    name, convert = field.name, scalar(field)

    def read(message: Message, raw: Any, path: str, depth: int, violations: Violations) -> None:  # noqa: ARG001
        if type(raw) is not list:
            raise not_a("a list", raw)
        append = getattr(message, name).append
        for position, item in enumerate(raw):
            try:
                append(convert(item))
            except Unfit as problem:
                violations.add(f"{path}[{position}]", str(problem))

    return read


def _map_reader(field: FieldDescriptor) -> Read:
    name = field.name
    key_field, value_field = map_fields(field)
    convert_key = _bool_key if key_field.type == FieldDescriptor.TYPE_BOOL else scalar(key_field)
    put = _put_message(value_field.message_type) if value_field.message_type is not None else _put_scalar(value_field)

    def read(message: Message, raw: Any, path: str, depth: int, violations: Violations) -> None:
        if type(raw) is not dict:
            raise not_a("an object", raw)
        target = getattr(message, name)
        for text, item in raw.items():
            try:
                key = convert_key(text)
            except Unfit as problem:
                violations.add(path, f"has a key that {problem}")
                continue
            place = f"{path}[{shown(text)}]"
            try:
                put(target, key, item, place, depth + 1, violations)
            except Unfit as problem:
                violations.add(place, str(problem))

    return read


Put = Callable[[Any, Any, Any, str, int, Violations], None]
"""Puts a JSON value into a map under a key; the rest is as in `Read`."""


def _put_message(value: Descriptor) -> Put:
    read_message = _message_reader(value)

    def put(target: Any, key: Any, raw: Any, path: str, depth: int, violations: Violations) -> None:
        read_message(target[key], raw, path, depth, violations)

    return put


def _put_scalar(value: FieldDescriptor) -> Put:
    convert = scalar(value)

    def put(target: Any, key: Any, raw: Any, path: str, depth: int, violations: Violations) -> None:  # noqa: ARG001
        target[key] = convert(raw)

    return put


def _bool_key(raw: str) -> bool:
    if raw not in {"true", "false"}:
        raise Unfit("must be true or false")
    return raw == "true"


def _read_any(message: any_pb2.Any, raw: Any, path: str, depth: int, violations: Violations) -> None:
    if type(raw) is not dict:
        raise not_a("an object", raw)
    if depth > MAX_DEPTH:
        raise Unfit(f"is nested more than {MAX_DEPTH} levels deep")
    if not raw:
        return
    type_url = raw.get("@type")
    descriptor = descriptor_of_any(type_url) if type(type_url) is str else None
    if descriptor is None:
        violations.add(member(path, "@type"), "must name a message type that is known here")
        return
    content = message_class(descriptor)()
    with _compiling:
        read = _message_reader(descriptor)
    fields = {key: value for key, value in raw.items() if key != "@type"}
    if not stands_as_value(descriptor):
        read(content, fields, path, depth, violations)
    elif fields.keys() == {"value"}:
        read(content, fields["value"], member(path, "value"), depth + 1, violations)
    else:
        violations.add(path, "must hold `@type` and `value`, and nothing else")
    message.type_url = cast("str", type_url)
    message.value = content.SerializeToString(deterministic=True)


def _of_scalar(read_text: Callable[[Any, Any], None]) -> Read:
    def read(message: Any, raw: Any, path: str, depth: int, violations: Violations) -> None:  # noqa: ARG001
        read_text(message, raw)

    return read


_WELL_KNOWN: dict[str, Read] = {
    "google.protobuf.Any": _read_any,
    "google.protobuf.Duration": _of_scalar(read_duration),
    "google.protobuf.FieldMask": _of_scalar(read_field_mask),
    "google.protobuf.ListValue": read_list_value,
    "google.protobuf.Struct": read_struct,
    "google.protobuf.Timestamp": _of_scalar(read_timestamp),
    "google.protobuf.Value": read_value,
}
