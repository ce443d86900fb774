"""The check of a partial update (AIP-134): which fields it changes, and that only those are checked."""

from collections.abc import Set as AbstractSet
from typing import Any, Protocol, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from rotunda_kit.check.scalars import fit_of
from rotunda_kit.descriptors import behaviours, is_message
from rotunda_kit.violations import Unfit, Violations, member, shown, suggestion

_MASK = "update_mask"
_ALL = "*"
_MAX_PATHS = 1000


class ResourceCheck(Protocol):
    """Checks a resource that stands at a path; of its fields only some, where `only` names them."""

    def __call__(
        self, message: Message, path: str, violations: Violations, only: AbstractSet[str] | None = None
    ) -> None:
        """Check and normalise."""


def update_fields(request: Descriptor) -> tuple[FieldDescriptor, FieldDescriptor] | None:
    """The mask and the resource of an update request; None for any other message.

    An update request has a field mask `update_mask` and exactly one message of its own kind, which is the resource.
    """
    mask = request.fields_by_name.get(_MASK)
    if mask is None or mask.message_type is None or mask.message_type.full_name != "google.protobuf.FieldMask":
        return None
    resources = [
        field
        for field in request.fields
        if is_message(field) and not cast("Descriptor", field.message_type).full_name.startswith("google.")
    ]
    return (mask, resources[0]) if len(resources) == 1 else None


class UpdateCheck:
    """Checks the mask of an update, and the part of the resource that it names."""

    __slots__ = ("_check", "_id", "_ignored", "_mask", "_names", "_resource", "_type")

    def __init__(self, mask: FieldDescriptor, resource: FieldDescriptor, check: ResourceCheck) -> None:
        message = cast("Descriptor", resource.message_type)
        self._mask = mask.name
        self._resource = resource.name
        self._check = check
        self._type = message.name
        self._id = fit_of(message.fields_by_name["id"]) if "id" in message.fields_by_name else None
        self._names = {name: field.name for field in message.fields for name in (field.name, field.json_name)}
        self._ignored = frozenset(field.name for field in message.fields if "OUTPUT_ONLY" in behaviours(field))

    def __call__(self, request: Message, path: str, violations: Violations) -> None:
        """Check an update request that stands at a path."""
        if not request.HasField(self._resource):
            return  # It is REQUIRED, and reported as such.
        resource = getattr(request, self._resource)
        place = member(path, self._resource)
        self._check_id(resource, place, violations)
        only = self._changed(request, resource, member(path, self._mask), violations)
        # The etag is never changed, but always compared.
        self._check(resource, place, violations, None if only is None else only | {"etag"})

    def _check_id(self, resource: Any, place: str, violations: Violations) -> None:
        """The id says which record is meant; as an OUTPUT_ONLY field the resource's own check passes it by."""
        if self._id is None:
            return
        if not resource.id.strip():
            violations.add(member(place, "id"), "must be set")
            return
        try:
            resource.id = self._id(resource.id)
        except Unfit as problem:
            violations.add(member(place, "id"), str(problem))

    def _changed(
        self, request: Message, resource: Message, path: str, violations: Violations
    ) -> AbstractSet[str] | None:
        """The fields of the resource that the request changes; None: all of them."""
        mask = getattr(request, self._mask)
        given = list(mask.paths)
        if not given:
            return {field.name for field, _ in resource.ListFields()}
        if given == [_ALL]:
            return None
        if len(given) > _MAX_PATHS:
            violations.add(path, f"has more than {_MAX_PATHS} paths (has {len(given)})")
            return frozenset()
        names: dict[str, None] = {}
        for one in given:
            name = self._names.get(one)
            if name is None:
                violations.add(path, self._refusal(one))
            else:
                names[name] = None
        # A mask of nothing else keeps its OUTPUT_ONLY paths: an empty one would stand for all fields that are set.
        kept = [name for name in names if name not in self._ignored] or list(names)
        if kept != given:
            del mask.paths[:]
            mask.paths.extend(kept)
        return set(kept)

    def _refusal(self, path: str) -> str:
        if path == _ALL:
            return f'has other paths beside "{_ALL}"'
        whole = path.partition(".")[0]
        if whole in self._names:
            return f'has the path "{shown(path)}", a part of a field; name "{whole}" as a whole'
        writable = [name for name, field in self._names.items() if field not in self._ignored]
        return f'has the path "{shown(path)}", which is no field of {self._type}{suggestion(path, writable)}'
