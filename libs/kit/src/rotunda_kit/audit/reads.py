"""Reads of sensitive fields: told in the audit trail before the answer leaves."""

from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import UUID

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from rotunda_kit.audit.entries import Entry
from rotunda_kit.descriptors import json_path, noun_name, rules

READ = "read"


@cache
def _plan(message: Descriptor) -> tuple[list[FieldDescriptor], list[FieldDescriptor]]:
    """The sensitive fields of a message, and the fields with messages that have some further down."""
    return _plan_below(message, frozenset())


def _plan_below(message: Descriptor, above: frozenset[str]) -> tuple[list[FieldDescriptor], list[FieldDescriptor]]:
    sensitive = [field for field in message.fields if rules(field).sensitive]
    below = above | {message.full_name}
    holders = [
        field
        for field in message.fields
        if field.message_type is not None
        and field.message_type.full_name not in below
        and any(_plan_below(field.message_type, below))
    ]
    return sensitive, holders


def shows_sensitive(method: MethodDescriptor) -> bool:
    """Whether answers of a method may have sensitive fields."""
    return any(_plan(method.output_type))


def noun_of(method: MethodDescriptor) -> str:
    """The noun that a method's service is named after, for example `sales.close_reason`."""
    return noun_name(method.containing_service)


def reads_in(request: Any, answer: Message, noun: str) -> list[Entry]:
    """Entries about the sensitive fields that an answer shows.

    Args:
        request: where the answer itself has such fields, its `id` names the record.
        answer: of a method.
        noun: of the method's service.
    """
    return [
        Entry(noun, UUID(record_id) if record_id else None, None, READ, [{"field": name} for name in names], b"")
        for record_id, names in _reads(answer, getattr(request, "id", ""))
    ]


def _reads(message: Any, record_id: str) -> Iterator[tuple[str, list[str]]]:
    sensitive, holders = _plan(message.DESCRIPTOR)
    if "id" in message.DESCRIPTOR.fields_by_name:
        record_id = message.id
    names = [json_path(field.name) for field in sensitive if _is_set(message, field)]
    if names:
        yield record_id, names
    for field in holders:
        if field.is_repeated:
            for each in getattr(message, field.name):
                yield from _reads(each, record_id)
        elif message.HasField(field.name):
            yield from _reads(getattr(message, field.name), record_id)


def _is_set(message: Any, field: FieldDescriptor) -> bool:
    return message.HasField(field.name) if field.has_presence else bool(getattr(message, field.name))
