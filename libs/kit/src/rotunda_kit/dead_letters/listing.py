"""Dead letters as the API shows them."""

from collections.abc import Mapping
from typing import Any

import orjson
from google.protobuf import descriptor_pool
from google.protobuf.message import DecodeError
from sqlalchemy import ColumnElement, Row, Text, cast, func, literal

from rotunda.kit.v1 import dead_letter_service_pb2 as pb
from rotunda_kit.db.tables import dead_letter
from rotunda_kit.descriptors import message_class
from rotunda_kit.json import encoder
from rotunda_kit.listing.field import FieldKind, ListField

NEWEST_FIRST = "create_time desc"
METHOD = "rotunda.kit.v1.DeadLetterService.ListDeadLetters"

_STATES = {"WAITING": "WAITING", "REPLAYED": "REPLAYED", "DISCARDED": "DISCARDED"}


def _text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    # The gateway merges what services have ordered, so all must order alike.
    return cast(column, Text).collate("C")


def list_fields(service: str) -> Mapping[str, ListField]:
    """What lists of dead letters can be filtered and ordered by, in one service.

    Args:
        service: as in the proto package; the gateway, which only compares, needs none.
    """
    table = dead_letter.c
    event_type = table.headers["ce-type"].astext
    fields = [
        ListField("id", FieldKind.TEXT, _text(literal(f"{service}-") + cast(table.id, Text))),
        ListField("service", FieldKind.TEXT, _text(literal(service))),
        ListField("consumer", FieldKind.TEXT, _text(table.consumer)),
        ListField("state", FieldKind.ENUM, _text(table.state), enum_values=_STATES),
        ListField("event_id", FieldKind.TEXT, _text(table.event_id)),
        ListField("event_type", FieldKind.TEXT, _text(func.coalesce(event_type, ""))),
        ListField("record.id", FieldKind.TEXT, _text(table.headers["ce-subject"].astext), nullable=True),
        ListField("tries", FieldKind.INTEGER, table.tries),
        ListField("error", FieldKind.TEXT, _text(table.error)),
        ListField("create_time", FieldKind.TIME, table.time),
        ListField("settle_time", FieldKind.TIME, table.settle_time, nullable=True),
    ]
    return {field.path: field for field in fields}


def message_of(row: Row[Any], service: str, *, payload: bool) -> pb.DeadLetter:
    """A row of the table as its message.

    Args:
        row: all columns.
        service: whose it is.
        payload: whether to show what the event says.
    """
    event_type = row.headers.get("ce-type", "")
    message = pb.DeadLetter(
        id=f"{service}-{row.id}",
        service=service,
        consumer=row.consumer,
        state=f"DEAD_LETTER_STATE_{row.state}",
        event_id=row.event_id,
        event_type=event_type,
        tries=row.tries,
        error=row.error,
        error_description=row.description,
        create_time=row.time,
        settle_time=row.settle_time,
    )
    if "ce-subject" in row.headers:
        message.record.type, message.record.id = event_type.rpartition(".")[0], row.headers["ce-subject"]
    if "ce-time" in row.headers:
        try:
            message.event_time.FromJsonString(row.headers["ce-time"])
        except ValueError:
            message.ClearField("event_time")
    shown = _payload(event_type, row.payload) if payload else None
    if shown is not None:
        message.payload = shown
    return message


def _payload(event_type: str, payload: bytes) -> str | None:
    """What an event says, as JSON; None where nobody here can read it."""
    service, _, rest = event_type.partition(".")
    noun = "".join(word.title() for word in rest.partition(".")[0].split("_"))
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(f"rotunda.{service}.events.v1.{noun}Event")
        cls = message_class(descriptor)
        return orjson.dumps(encoder(cls)(cls.FromString(payload))).decode()
    except (KeyError, DecodeError):
        return None
