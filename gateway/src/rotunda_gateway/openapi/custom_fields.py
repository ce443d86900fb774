"""The custom fields that there are at the moment, in the document of whoever is signed in."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import orjson

from rotunda.kit.v1 import custom_field_service_pb2 as pb
from rotunda_gateway.openapi.schemas import CUSTOM_FIELDS_OF, PATCH, Schema
from rotunda_kit.custom_fields.values import MAX_INTEGER, MAX_TEXT
from rotunda_kit.descriptors import enum_name

PAGE = 1_000
TIMEOUT = 5.0

_LIST = pb.DESCRIPTOR.services_by_name["CustomFieldService"].methods_by_name["ListCustomFields"]
_TYPE = pb.DESCRIPTOR.enum_types_by_name["CustomFieldType"]

_SCHEMAS: Mapping[str, Schema] = {
    "TEXT": {"type": "string", "maxLength": MAX_TEXT},
    "INTEGER": {"type": "integer", "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER},
    "DECIMAL": {"type": "number", "format": "double"},
    "BOOLEAN": {"type": "boolean"},
    "DATE": {"type": "string", "format": "date"},
    "TIME": {"type": "string", "format": "date-time"},
    "CHOICE": {"type": "string"},
    "CHOICES": {"type": "array", "uniqueItems": True},
    "URL": {"type": "string", "format": "uri", "maxLength": MAX_TEXT},
    "EMAIL": {"type": "string", "format": "email"},
    "PHONE": {"type": "string", "format": "phone"},
}


async def custom_fields(call: Callable[..., Awaitable[Any]], token: str) -> list[pb.CustomField]:
    """All living ones of all services, the oldest first.

    Args:
        call: as `Contracts.call`.
        token: of whoever asks.
    """
    found: list[pb.CustomField] = []
    page_token = ""
    while True:
        request = pb.ListCustomFieldsRequest(order_by="id", page_size=PAGE, page_token=page_token)
        page = await call(_LIST, request, token=token, timeout=TIMEOUT)
        found += page.custom_fields
        page_token = page.next_page_token
        if not page_token:
            return found


def with_custom_fields(document: bytes, fields: Iterable[pb.CustomField]) -> bytes:
    """The document with these fields wherever their records stand in it."""
    content = orjson.loads(document)
    by_noun: dict[str, list[pb.CustomField]] = {}
    for field in fields:
        by_noun.setdefault(field.record_type, []).append(field)
    for name, schema in content["components"]["schemas"].items():
        place = schema.get("properties", {}).get("customFields", {})
        own = by_noun.get(place.get(CUSTOM_FIELDS_OF), [])
        if not own:
            continue
        is_patch = name.endswith(PATCH)
        place["properties"] = {field.name: _schema(field, is_patch=is_patch) for field in own}
        place["additionalProperties"] = False
        required = [field.name for field in own if field.required]
        if required and not is_patch:
            place["required"] = required
    return orjson.dumps(content)


def _schema(field: pb.CustomField, *, is_patch: bool) -> Schema:
    kind = enum_name(_TYPE.values_by_number[field.type])
    schema = dict(_SCHEMAS[kind])
    if kind == "CHOICE":
        schema["enum"] = list(field.choices)
    elif kind == "CHOICES":
        schema["items"] = {"type": "string", "enum": list(field.choices)}
    if is_patch and not field.required:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"].append(None)
    return {"title": field.display_name, **({"description": field.description} if field.description else {}), **schema}
