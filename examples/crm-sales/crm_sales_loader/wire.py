"""How values are written in the API's JSON, and how records of the set are known there again."""

import re
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

Json = dict[str, Any]

SYSTEM = "crm-sales"
CURRENCY = "USD"
_NANO = Decimal(1_000_000_000)


def money(amount: Decimal) -> Json:
    """`google.type.Money` in USD, exact to nine decimals; 64-bit numbers are strings in JSON."""
    units = int(amount)
    nanos = int((amount - units) * _NANO)
    return {"currencyCode": CURRENCY, "units": str(units)} | ({"nanos": nanos} if nanos else {})


def amount(value: Json) -> Decimal:
    """The amount of a `google.type.Money`."""
    return Decimal(value.get("units", "0")) + Decimal(value.get("nanos", 0)) / _NANO


def day(value: date) -> Json:
    """`google.type.Date`."""
    return {"year": value.year, "month": value.month, "day": value.day}


def moment(value: datetime) -> str:
    """`google.protobuf.Timestamp`: RFC 3339 in UTC."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def external_ids(key: str) -> list[Json]:
    """What a record of the set is known by; `key` is unique within its noun."""
    return [{"system": SYSTEM, "id": key}]


def key_of(resource: Json) -> str | None:
    """What the set knows a record by; None if it is none of the set's."""
    return next((entry["id"] for entry in resource.get("externalIds", ()) if entry["system"] == SYSTEM), None)


def slug(name: str, separator: str = "-") -> str:
    """A name in lower-case ASCII letters and digits, for addresses and user names."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9-]+", separator, plain.lower()).strip(separator + "-")
