"""Values of path and query parameters, which are text whatever their type."""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from rotunda_kit.descriptors import is_map, is_wrapper, message_class
from rotunda_kit.errors import FieldViolation
from rotunda_kit.json.moments import read_duration, read_field_mask, read_timestamp
from rotunda_kit.json.scalars import scalar
from rotunda_kit.violations import Unfit

_READERS: dict[str, Callable[[Any, Any], None]] = {
    "google.protobuf.Duration": read_duration,
    "google.protobuf.FieldMask": read_field_mask,
    "google.protobuf.Timestamp": read_timestamp,
}
_BOOLEANS = {"true": True, "false": False}


def scalar_from_text(field: FieldDescriptor, text: str) -> Any | FieldViolation:
    """The value that a text stands for in a field (of a repeated field: one value), or why there is none.

    Scalars and wrappers come as Python values, enums as numbers; Timestamp, Duration and FieldMask as messages, to be
    copied into the field. The violation's path is the field's name.
    """
    try:
        return _value(field, text)
    except Unfit as problem:
        return FieldViolation(field.name, str(problem))


def _value(field: FieldDescriptor, text: str) -> Any:
    message = field.message_type
    if message is not None:
        if is_wrapper(message):
            return _scalar(message.fields_by_name["value"], text)
        read = _READERS.get(message.full_name)
        if read is None or is_map(field):
            raise Unfit("cannot stand in a path or a query")
        value = message_class(message)()
        read(value, text)
        return value
    return _scalar(field, text)


def _scalar(field: FieldDescriptor, text: str) -> Any:
    if field.type == FieldDescriptor.TYPE_BOOL:
        if text not in _BOOLEANS:
            raise Unfit("must be true or false")
        return _BOOLEANS[text]
    if field.enum_type is not None and text.isascii() and text.isdigit() and len(text) < 10:
        return scalar(field)(int(text))
    return scalar(field)(text)
