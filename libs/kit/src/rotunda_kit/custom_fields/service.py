"""The methods of custom fields, for every service whose records can have some."""

from collections.abc import Collection as Container
from typing import Any

from sqlalchemy import Select, func, select

from rotunda.kit.v1 import custom_field_service_pb2 as pb
from rotunda_kit.custom_fields.listing import list_fields
from rotunda_kit.custom_fields.model import CustomField
from rotunda_kit.errors import FailedPrecondition, InvalidArgument
from rotunda_kit.resource.admission import Admission
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Call, Command
from rotunda_kit.server.method import Servicer

# Each costs every change of a record an entry in an index.
MOST = 200

custom_field = CustomField.__table__


class CustomFieldAdmission(Admission):
    """Whoever is signed in sees them: without them he could not read the records."""

    async def visible(self, call: Call, statement: Select[Any]) -> Select[Any]:  # noqa: ARG002 - as every admission
        """The statement as it is."""
        return statement


def custom_field_servicer(service: str, nouns: Container[str]) -> type[Servicer]:
    """The servicer of `rotunda.kit.v1.CustomFieldService` for a service.

    Args:
        service: its name.
        nouns: of those whose records can have custom fields.
    """

    async def has_room(call: Command, record: CustomField) -> None:
        if record.record_type not in nouns:
            raise InvalidArgument.of("custom_field.record_type", f"is none of {', '.join(sorted(nouns))}")
        others = (
            select(func.count())
            .select_from(custom_field)
            .where(
                custom_field.c.record_type == record.record_type,
                custom_field.c.delete_time.is_(None),
                custom_field.c.id != record.id,
            )
        )
        if int(await call.session.scalar(others) or 0) >= MOST:
            raise FailedPrecondition("TOO_MANY_CUSTOM_FIELDS", f"This noun has {MOST} custom fields already.")

    custom_fields = Collection(
        CustomField,
        pb.CustomField,
        admission=CustomFieldAdmission(CustomField.__noun__, f"{service}.customFields"),
        guards=[has_room],
    )
    custom_fields.mapping.list_fields = list_fields()

    class CustomFieldServicer(Servicer, service="rotunda.kit.v1.CustomFieldService"):
        GetCustomField = custom_fields.get()
        ListCustomFields = custom_fields.list()
        CreateCustomField = custom_fields.create()
        UpdateCustomField = custom_fields.update()
        DeleteCustomField = custom_fields.delete()
        UndeleteCustomField = custom_fields.undelete()

    return CustomFieldServicer
