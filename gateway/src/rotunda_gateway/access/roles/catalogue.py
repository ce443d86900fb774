"""All that a role can be about: the resources of all services, their actions and their fields, read off the protos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import rotunda_protos
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from rotunda_kit.access.permissions import owned, permission_of
from rotunda_kit.access.rights import ANY
from rotunda_kit.descriptors import snake_path
from rotunda_kit.errors import FieldViolation

# Actions that no method is named after: giving roles beyond one's own, acting on behalf of others, and ending their
# sessions and resetting their passwords and second factors.
_FURTHER = {"access.roles": {"assign"}, "access.users": {"actAs", "manageCredentials"}}
SERVICES = ("customers", "sales", "service_desk", "marketing", "sync", "access")
_KIT = "rotunda.kit.v1"


@dataclass(slots=True)
class ResourceEntry:
    """What can be done with one resource, and its fields; `owned` says whether its records belong to someone."""

    actions: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    owned: bool = False


@cache
def catalogue() -> dict[str, ResourceEntry]:
    """Every resource of the platform, by its name, for example `sales.opportunities`."""
    found: dict[str, ResourceEntry] = {}
    for service in _services():
        for serving in SERVICES if service.file.package == _KIT else ("",):
            for method in service.methods:
                permission = permission_of(method, serving)
                if permission is None:
                    continue
                entry = found.setdefault(permission.resource, ResourceEntry(owned=owned(method)))
                entry.actions.add(permission.action)
                message = service.file.message_types_by_name.get(service.name.removesuffix("Service"))
                if message is not None:
                    entry.fields |= set(message.fields_by_name)
    for resource, actions in _FURTHER.items():
        found[resource].actions |= actions
    return found


@cache
def permissions() -> frozenset[str]:
    """All that can be allowed, for example `sales.opportunities.win`."""
    return frozenset(f"{resource}.{action}" for resource, entry in catalogue().items() for action in entry.actions)


def _services() -> Iterator[ServiceDescriptor]:
    content = (Path(rotunda_protos.__file__).parent / "descriptors.binpb").read_bytes()
    for file in FileDescriptorSet.FromString(content).file:
        if file.package.startswith("rotunda."):
            import_module(file.name.removesuffix(".proto").replace("/", ".") + "_pb2")
            for service in file.service:
                yield descriptor_pool.Default().FindServiceByName(f"{file.package}.{service.name}")


def grant_violations(grants: Sequence[dict[str, Any]]) -> Iterator[FieldViolation]:
    """What is wrong with the grants of a role."""
    for at, grant in enumerate(grants):
        entries = list(_meant(grant["resource"]))
        if not entries:
            yield FieldViolation(f"grants[{at}].resource", "is no resource, no `<service>.*` and not `*`")
            continue
        known = set().union(*(entry.actions for entry in entries))
        for place, action in enumerate(grant["actions"]):
            if action not in known and action != ANY:
                yield FieldViolation(f"grants[{at}].actions[{place}]", f"is none of {', '.join(sorted(known))}")
        if grant["scope"] != "SCOPE_ALL" and not any(entry.owned for entry in entries):
            yield FieldViolation(f"grants[{at}].scope", "must be ALL, since these records belong to nobody")


def restriction_violations(restrictions: Sequence[dict[str, Any]]) -> Iterator[FieldViolation]:
    """What is wrong with the field restrictions of a role."""
    for at, restriction in enumerate(restrictions):
        entry = catalogue().get(restriction["resource"])
        if entry is None:
            yield FieldViolation(f"field_restrictions[{at}].resource", "is no resource")
        elif snake_path(restriction["field"]) not in entry.fields - {"id", "etag"}:
            yield FieldViolation(f"field_restrictions[{at}].field", "is no field that can be kept back")


def _meant(pattern: str) -> Iterator[ResourceEntry]:
    for name, entry in catalogue().items():
        if pattern in (ANY, name) or (pattern.endswith(f".{ANY}") and name.startswith(pattern[:-1])):
            yield entry
