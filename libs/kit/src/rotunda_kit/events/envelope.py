"""The envelope of an event: subject, CloudEvents 1.0 attributes as NATS headers (`ce-…`), payload.

Subjects are `crm.<service>.<noun>.<past verb>.v1.<id>`, on one stream a service.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from rotunda_kit.descriptors import message_class, message_type_of
from rotunda_kit.model import Change, Resource, new_id
from rotunda_kit.resource.publication import Publication
from rotunda_kit.telemetry.traces import traceparent


def stream_of(service: str) -> str:
    """Name of the JetStream stream of a service: `SERVICE_DESK` of `service_desk`."""
    return service.upper()


ADVISORIES = "ADVISORIES"
"""The stream that keeps what the broker says of messages that it gave up."""

ADVISORY = "$JS.EVENT.ADVISORY.CONSUMER"
GIVEN_UP = ("MAX_DELIVERIES", "MSG_TERMINATED")


def advisory_subjects(stream: str, durable: str) -> list[str]:
    """Where the broker says that it will not deliver a message to a consumer any more."""
    return [f"{ADVISORY}.{kind}.{stream}.{durable}" for kind in GIVEN_UP]


def subject_of(noun: str, verb: str, aggregate_id: str) -> str:
    """For example `crm.sales.opportunity.won.v1.<id>`; `*` may stand for a verb or an id."""
    return f"crm.{noun}.{verb}.v1.{aggregate_id}"


@dataclass(frozen=True, slots=True)
class Event:
    """An event as a consumer receives it."""

    id: UUID
    # `service.noun`
    noun: str
    verb: str
    aggregate_id: UUID
    aggregate_version: int
    time: datetime
    actor: str
    traceparent: str
    payload: bytes

    @property
    def type(self) -> str:
        """For example `sales.opportunity.won`."""
        return f"{self.noun}.{self.verb}"


def outbox_row(
    record: Resource, message: Message, publication: Publication, change: Change, actor: str
) -> dict[str, Any]:
    """The outbox row of one change of a record.

    Args:
        record: already flushed, so that its version is raised and its row locked.
        message: the record as it is after the change.
        publication: of its noun.
        change: what happened.
        actor: subject of the caller.
    """
    assert publication.event is not None  # noqa: S101 - the unit of work asks for published nouns only
    noun_field = record.__noun__.split(".")[1]
    payload = publication.event(**{noun_field: message})
    if change.detail:
        detail = message_class(message_type_of(publication.event.DESCRIPTOR.fields_by_name["detail"]))
        payload.detail.CopyFrom(detail(**change.detail))  # type: ignore[attr-defined] # every payload with details has the field
    return {
        "event_id": new_id(),
        "noun": record.__noun__,
        "verb": change.verb,
        "aggregate_id": record.id,
        "aggregate_version": record.version,
        "time": record.update_time,
        "actor": actor,
        "traceparent": traceparent(),
        "payload": payload.SerializeToString(),
    }


def headers_of(row: Mapping[str, Any]) -> dict[str, str]:
    """NATS headers of an outbox row. They hold no personal data."""
    headers = {
        "Nats-Msg-Id": str(row["event_id"]),
        "ce-specversion": "1.0",
        "ce-id": str(row["event_id"]),
        "ce-type": f"{row['noun']}.{row['verb']}",
        "ce-source": f"/rotunda/{row['noun'].split('.')[0]}",
        "ce-time": row["time"].isoformat(),
        "ce-subject": str(row["aggregate_id"]),
        "ce-aggregateversion": str(row["aggregate_version"]),
        "ce-actor": row["actor"],
    }
    if row["traceparent"]:
        headers["traceparent"] = row["traceparent"]
    return headers


def event_of(headers: Mapping[str, str], payload: bytes) -> Event:
    """The event that a message carries.

    Raises:
        KeyError, ValueError: it is not one of ours.
    """
    noun, _, verb = headers["ce-type"].rpartition(".")
    return Event(
        id=UUID(headers["ce-id"]),
        noun=noun,
        verb=verb,
        aggregate_id=UUID(headers["ce-subject"]),
        aggregate_version=int(headers["ce-aggregateversion"]),
        time=datetime.fromisoformat(headers["ce-time"]),
        actor=headers.get("ce-actor", ""),
        traceparent=headers.get("traceparent", ""),
        payload=payload,
    )
