"""Messages to objects for `orjson.dumps`.

The mapping is protobuf's own (https://protobuf.dev/programming-guides/json/), fields without presence always printed,
with two differences: enum values stand without their type's prefix, and INPUT_ONLY fields never stand at all.
"""

import math
import struct
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from operator import methodcaller
from threading import RLock
from typing import Any

from google.protobuf import any_pb2, struct_pb2, timestamp_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from rotunda_kit.descriptors import behaviours, descriptor_of, enum_names, is_map, is_wrapper, map_fields, message_class
from rotunda_kit.json.registry import descriptor_of_any, stands_as_value

Encode = Callable[[Any], Any]

_INTEGERS_AS_TEXT = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED64,
    }
)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, to whose text without a zone a `Z` is added
_FLOAT = struct.Struct("<f")


def encoder(message_type: type[Message]) -> Callable[[Message], dict[str, Any]]:
    """The function that turns messages of a type into objects for `orjson.dumps`; compiled once a type.

    The function raises ValueError where a message holds what JSON can't say: a Timestamp or Duration out of range, a
    NaN inside of a Struct, an Any of a type that this process does not know.
    """
    return _encoder(descriptor_of(message_type))


def _encoder(message: Descriptor) -> Encode:
    # No other thread may see an encoder that does not have all of its fields yet.
    with _compiling:
        return _message_encoder(message)


@cache
def fields_left_out(message: Descriptor) -> frozenset[str]:
    """The fields that never stand in an answer, for example passwords: those that are INPUT_ONLY."""
    return frozenset(field.name for field in message.fields if "INPUT_ONLY" in behaviours(field))


_compiling = RLock()
_compiled: dict[Descriptor, Encode] = {}


def _message_encoder(message: Descriptor) -> Encode:
    known = _compiled.get(message)
    if known is not None:
        return known
    if message.full_name in _WELL_KNOWN:
        return _WELL_KNOWN[message.full_name]
    if is_wrapper(message):
        return _wrapper_encoder(message)
    return _object_encoder(message)


def _object_encoder(message: Descriptor) -> Encode:
    present: dict[FieldDescriptor, tuple[str, Encode | None]] = {}
    defaults: dict[str, Any] = {}
    empty: list[tuple[str, type[list[Any] | dict[str, Any]]]] = []

    def encode(value: Message) -> dict[str, Any]:
        result = defaults.copy()
        for key, collection in empty:
            result[key] = collection()
        # One call for all set fields: the fastest way to read a message, most of whose fields are unset.
        for field, content in value.ListFields():
            found = present.get(field)
            if found is not None:
                key, convert = found
                result[key] = content if convert is None else convert(content)
        return result

    # Known before its fields are, since a message may hold messages of its own type.
    _compiled[message] = encode
    left_out = fields_left_out(message)
    for field in [field for field in message.fields if field.name not in left_out]:
        convert = _field_encoder(field)
        present[field] = (field.json_name, convert)
        if field.is_repeated:
            empty.append((field.json_name, dict if is_map(field) else list))
        elif not field.has_presence:
            default = field.default_value
            defaults[field.json_name] = default if convert is None else convert(default)
    return encode


def _field_encoder(field: FieldDescriptor) -> Encode | None:
    if is_map(field):
        return _map_encoder(field)
    encode = _value_encoder(field)
    if not field.is_repeated:
        return encode
    if encode is None:
        return list
    return lambda values: [encode(value) for value in values]


def _map_encoder(field: FieldDescriptor) -> Encode:
    key_field, value_field = map_fields(field)
    key = _bool_key if key_field.type == FieldDescriptor.TYPE_BOOL else str
    encode = _value_encoder(value_field)
    if encode is None:
        return lambda entries: {key(name): value for name, value in entries.items()}
    return lambda entries: {key(name): encode(value) for name, value in entries.items()}


def _bool_key(key: bool) -> str:
    return "true" if key else "false"


