"""What a caller may do with the records of one noun, and which of their fields he sees and sets."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy import Select

from rotunda_kit.access.permissions import CREATE, READ, Permission
from rotunda_kit.errors import FieldViolation, PermissionDenied
from rotunda_kit.listing.field import ListField
from rotunda_kit.model import Resource
from rotunda_kit.server.call import Call, Command


class Admission:
    """Asks the access of a call about one noun.

    Args:
        noun: as in `__noun__`.
        resource: its name in permissions, for example `sales.opportunities`.
    """

    def __init__(self, noun: str, resource: str) -> None:
        self.noun = noun
        self.resource = resource

    def permission(self, call: Call, action: str) -> Permission:
        """What the call's method needs, where it is about this noun; else this action on it."""
        if call.permission is not None and call.permission.resource == self.resource:
            return call.permission
        return Permission(self.resource, action)

    def require(self, call: Call, action: str) -> Permission:
        """Refuse what is not allowed with any record.

        Raises:
            PermissionDenied: PERMISSION_MISSING.
        """
        permission = Permission(self.resource, action)
        call.access.require(permission, owned=call.access.ownership(self.noun) is not None)
        return permission

    async def visible(self, call: Call, statement: Select[Any]) -> Select[Any]:
        """A statement about the noun's records, narrowed to those that the caller may read."""
        condition = await call.access.condition(self.noun, self.permission(call, READ))
        return statement if condition is None else statement.where(condition)

    async def sort_out(self, call: Command, permission: Permission, ids: list[UUID]) -> tuple[set[UUID], set[UUID]]:
        """The records that the caller may do something with, and those that he may at least see."""
        if call.access.unrestricted(self.noun, permission):
            return set(ids), set(ids)
        return await call.access.sort_out(call.session, self.noun, permission, ids)

    def refusal(self, permission: Permission) -> PermissionDenied:
        """The error for a record that the caller may see, but not do this with."""
        return PermissionDenied(
            "OUT_OF_SCOPE", "Your roles allow this with other records only.", {"permission": str(permission)}
        )

    def own_by_default(self, call: Command, values: dict[str, Any]) -> None:
        """Let a new record be the caller's, where he may not make records of anyone else and names no owner."""
        ownership = call.access.ownership(self.noun)
        if ownership is None or ownership.owner is None or call.access.unrestricted(self.noun, self._creating):
            return
        values.setdefault(str(ownership.owner.key), UUID(call.principal.subject))

    @property
    def _creating(self) -> Permission:
        return Permission(self.resource, CREATE)

    async def keep_in_scope(
        self, call: Command, record: Resource, action: str, changed: Iterable[str] | None = None
    ) -> None:
        """Refuse to make a record one that the caller could not have done this with.

        Args:
            call: that made or changed it.
            record: in the session.
            action: what is done.
            changed: its attributes that are set; None for all.

        Raises:
            PermissionDenied: OUT_OF_SCOPE, naming the fields that say to whom it would belong.
        """
        permission = Permission(self.resource, action)
        ownership = call.access.ownership(self.noun)
        if ownership is None or call.access.unrestricted(self.noun, permission):
            return
        names = sorted(ownership.names if changed is None else ownership.names.intersection(changed))
        if not names:
            return
        await call.work.flush()
        allowed, _ = await self.sort_out(call, permission, [record.id])
        if record.id not in allowed:
            raise self.refusal(permission).at(*(FieldViolation(name, "is outside of your scope") for name in names))

    def settable(self, call: Command, given: Message, mask: set[str], names: list[str], field: str) -> list[str]:
        """Those of some fields that the caller may set; a mask of `*` leaves the others as they are.

        Raises:
            PermissionDenied: FIELD_RESTRICTED, naming those that he sets by name and may not.
        """
        shield = call.access.shield(self.resource)
        if shield is None:
            return names
        by_name = {each.name for each, _ in given.ListFields()} if not mask or "*" in mask else mask
        shield.refuse(sorted(by_name), field)
        return [name for name in names if shield.may_set(name)]

    def listed(self, call: Call, fields: Mapping[str, ListField]) -> Mapping[str, ListField]:
        """What lists can be filtered and ordered by: not what the caller does not see."""
        shield = call.access.shield(self.resource)
        if shield is None:
            return fields
        return {path: field for path, field in fields.items() if path.split(".")[0] not in shield.unseen}

    def shield(self, call: Call, message: Message) -> None:
        """Take out of a message what the caller is not to see."""
        shield = call.access.shield(self.resource)
        if shield is not None:
            shield.apply(message)
