"""Checks of the messages that Google defines and Rotunda's protos use as values."""

import math
from collections.abc import Callable
from datetime import date
from typing import Any

from google.protobuf import duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2
from google.type import date_pb2, money_pb2

from rotunda_kit.descriptors import FieldRules
from rotunda_kit.json.moments import MAX_DURATION_SECONDS, MAX_SECONDS, MIN_SECONDS
from rotunda_kit.json.structs import MAX_STRUCT_DEPTH
from rotunda_kit.violations import Violations, member, shown

Check = Callable[[Any, str, Violations], None]
"""Checks a message that stands at a path, and brings it into the form in which it is kept."""

_NANOS = 1_000_000_000


def money(message: money_pb2.Money, path: str, violations: Violations) -> None:
    """An amount with its currency, both parts of it of one sign."""
    currency = message.currency_code.strip().upper()
    if not currency:
        violations.add(member(path, "currency_code"), "must be set")
    elif len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
        violations.add(member(path, "currency_code"), "is not a currency code of ISO 4217, for example EUR")
    elif currency != message.currency_code:
        message.currency_code = currency
    _parts(message.units, message.nanos, "units", path, violations)


def _parts(whole: int, nanos: int, whole_name: str, path: str, violations: Violations) -> None:
    if not -_NANOS < nanos < _NANOS:
        violations.add(member(path, "nanos"), "must be between -999999999 and 999999999")
    elif whole * nanos < 0:
        violations.add(member(path, "nanos"), f"must have the same sign as {whole_name}")


def calendar_date(message: date_pb2.Date, path: str, violations: Violations) -> None:
    """A day: not a year or a month alone, and not a day of any year."""
    if not (message.year and message.month and message.day):
        violations.add(path, "must be a full date with year, month and day")
        return
    try:
        date(message.year, message.month, message.day)
    except (ValueError, OverflowError):
        violations.add(path, "is no day of the calendar in the years 1 to 9999")


def timestamp(message: timestamp_pb2.Timestamp, path: str, violations: Violations) -> None:
    """A time that RFC 3339 can say."""
    if not (MIN_SECONDS <= message.seconds <= MAX_SECONDS and 0 <= message.nanos < _NANOS):
        violations.add(path, "must lie in the years 1 to 9999")


def duration(message: duration_pb2.Duration, path: str, violations: Violations) -> None:
    """A duration within protobuf's bounds, both parts of it of one sign."""
    if abs(message.seconds) > MAX_DURATION_SECONDS:
        violations.add(path, f"must be at most {MAX_DURATION_SECONDS}s")
    _parts(message.seconds, message.nanos, "seconds", path, violations)


def field_mask(rules: FieldRules) -> Check:
    """A mask with at most as many paths as the rules allow entries."""

    def check(message: field_mask_pb2.FieldMask, path: str, violations: Violations) -> None:
        if len(message.paths) > rules.max_items:
            violations.add(path, f"has more than {rules.max_items} paths (has {len(message.paths)})")
            return
        for name in message.paths:
            if len(name) > rules.max_length or "\0" in name:
                violations.add(path, f'has the path "{shown(name)}", which is no field path')

    return check


class _Tree:
    """Checks of any JSON: `max_items` holds for each object and list in it, `max_length` for each string and key."""

    def __init__(self, rules: FieldRules) -> None:
        self._max_items = rules.max_items
        self._max_length = rules.max_length

    def struct(self, message: struct_pb2.Struct, path: str, violations: Violations, depth: int = 1) -> None:
        if not self._is_bounded(len(message.fields), path, depth, violations):
            return
        for key, value in message.fields.items():
            place = f"{path}[{shown(key)}]"
            self._text(key, place, violations)
            self.value(value, place, violations, depth)

    def list_value(self, message: struct_pb2.ListValue, path: str, violations: Violations, depth: int = 1) -> None:
        if not self._is_bounded(len(message.values), path, depth, violations):
            return
        for position, value in enumerate(message.values):
            self.value(value, f"{path}[{position}]", violations, depth)

    def value(self, message: struct_pb2.Value, path: str, violations: Violations, depth: int = 0) -> None:
        kind = message.WhichOneof("kind")
        if kind == "string_value":
            self._text(message.string_value, path, violations)
        elif kind == "number_value" and not math.isfinite(message.number_value):
            violations.add(path, "must be a finite number")
        elif kind == "struct_value":
            self.struct(message.struct_value, path, violations, depth + 1)
        elif kind == "list_value":
            self.list_value(message.list_value, path, violations, depth + 1)

    def _is_bounded(self, size: int, path: str, depth: int, violations: Violations) -> bool:
        if depth > MAX_STRUCT_DEPTH:
            violations.add(path, f"is nested more than {MAX_STRUCT_DEPTH} levels deep")
        elif size > self._max_items:
            violations.add(path, f"has more than {self._max_items} entries (has {size})")
        else:
            return True
        return False

    def _text(self, text: str, path: str, violations: Violations) -> None:
        if "\0" in text:
            violations.add(path, "contains a NUL character")
        elif len(text) > self._max_length:
            violations.add(path, f"is longer than {self._max_length} characters (has {len(text)})")


def well_known(full_name: str, rules: FieldRules) -> Check | None:
    """The check for messages of a type that Google defines, under the rules of their field; None for other types."""
    if full_name in _PLAIN:
        return _PLAIN[full_name]
    if full_name == "google.protobuf.FieldMask":
        return field_mask(rules)
    tree = _Tree(rules)
    trees: dict[str, Check] = {
        "google.protobuf.Struct": tree.struct,
        "google.protobuf.ListValue": tree.list_value,
        "google.protobuf.Value": tree.value,
    }
    return trees.get(full_name)


_PLAIN: dict[str, Check] = {
    "google.protobuf.Duration": duration,
    "google.protobuf.Timestamp": timestamp,
    "google.type.Date": calendar_date,
    "google.type.Money": money,
}
