"""Timestamps, durations and field masks from their text."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from google.protobuf import duration_pb2, field_mask_pb2, timestamp_pb2

from rotunda_kit.descriptors import snake_path
from rotunda_kit.json.scalars import not_a
from rotunda_kit.violations import Unfit

MAX_DURATION_SECONDS = 315_576_000_000
"""About 10,000 years, the most that google.protobuf.Duration may hold."""

MIN_SECONDS = -62_135_596_800
"""0001-01-01T00:00:00Z, the first second that google.protobuf.Timestamp may hold."""

MAX_SECONDS = 253_402_300_799
"""9999-12-31T23:59:59Z, the last one."""

_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_DURATION = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?s")
_MASK_PATH = re.compile(r"[A-Za-z0-9_.]+|\*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_NOT_A_TIME = "must be a time with its zone, for example 2026-01-31T09:00:00Z"
_NOT_A_DURATION = "must be a number of seconds, for example 1.5s"


def read_timestamp(message: timestamp_pb2.Timestamp, raw: Any) -> None:
    """Fill in a time from RFC 3339 with a zone; raises Unfit."""
    if type(raw) is not str:
        raise not_a("a time as a string", raw)
    match = _TIMESTAMP.fullmatch(raw)
    if match is None:
        raise Unfit(_NOT_A_TIME)
    year, month, day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = match.groups()
    try:
        zone = _zone(sign, zone_hours, zone_minutes)
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=zone)
    except ValueError:
        raise Unfit("is no time of any calendar day in the years 1 to 9999") from None
    seconds = (moment - _EPOCH) // _SECOND
    # Its zone may move the first and the last day out of the calendar.
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise Unfit("must lie in the years 1 to 9999")
    message.seconds = seconds
    message.nanos = _nanos(fraction)


def _zone(sign: str | None, hours: str, minutes: str) -> timezone:
    if sign is None:
        return UTC
    if int(minutes) > 59:
        raise ValueError(minutes)
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(offset if sign == "+" else -offset)


def _nanos(fraction: str | None) -> int:
    return int(fraction.ljust(9, "0")) if fraction else 0


def read_duration(message: duration_pb2.Duration, raw: Any) -> None:
    """Fill in a duration from its seconds, for example `-1.5s`; raises Unfit."""
    if type(raw) is not str:
        raise not_a("a duration as a string", raw)
    match = _DURATION.fullmatch(raw)
    if match is None:
        raise Unfit(_NOT_A_DURATION)
    sign = -1 if match[1] else 1
    seconds, nanos = int(match[2]), _nanos(match[3])
    if seconds > MAX_DURATION_SECONDS or (seconds == MAX_DURATION_SECONDS and nanos):
        raise Unfit(f"must be at most {MAX_DURATION_SECONDS}s")
    message.seconds = sign * seconds
    message.nanos = sign * nanos


def read_field_mask(message: field_mask_pb2.FieldMask, raw: Any) -> None:
    """Fill in a mask from its paths in lowerCamelCase or snake_case, separated by commas; raises Unfit."""
    if type(raw) is not str:
        raise not_a("field paths separated by commas", raw)
    paths = [path.strip() for path in raw.split(",")] if raw.strip() else []
    for path in paths:
        if not _MASK_PATH.fullmatch(path):
            raise Unfit("must be field paths separated by commas, for example displayName,ownerId")
    message.paths.extend(snake_path(path) for path in paths)
