"""The methods of shares, for every service whose records belong to someone."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select

from rotunda.kit.v1 import share_service_pb2 as pb
from rotunda_kit.access.permissions import READ, UPDATE, Permission
from rotunda_kit.access.shares.listing import list_fields
from rotunda_kit.access.shares.model import Share
from rotunda_kit.errors import InvalidArgument
from rotunda_kit.resource.admission import Admission
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Call, Command
from rotunda_kit.server.method import Servicer

share = Share.__table__


class ShareAdmission(Admission):
    """A share is seen by whom it is with, by who made it, and by who sees the record.

    Args:
        service: whose shares these are.
        resources: of its nouns whose records belong to someone, by noun.
    """

    def __init__(self, service: str, resources: Mapping[str, str]) -> None:
        super().__init__(Share.__noun__, f"{service}.shares")
        self._resources = resources

    async def visible(self, call: Call, statement: Select[Any]) -> Select[Any]:
        """A statement about shares, narrowed to those that the caller may read."""
        if all(call.access.unrestricted(noun, Permission(name, READ)) for noun, name in self._resources.items()):
            return statement
        caller = UUID(call.principal.subject)
        seen: list[ColumnElement[bool]] = [share.c.user_id == caller, share.c.creator_id == caller]
        for noun, name in self._resources.items():
            is_one = share.c.record_type == noun
            condition = await call.access.condition(noun, Permission(name, READ))
            if condition is None:
                seen.append(is_one)
            else:
                table = call.access.ownerships[noun].table
                seen.append(and_(is_one, share.c.record_id.in_(select(table.c.id).where(condition))))
        return statement.where(or_(*seen))

    async def may_share(self, call: Command, record: Share) -> None:
        """A guard: the caller must be able to update what he shares.

        Raises:
            InvalidArgument: it can't be shared, or there is no such record for him.
            PermissionDenied: PERMISSION_MISSING or OUT_OF_SCOPE.
        """
        name = self._resources.get(record.record_type)
        if name is None:
            raise InvalidArgument.of("share.record.type", f"is none of {', '.join(sorted(self._resources))}")
        permission = Permission(name, UPDATE)
        call.access.require(permission, owned=True)
        table = call.access.ownerships[record.record_type].table
        living = select(table.c.id).where(table.c.id == record.record_id, table.c.delete_time.is_(None))
        found = list(await call.session.scalars(living))
        allowed, seen = await call.access.sort_out(call.session, record.record_type, permission, found)
        if not seen:
            raise InvalidArgument.of("share.record.id", "there is no record with this id")
        if not allowed:
            raise self.refusal(permission)


async def new_share(call: Command, _request: pb.CreateShareRequest, values: dict[str, Any]) -> Share:
    """A new share, made by the caller."""
    return Share(creator_id=UUID(call.principal.subject), **values)


def share_servicer(service: str, resources: Mapping[str, str]) -> type[Servicer]:
    """The servicer of `rotunda.kit.v1.ShareService` for a service.

    Args:
        service: its name.
        resources: of its nouns whose records belong to someone, by noun.
    """
    admission = ShareAdmission(service, resources)
    shares = Collection(Share, pb.Share, admission=admission, build=new_share, guards=[admission.may_share])
    shares.mapping.list_fields = list_fields()

    class ShareServicer(Servicer, service="rotunda.kit.v1.ShareService"):
        GetShare = shares.get()
        ListShares = shares.list()
        CreateShare = shares.create()
        UpdateShare = shares.update()
        DeleteShare = shares.delete(admission.may_share)

    return ShareServicer
