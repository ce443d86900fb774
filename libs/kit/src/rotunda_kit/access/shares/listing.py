"""What lists of shares can be filtered and ordered by."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from rotunda.kit.v1 import share_service_pb2 as pb
from rotunda_kit.access.shares.model import Share
from rotunda_kit.listing.field import FieldKind, ListField
from rotunda_kit.resource.mapping import ResourceMapping

NEWEST_FIRST = "id desc"
METHOD = "rotunda.kit.v1.ShareService.ListShares"

# The gateway merges what services have ordered; texts they may order differently.
_ORDERED_ALIKE = (FieldKind.UUID, FieldKind.TIME)


@cache
def list_fields() -> dict[str, ListField]:
    """The fields of shares, the same in every service."""
    return ordered_alike(ResourceMapping(Share, pb.Share).list_fields)


def ordered_alike(fields: Mapping[str, ListField]) -> dict[str, ListField]:
    """The fields of a list that every service has a part of: orderable are those that all order alike."""
    return {path: replace(field, orderable=field.kind in _ORDERED_ALIKE) for path, field in fields.items()}
