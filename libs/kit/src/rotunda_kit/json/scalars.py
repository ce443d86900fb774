"""JSON values to the values of scalar fields.

Every function takes what `orjson.loads` made, and raises `Unfit` where it does not fit, saying what was expected.
"""

import binascii
import math
import re
import struct
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from rotunda_kit.descriptors import enum_name, enum_prefix
from rotunda_kit.violations import Unfit

Convert = Callable[[Any], Any]

_KINDS = {str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_FLOAT = struct.Struct("<f")
_URL_SAFE = str.maketrans("-_", "+/")


def kind(raw: Any) -> str:
    """What a JSON value is, in the words of a description: `a string`, `null`."""
    return _KINDS.get(type(raw), "null")


def not_a(expected: str, raw: Any) -> Unfit:
    """The error for a JSON value of the wrong type."""
    return Unfit(f"must be {expected}, is {kind(raw)}")


def text(raw: Any) -> str:
    """A string field. Refused are what is no string, and what neither PostgreSQL nor UTF-8 can hold."""
    if type(raw) is not str:
        raise not_a("a string", raw)
    if "\0" in raw:
        raise Unfit("contains a NUL character")
    if not raw.isascii():
        try:
            raw.encode()
        except UnicodeEncodeError:
            raise Unfit("contains half of a surrogate pair") from None
    return raw


def boolean(raw: Any) -> bool:
    """A bool field."""
    if type(raw) is not bool:
        raise not_a("true or false", raw)
    return raw


def octets(raw: Any) -> bytes:
    """A bytes field: base64 in the standard or the URL-safe alphabet, with or without padding."""
    if type(raw) is not str:
        raise not_a("a base64 string", raw)
    unpadded = raw.rstrip("=").translate(_URL_SAFE)
    try:
        return b64decode(unpadded + "=" * (-len(unpadded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("is not base64") from None


def _integer(least: int, greatest: int) -> Convert:
    def convert(raw: Any) -> int:
        if type(raw) is int:
            number = raw
        elif type(raw) is float:
            if not raw.is_integer():
                raise Unfit("must be a whole number")
            number = int(raw)
        elif type(raw) is str:
            if not _INTEGER.fullmatch(raw):
                raise Unfit("must be a whole number")
            number = int(raw)
        else:
            raise not_a("a whole number", raw)
        if not least <= number <= greatest:
            raise Unfit(f"must be between {least} and {greatest}")
        return number

    return convert


def double(raw: Any) -> float:
    """A double field: a number, its text, or `NaN`, `Infinity`, `-Infinity`."""
    if type(raw) is float or type(raw) is int:
        number = float(raw)
    elif type(raw) is str:
        if raw in _NOT_FINITE:
            return _NOT_FINITE[raw]
        if not _NUMBER.fullmatch(raw):
            raise Unfit("must be a number")
        number = float(raw)
    else:
        raise not_a("a number", raw)
    if not math.isfinite(number):
        raise Unfit("is too large")
    return number


def single(raw: Any) -> float:
    """A float field: as `double`, within the range of single precision."""
    number = double(raw)
    if math.isfinite(number):
        try:
            _FLOAT.pack(number)
        except OverflowError:
            raise Unfit("is too large") from None
    return number


def enum(descriptor: EnumDescriptor) -> Convert:
    """An enum field: a name with or without its type's prefix, or a number that has a name."""
    numbers: dict[Any, int] = {value.name: value.number for value in descriptor.values}
    numbers.update({enum_name(value): value.number for value in descriptor.values})
    # Not `values_by_number`, which looks at the lowest 32 bits alone.
    known = frozenset(numbers.values())
    unspecified = enum_prefix(descriptor) and "UNSPECIFIED"
    allowed = ", ".join(name for name in map(enum_name, descriptor.values) if name != unspecified)

    def convert(raw: Any) -> int:
        if type(raw) is str:
            number = numbers.get(raw)
        elif type(raw) is int and raw in known:
            number = raw
        else:
            number = None
        if number is None:
            raise Unfit(f"must be one of {allowed}")
        return number

    return convert


def null(raw: Any) -> int:
    """A google.protobuf.NullValue field."""
    if raw is not None and raw != "NULL_VALUE":
        raise not_a("null", raw)
    return 0


_INT32 = _integer(-(2**31), 2**31 - 1)
_INT64 = _integer(-(2**63), 2**63 - 1)
_UINT32 = _integer(0, 2**32 - 1)
_UINT64 = _integer(0, 2**64 - 1)
_CONVERTERS: dict[int, Convert] = {
    FieldDescriptor.TYPE_STRING: text,
    FieldDescriptor.TYPE_BYTES: octets,
    FieldDescriptor.TYPE_BOOL: boolean,
    FieldDescriptor.TYPE_DOUBLE: double,
    FieldDescriptor.TYPE_FLOAT: single,
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SINT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT64: _UINT64,
    FieldDescriptor.TYPE_FIXED64: _UINT64,
}


def scalar(field: FieldDescriptor) -> Convert:
    """The converter for the values of a field that holds scalars or enums."""
    if field.enum_type is None:
        return _CONVERTERS[field.type]
    if field.enum_type.full_name == "google.protobuf.NullValue":
        return null
    return enum(field.enum_type)
