"""Checks of scalar values: each takes a value and returns it as it is to be kept, or raises `Unfit`."""

import math
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from rotunda_kit.check.formats import FORMATS
from rotunda_kit.descriptors import FieldRules, behaviours, rules
from rotunda_kit.violations import Unfit

Fit = Callable[[Any], Any]

_MAX_SINGLE_LINE = 1000
"""Strings that may be longer than this are texts of several lines, whose surrounding white space is the writer's."""


def fit_of(field: FieldDescriptor, declaring: FieldDescriptor | None = None) -> Fit | None:
    """The check for the values of a field; None where every value fits.

    `declaring` is the field whose rules hold, where it is another one: the map whose values, or the wrapper whose
    content, this field is.
    """
    declaring = declaring or field
    limits = rules(declaring)
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return None
    if field.type == FieldDescriptor.TYPE_STRING:
        return _string(limits, keep="INPUT_ONLY" in behaviours(declaring))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(limits.max_length)
    is_float = field.cpp_type in {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
    if not is_float and limits.min is None and limits.max is None:
        return None
    return _number(limits.min, limits.max)


def _string(limits: FieldRules, *, keep: bool) -> Fit:
    """`keep`: leave white space around it, as a password may have it."""
    max_length = limits.max_length
    strip = not keep and max_length <= _MAX_SINGLE_LINE
    form = FORMATS.get(limits.format)

    def fit(value: str) -> str:
        if strip:
            value = value.strip()
        if "\0" in value:
            raise Unfit("contains a NUL character")
        if len(value) > max_length:
            raise Unfit(f"is longer than {max_length} characters (has {len(value)})")
        if form is None:
            return value
        if not value:
            raise Unfit("is empty; leave it out instead")
        return form(value)

    return fit


def _bytes(max_length: int) -> Fit:
    def fit(value: bytes) -> bytes:
        if len(value) > max_length:
            raise Unfit(f"is longer than {max_length} bytes (has {len(value)})")
        return value

    return fit


def _enum(enum: EnumDescriptor) -> Fit:
    numbers = frozenset(enum.values_by_number)

    def fit(value: int) -> int:
        if value not in numbers:
            raise Unfit(f"has no value with the number {value}")
        return value

    return fit


def _number(least: float | None, greatest: float | None) -> Fit:
    low = -math.inf if least is None else least
    high = math.inf if greatest is None else greatest

    def fit(value: float) -> float:
        # Not finite is no value of any field, and no comparison would refuse NaN.
        if not math.isfinite(value):
            raise Unfit("must be a finite number")
        if value < low:
            raise Unfit(f"must be at least {_plain(low)}")
        if value > high:
            raise Unfit(f"must be at most {_plain(high)}")
        return value

    return fit


def _plain(number: float) -> float | int:
    return int(number) if number.is_integer() else number
