"""What a caller needs to call a method, read off the protos: an action on a resource."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor

from rotunda.kit.v1 import annotations_pb2

READ, CREATE, UPDATE, DELETE = "read", "create", "update", "delete"

# Standard methods of which each needs one of these; any other begins with the verb that it needs.
_STANDARD = {"Get": READ, "List": READ, "Create": CREATE, "Update": UPDATE, "Delete": DELETE}
_KIT = "rotunda.kit."
_FIRST_WORD = re.compile(r"[A-Z][a-z0-9]*")


@dataclass(frozen=True, slots=True)
class Permission:
    """An action on a resource, written `sales.opportunities.win`."""

    resource: str
    action: str

    def __str__(self) -> str:
        return f"{self.resource}.{self.action}"


@cache
def permission_of(method: MethodDescriptor, service: str = "") -> Permission | None:
    """What a caller of a method needs; None if whoever is signed in may call it.

    Args:
        method: of a service of ours.
        service: who serves it, for the contracts of `rotunda.kit.v1`, which several services serve.

    Raises:
        TypeError: its name does not say it.
    """
    options: Any = method.GetOptions()
    declared: annotations_pb2.MethodAccess = options.Extensions[cast("Any", annotations_pb2.access)]
    if declared.anyone:
        return None
    return Permission(_resource(method.containing_service, service), declared.action or _action(method))


@cache
def resource_of(message: Descriptor) -> str:
    """The resource whose records a message shows, for example `sales.opportunities`.

    Raises:
        TypeError: there is no service of its name beside it.
    """
    service: ServiceDescriptor | None = message.file.services_by_name.get(f"{message.name}Service")
    if service is None:
        raise TypeError(f"{message.full_name} has no service of its own")
    return _resource(service)


def _resource(service: ServiceDescriptor, serving: str = "") -> str:
    owner = serving if service.full_name.startswith(_KIT) else service.file.package.split(".")[1]
    # The plural is in the name of the list.
    for method in service.methods:
        if method.name.startswith("List"):
            plural = method.name.removeprefix("List")
            return f"{owner}.{plural[0].lower()}{plural[1:]}"
    raise TypeError(f"{service.full_name} has no List method that names its resource")


def _action(method: MethodDescriptor) -> str:
    noun = method.containing_service.name.removesuffix("Service")
    words = method.name.removeprefix("Batch")
    first = _FIRST_WORD.match(words)
    if first is None:
        raise TypeError(f"{method.full_name} begins with no verb")
    if first[0] in _STANDARD:
        return _STANDARD[first[0]]
    # MoveOpportunityToStage is `moveToStage`, BatchWinOpportunities is `win`.
    verb = words.removeprefix(first[0])
    for name in (_resource(method.containing_service).split(".")[1], noun):
        rest = verb.removeprefix(name[0].upper() + name[1:])
        if rest != verb:
            verb = rest
            break
    return first[0].lower() + verb


@cache
def owned(method: MethodDescriptor) -> bool:
    """Whether the records that a method is about belong to someone, so that a scope can narrow them."""
    service = method.containing_service
    message = service.file.message_types_by_name.get(service.name.removesuffix("Service"))
    return message is not None and ownership_of(message) is not None


def ownership_of(message: Descriptor) -> annotations_pb2.Ownership | None:
    """The fields of a resource that say to whom a record belongs; None if it belongs to the organisation."""
    options: Any = message.GetOptions()
    declared: annotations_pb2.Ownership = options.Extensions[cast("Any", annotations_pb2.ownership)]
    return declared if declared.ListFields() else None
