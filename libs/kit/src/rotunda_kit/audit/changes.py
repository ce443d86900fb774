"""What differs between a record before and after, as the audit trail keeps it.

A value that tells something about a person is kept as a digest with the entry's own salt: whoever knows the value can
check it, and once the salt is gone nobody can.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from google.protobuf.descriptor import Descriptor
from sqlalchemy import inspect

from rotunda_kit.descriptors import behaviours, json_path, rules
from rotunda_kit.model import Resource
from rotunda_kit.resource.mapping import ResourceMapping

SALT_BYTES = 16

# What every change changes, and what the action itself says.
_SILENT = frozenset({"id", "version", "create_time", "update_time", "delete_time", "purge_time"})


@dataclass(frozen=True, slots=True)
class AuditedField:
    """How one attribute of a mapped class is told: under which name, and whether with its value.

    `personal` values are told as digests; of `secret` ones, which the API does not show, only that they changed.
    """

    name: str
    personal: bool
    secret: bool


@cache
def audited_fields(mapping: ResourceMapping[Any, Any]) -> Mapping[str, AuditedField]:
    """The attributes of a mapped class that are told of."""
    shown: dict[str, AuditedField] = {}
    for field in mapping.fields.values():
        descriptor = mapping.descriptor.fields_by_name[field.name]
        secret = "INPUT_ONLY" in behaviours(descriptor)
        own = [column.key for column in field.columns if getattr(column, "table", None) is mapping.table]
        # Of enums the column stands in an expression.
        for attribute in own or [field.name]:
            if attribute is not None:
                name = json_path(field.name)
                if attribute != field.name:
                    # `annual_revenue_currency` is `annualRevenue.currency`.
                    name += "." + json_path(attribute.removeprefix(f"{field.name}_"))
                shown[attribute] = AuditedField(name, is_personal(descriptor), secret)
    attributes = (attribute.key for attribute in inspect(mapping.model).column_attrs)
    return {
        attribute: shown.get(attribute) or AuditedField(json_path(attribute), personal=True, secret=True)
        for attribute in attributes
        if attribute not in _SILENT
    }


@cache
def is_personal(field: Any) -> bool:
    """Whether a field, or one within it, tells something about a person."""
    declared = rules(field)
    return declared.personal or (field.message_type is not None and _has_personal(field.message_type, frozenset()))


def _has_personal(message: Descriptor, above: frozenset[str]) -> bool:
    below = above | {message.full_name}
    return any(
        rules(field).personal
        or (
            field.message_type is not None
            and field.message_type.full_name not in below
            and _has_personal(field.message_type, below)
        )
        for field in message.fields
    )


def changes_of(
    mapping: ResourceMapping[Any, Any], record: Resource, before: Mapping[str, Any] | None, salt: bytes
) -> list[dict[str, Any]]:
    """What differs: `field`, and `before` and `after` where the values may be told, or their digests.

    Args:
        mapping: of the noun.
        record: as it is now.
        before: the values that attributes had, of those that were set; None of a new record.
        salt: of the entry.
    """
    told = []
    for attribute, field in audited_fields(mapping).items():
        if before is not None and attribute not in before:
            continue
        after, earlier = getattr(record, attribute), (before or {}).get(attribute)
        if after == earlier or (before is None and after in (None, "", [], {})):
            continue
        entry: dict[str, Any] = {"field": field.name}
        if not field.secret:
            for name, value in (("before", earlier), ("after", after)):
                if value is not None:
                    entry[name] = {"digest": digest(value, salt)} if field.personal else plain(value)
        told.append(entry)
    return told


def digest(value: Any, salt: bytes) -> str:
    """HMAC-SHA256 of a value's canonical JSON, in hexadecimal."""
    return hmac.new(salt, canonical(plain(value)), hashlib.sha256).hexdigest()


def canonical(value: Any) -> bytes:
    """The one JSON text of a value: keys in order, no spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def plain(value: Any) -> Any:
    """A value of an attribute as JSON has it; numbers that are no integers as texts, for exactness."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | float | UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(each) for each in value]
    return value
