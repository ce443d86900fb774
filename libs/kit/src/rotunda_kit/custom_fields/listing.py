"""What lists of custom fields can be filtered and ordered by."""

from functools import cache

from rotunda.kit.v1 import custom_field_service_pb2 as pb
from rotunda_kit.access.shares.listing import ordered_alike
from rotunda_kit.custom_fields.model import CustomField
from rotunda_kit.listing.field import ListField
from rotunda_kit.resource.mapping import ResourceMapping

NEWEST_FIRST = "id desc"
METHOD = "rotunda.kit.v1.CustomFieldService.ListCustomFields"


@cache
def list_fields() -> dict[str, ListField]:
    """The fields of custom fields, the same in every service."""
    return ordered_alike(ResourceMapping(CustomField, pb.CustomField).list_fields)
