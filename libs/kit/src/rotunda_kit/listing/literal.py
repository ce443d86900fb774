"""Values of fields as text, in filters and page tokens.

Whatever `from_text` lets through is of the kind's own type and within its range, so that the database never refuses it.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from rotunda_kit.listing.field import FieldKind, ListField
from rotunda_kit.violations import Unfit

_INT64 = range(-(2**63), 2**63)
# On either side of the point; far within what NUMERIC holds, and no calculation with it is slow.
MAX_DIGITS = 1000
# What a Python string may hold and a text of PostgreSQL may not.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?[0-9]{1,100}")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]{1,5})?", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# RFC 3339, as finely as PostgreSQL keeps it: cutting a finer one would change what it compares with.
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def to_text(value: Any) -> str:
    """A value of a column, so that `from_text` gives the same one back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime) and value.tzinfo is None:
        # asyncpg keeps the first and the last moment as infinities, and gives those back without their zone.
        value = value.replace(tzinfo=UTC)
    return value.isoformat() if isinstance(value, date) else str(value)


def from_text(field: ListField, text: str) -> Any:
    """The value of a field, or of an entry of a list, that a text stands for; of an ENUM, the text itself.

    Raises:
        Unfit: it stands for none; says what was expected.
    """
    match field.kind:
        case FieldKind.UUID | FieldKind.UUID_LIST:
            return _uuid(text)
        case FieldKind.INTEGER:
            return _integer(text)
        case FieldKind.DECIMAL | FieldKind.MONEY:
            return float(_decimal(text)) if field.binary else _decimal(text)
        case FieldKind.BOOL:
            return _boolean(text)
        case FieldKind.TIME:
            return _time(text)
        case FieldKind.DATE:
            return _date(text)
        case _:
            return _text(text)


def _text(text: str) -> str:
    if UNSTORABLE.search(text):
        raise Unfit("a text without NUL and lone surrogates")
    return text


def _uuid(text: str) -> UUID:
    # UUID() alone would also take braces, prefixes and hyphens anywhere.
    if not _UUID.fullmatch(text):
        raise Unfit("an id such as 0198c2e4-7d1a-7e3f-8a55-2b9d4c6f1e07")
    return UUID(text)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise Unfit("a whole number")
    number = int(text)
    if number not in _INT64:
        raise Unfit("a whole number of 64 bits")
    return number


def _decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise Unfit("a number")
    number = Decimal(text)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MAX_DIGITS or number.adjusted() >= MAX_DIGITS:
        raise Unfit(f"a number of at most {MAX_DIGITS} digits before and after the point")
    return number


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise Unfit("true or false")
    return text == "true"


def _time(text: str) -> datetime:
    expected = "a time with its zone such as 2026-01-31T08:00:00Z, or a date such as 2026-01-31"
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        # 30 February, or before the year 1 in UTC.
        raise Unfit(f"{expected}, that the calendar has") from None
    raise Unfit(expected)


def _date(text: str) -> date:
    expected = "a date such as 2026-01-31"
    if not _DATE.fullmatch(text):
        raise Unfit(expected)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Unfit(f"{expected}, that the calendar has") from None
