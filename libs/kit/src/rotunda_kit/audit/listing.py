"""Entries of the audit trail as the API shows them."""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Row, Text, cast, literal, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from rotunda.kit.v1 import audit_entry_service_pb2 as pb
from rotunda_kit.db.tables import audit_entry
from rotunda_kit.listing.field import FieldKind, ListField
from rotunda_kit.resource.values import timestamp

NEWEST_FIRST = "time desc"
METHOD = "rotunda.kit.v1.AuditEntryService.ListAuditEntries"


def list_fields(service: str) -> Mapping[str, ListField]:
    """What lists of entries can be filtered and ordered by, in one service.

    Args:
        service: as in the proto package; the gateway, which only compares, needs none.
    """
    table = audit_entry.c
    # The gateway merges what services have ordered, so all must order alike.
    entry_id: ColumnElement[Any] = (literal(f"{service}-") + cast(table.entry_id, Text)).collate("C")
    texts: dict[str, ColumnElement[Any]] = {
        "service": literal(service),
        "actor_id": table.actor,
        "on_behalf_of_id": table.on_behalf_of,
        "action": table.action,
        "record.type": table.noun,
        "method": table.method,
        "request_id": table.request_id,
        "session_id": table.session,
        "trace_id": table.trace_id,
    }
    changed = type_coerce(table.changes, JSONB)
    fields = [
        ListField("time", FieldKind.TIME, table.time),
        ListField("id", FieldKind.TEXT, entry_id),
        ListField("record.id", FieldKind.UUID, table.record_id, nullable=True, orderable=False),
        ListField("sequence_number", FieldKind.INTEGER, table.seq, nullable=True, orderable=False),
        ListField("changes.field", FieldKind.JSON_LIST, changed, nullable=False, orderable=False, json_key="field"),
        *(ListField(path, FieldKind.TEXT, column, orderable=False) for path, column in texts.items()),
    ]
    return {field.path: field for field in fields}


def message_of(row: Row[Any], service: str) -> pb.AuditEntry:
    """A row of the table as its message."""
    message = pb.AuditEntry(
        id=f"{service}-{row.entry_id}",
        service=service,
        time=timestamp(row.time),
        actor_id=row.actor,
        on_behalf_of_id=row.on_behalf_of or None,
        action=row.action,
        changes=[_change(change) for change in row.changes],
        method=row.method,
        request_id=row.request_id,
        session_id=row.session,
        trace_id=row.trace_id,
    )
    if row.record_id is not None:
        message.record.type, message.record.id = row.noun, str(row.record_id)
    if row.record_version is not None:
        message.record_etag = str(row.record_version)
    if row.seq is not None:
        message.sequence_number, message.hash = row.seq, row.hash.hex()
    return message


def _change(change: Mapping[str, Any]) -> pb.AuditChange:
    told = pb.AuditChange(field=change["field"])
    for name in ("before", "after"):
        if name in change:
            value = change[name]
            if isinstance(value, dict) and set(value) == {"digest"}:
                setattr(told, f"{name}_digest", value["digest"])
            else:
                setattr(told, name, orjson.dumps(value).decode())
    return told
