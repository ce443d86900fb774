"""What is told of a change: which record, and what became of it, but nothing that stands in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from importlib import import_module
from pathlib import Path

import orjson
import rotunda_protos
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from rotunda_kit.access.audiences import Audience
from rotunda_kit.access.permissions import READ, Permission, ownership_of, resource_of
from rotunda_kit.events.envelope import event_of
from rotunda_kit.events.republish import RESTATED

_EVENTS = ".events.v1"


@dataclass(frozen=True, slots=True)
class Noun:
    """Records of which changes are told; `owned` says whether they belong to someone, `account_field` of whom."""

    reading: Permission
    owned: bool
    account_field: str


@dataclass(slots=True)
class Change:
    """A change of one record.

    Attributes:
        seq: its number in the broker's stream.
        noun: what kind of record.
        noun_name: for example `sales.opportunity`.
        type: for example `sales.opportunity.won`.
        record_id: of the record.
        frame: what a client gets to read.
        audience: who sees the record; None where such records belong to the organisation.
    """

    seq: int
    noun: Noun
    noun_name: str
    type: str
    record_id: str
    frame: bytes
    audience: Audience | None = None


@cache
def nouns() -> Mapping[str, Noun]:
    """All nouns that events are about, for example `sales.opportunity`."""
    found = {}
    content = (Path(rotunda_protos.__file__).parent / "descriptors.binpb").read_bytes()
    for file in FileDescriptorSet.FromString(content).file:
        if not (file.package.startswith("rotunda.") and file.package.endswith(_EVENTS)):
            continue
        import_module(file.name.removesuffix(".proto").replace("/", ".") + "_pb2")
        service = file.package.split(".")[1]
        for event in descriptor_pool.Default().FindFileByName(file.name).message_types_by_name.values():
            record = event.fields[0]
            if not event.name.endswith("Event") or record.message_type is None:
                continue
            declared = ownership_of(record.message_type)
            found[f"{service}.{record.name}"] = Noun(
                Permission(resource_of(record.message_type), READ),
                declared is not None,
                declared.account if declared is not None else "",
            )
    return found


def change_of(headers: Mapping[str, str], seq: int) -> Change | None:
    """The change that an event tells of; None for one that tells nothing new, and for what is no event of ours."""
    try:
        event = event_of(headers, b"")
    except (KeyError, ValueError):
        return None
    noun = nouns().get(event.noun)
    if noun is None or event.verb == RESTATED:
        return None
    record_id = str(event.aggregate_id)
    content = {
        "id": str(event.id),
        "type": event.type,
        "record": {"type": event.noun, "id": record_id},
        "etag": str(event.aggregate_version),
        "time": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "actorId": event.actor,
    }
    frame = b"event: change\ndata: " + orjson.dumps(content) + b"\n"
    return Change(seq, noun, event.noun, event.type, record_id, frame)