def _value_encoder(field: FieldDescriptor) -> Encode | None:
    """How one value of the field is encoded, wherever it stands; None: as it is."""
    if field.message_type is not None:
        return _message_encoder(field.message_type)
    if field.enum_type is not None:
        return _enum_encoder(field.enum_type)
    return _SCALARS.get(field.type)


class _EnumNames(dict[int, str]):
    def __missing__(self, number: int) -> int:
        """A number without a name stands for itself: a newer peer may know it."""
        return number


def _enum_encoder(enum: EnumDescriptor) -> Encode:
    if enum.full_name == "google.protobuf.NullValue":
        return lambda _: None
    return _EnumNames(enum_names(enum)).__getitem__


def _bytes(value: bytes) -> str:
    return b64encode(value).decode("ascii")


def _double(value: float) -> float | str:
    return value if math.isfinite(value) else _not_finite(value)


def _float(value: float) -> float | str:
    """The shortest number that is this one at single precision: 0.1, not 0.10000000149011612."""
    if not math.isfinite(value):
        return _not_finite(value)
    for digits in (6, 7, 8):
        shorter = float(f"{value:.{digits}g}")
        if _single(shorter) == value:
            return shorter
    return float(f"{value:.9g}")


def _single(value: float) -> float:
    try:
        single: float = _FLOAT.unpack(_FLOAT.pack(value))[0]
    except OverflowError:  # The greatest floats, rounded up.
        return math.inf
    return single


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


_SCALARS: dict[int, Encode] = {
    FieldDescriptor.TYPE_BYTES: _bytes,
    FieldDescriptor.TYPE_DOUBLE: _double,
    FieldDescriptor.TYPE_FLOAT: _float,
    **dict.fromkeys(_INTEGERS_AS_TEXT, str),
}


def _timestamp(value: timestamp_pb2.Timestamp) -> str:
    nanos = value.nanos
    try:
        text = (_EPOCH + timedelta(seconds=value.seconds)).isoformat()
    except OverflowError:
        raise ValueError(f"The time {value.seconds} s lies outside of the years 1 to 9999.") from None
    if not nanos:
        return f"{text}Z"
    if not 0 < nanos < 1_000_000_000:
        raise ValueError(f"A time can't have {nanos} nanoseconds.")
    if nanos % 1_000_000 == 0:
        return f"{text}.{nanos // 1_000_000:03}Z"
    if nanos % 1_000 == 0:
        return f"{text}.{nanos // 1_000:06}Z"
    return f"{text}.{nanos:09}Z"


def _value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    if kind == "struct_value":
        return _struct(value.struct_value)
    if kind == "list_value":
        return _list(value.list_value)
    if kind == "number_value" and not math.isfinite(value.number_value):
        raise ValueError("A Struct can't hold NaN or Infinity: it would come back as text.")
    return getattr(value, kind)


def _struct(value: struct_pb2.Struct) -> dict[str, Any]:
    return {key: _value(item) for key, item in value.fields.items()}


def _list(value: struct_pb2.ListValue) -> list[Any]:
    return [_value(item) for item in value.values]


def _wrapper_encoder(message: Descriptor) -> Encode:
    encode = _value_encoder(message.fields_by_name["value"])
    if encode is None:
        return lambda wrapper: wrapper.value
    return lambda wrapper: encode(wrapper.value)


def _any(value: any_pb2.Any) -> dict[str, Any]:
    if not value.type_url:
        return {}
    message = descriptor_of_any(value.type_url)
    if message is None:
        raise ValueError(f"Nobody here knows the message type {value.type_url}.")
    content = _encoder(message)(message_class(message).FromString(value.value))
    if stands_as_value(message):
        return {"@type": value.type_url, "value": content}
    return {"@type": value.type_url, **content}


_WELL_KNOWN: dict[str, Encode] = {
    "google.protobuf.Any": _any,
    "google.protobuf.Duration": methodcaller("ToJsonString"),
    "google.protobuf.FieldMask": methodcaller("ToJsonString"),
    "google.protobuf.ListValue": _list,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Value": _value,
}
