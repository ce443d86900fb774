"""What a protobuf descriptor says about names, behaviour and rules; the one place that reads its options."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from google.api import field_behavior_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    EnumValueDescriptor,
    FieldDescriptor,
    ServiceDescriptor,
)
from google.protobuf.message import Message

from rotunda.kit.v1 import annotations_pb2

_DEFAULT_MAX_CHARACTERS = 255
_DEFAULT_MAX_BYTES = 1024 * 1024
_DEFAULT_MAX_ITEMS = 100
_ZERO_VALUE = "UNSPECIFIED"
_BRACKETED = re.compile(r"(\[[^\]]*\])")
_NEXT_WORD = re.compile(r"_+([A-Za-z0-9]?)")
_CAPITAL = re.compile(r"[A-Z]")


@dataclass(frozen=True, slots=True)
class FieldRules:
    """`rotunda.kit.v1.rules` of one field, with the defaults filled in.

    `max_length` counts characters of a string and bytes of a `bytes` field; `format` is a number of
    `rotunda.kit.v1.Format`, never FORMAT_UNSPECIFIED; `refers_to` is empty where the field is no reference.
    """

    max_length: int
    max_items: int
    format: annotations_pb2.Format
    refers_to: str
    min: float | None
    max: float | None
    personal: bool
    sensitive: bool


@cache
def behaviours(field: FieldDescriptor) -> frozenset[str]:
    """The `google.api.field_behavior` of a field, for example `{"REQUIRED", "IMMUTABLE"}`."""
    declared: list[Any] = field.GetOptions().Extensions[cast("Any", field_behavior_pb2.field_behavior)]
    return frozenset(field_behavior_pb2.FieldBehavior.Name(number) for number in declared)


@cache
def rules(field: FieldDescriptor) -> FieldRules:
    """What the values of a field must satisfy beyond their type."""
    declared: annotations_pb2.FieldRules = field.GetOptions().Extensions[cast("Any", annotations_pb2.rules)]
    default_length = _DEFAULT_MAX_BYTES if _value_type(field) == FieldDescriptor.TYPE_BYTES else _DEFAULT_MAX_CHARACTERS
    return FieldRules(
        max_length=declared.max_length or default_length,
        max_items=declared.max_items or _DEFAULT_MAX_ITEMS,
        format=declared.format or _default_format(field),
        refers_to=declared.refers_to,
        min=declared.min if declared.HasField("min") else None,
        max=declared.max if declared.HasField("max") else None,
        personal=declared.personal or declared.sensitive,
        sensitive=declared.sensitive,
    )


def _value_type(field: FieldDescriptor) -> int:
    """The type of what the rules are about: of a map its values, of a wrapper its content."""
    if is_map(field):
        return map_fields(field)[1].type
    if field.message_type is not None and is_wrapper(field.message_type):
        return field.message_type.fields_by_name["value"].type
    return field.type


def _default_format(field: FieldDescriptor) -> annotations_pb2.Format:
    is_string = _value_type(field) == FieldDescriptor.TYPE_STRING
    is_id = field.name == "id" or field.name.endswith("_ids" if field.is_repeated else "_id")
    return annotations_pb2.FORMAT_UUID if is_string and is_id else annotations_pb2.FORMAT_TEXT


@cache
def enum_prefix(enum: EnumDescriptor) -> str:
    """What all names of an enum begin with, for example `ACCOUNT_TYPE_`; empty where they have nothing in common.

    Read off the zero value, which ends in `_UNSPECIFIED` by buf's ENUM_ZERO_VALUE_SUFFIX.
    """
    zero = enum.values_by_number[0].name if 0 in enum.values_by_number else ""
    if not zero.endswith(f"_{_ZERO_VALUE}"):
        return ""
    prefix = zero.removesuffix(_ZERO_VALUE)
    return prefix if all(value.name.startswith(prefix) for value in enum.values) else ""


def enum_name(value: EnumValueDescriptor) -> str:
    """An enum value's name as it stands in JSON and in filters: `WON` for `OPPORTUNITY_STATE_WON`."""
    return value.name.removeprefix(enum_prefix(value.type))


@cache
def enum_names(enum: EnumDescriptor) -> dict[int, str]:
    """The names of an enum's values as they stand in JSON, by their numbers."""
    return {value.number: enum_name(value) for value in enum.values}


def json_path(path: str) -> str:
    """A snake_case field path as a caller of the REST API writes it: `phones[1].area_code` → `phones[1].areaCode`.

    What stands in brackets (list positions, and keys that the caller chose) stays as it is.
    """
    if "_" not in path:
        return path
    parts = _BRACKETED.split(path)
    parts[::2] = [_NEXT_WORD.sub(lambda match: match[1].upper(), part) for part in parts[::2]]
    return "".join(parts)


def snake_path(path: str) -> str:
    """A lowerCamelCase field path in snake_case, as protobuf's own mapping of field masks has it."""
    return _CAPITAL.sub(lambda match: f"_{match[0].lower()}", path)


def noun_name(named: Descriptor | ServiceDescriptor) -> str:
    """The noun of a message or a service: `sales.close_reason` for CloseReason and CloseReasonService."""
    name = snake_path(named.name.removesuffix("Service")).lstrip("_")
    return f"{named.file.package.split('.')[1]}.{name}"


def is_map(field: FieldDescriptor) -> bool:
    """Whether the field is a map; protobuf declares it as a list of entries."""
    return field.is_repeated and field.message_type is not None and field.message_type.GetOptions().map_entry


def map_fields(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor]:
    """The fields of a map's keys and of its values."""
    entry = cast("Descriptor", field.message_type)
    return entry.fields_by_name["key"], entry.fields_by_name["value"]


def is_message(field: FieldDescriptor) -> bool:
    """Whether the field holds one message: not a scalar, not a list, not a map."""
    return field.message_type is not None and not field.is_repeated


def is_wrapper(message: Descriptor) -> bool:
    """Whether the message is one of `google.protobuf.*Value`, which stand in JSON as the scalar that they hold."""
    return message.file.name == "google/protobuf/wrappers.proto"


def descriptor_of(message_type: type[Message]) -> Descriptor:
    """The descriptor of a message class."""
    return cast("Descriptor", message_type.DESCRIPTOR)


def message_type_of(field: Any) -> Descriptor:
    """The type of a field that holds messages.

    Raises:
        TypeError: it holds none.
    """
    if field.message_type is None:
        raise TypeError(f"{field.full_name} holds no message")
    found: Descriptor = field.message_type
    return found


def message_class(message: Descriptor) -> type[Message]:
    """The Python class of a message."""
    return message_factory.GetMessageClass(message)
