"""The methods of groups."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import array

from rotunda.access.events.v1 import group_event_pb2 as events_pb
from rotunda.access.v1 import group_service_pb2 as pb
from rotunda_gateway.access.administrators import an_administrator_remains, flush_unless_last
from rotunda_gateway.access.groups.model import Group
from rotunda_gateway.access.roles.service import may_hand_out
from rotunda_gateway.access.users.model import User
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer

group = Group.__table__
user = User.__table__


async def roles_are_his_to_give(call: Command, record: Group) -> None:
    """Refuse roles that allow more than the caller may do."""
    await may_hand_out(call, record.role_ids)


groups = Collection(
    Group,
    pb.Group,
    event=events_pb.GroupEvent,
    derived={
        "member_count": select(func.count())
        .where(user.c.group_ids.contains(array([group.c.id])), user.c.delete_time.is_(None))
        .correlate(group)
        .scalar_subquery()
    },
    guards=[roles_are_his_to_give, an_administrator_remains],
)


async def _members(call: Command, ids: Iterable[str]) -> list[User]:
    found = await call.session.scalars(
        select(User)
        .where(User.id.in_([UUID(user_id) for user_id in ids]), User.delete_time.is_(None))
        .order_by(User.id)
        .with_for_update()
    )
    return list(found)


class GroupService(Servicer, service="rotunda.access.v1.GroupService"):
    """Users who have something in common."""

    GetGroup = groups.get()
    ListGroups = groups.list()
    CreateGroup = groups.create()
    UpdateGroup = groups.update()
    DeleteGroup = groups.delete(an_administrator_remains)
    UndeleteGroup = groups.undelete()
    BatchCreateGroups = groups.batch_create()
    BatchUpdateGroups = groups.batch_update()

    @groups.verb
    async def AddGroupMembers(call: Command, record: Group, request: pb.AddGroupMembersRequest) -> None:  # noqa: N805
        """Let users in."""
        await may_hand_out(call, record.role_ids)
        for member in await _members(call, request.user_ids):
            if record.id not in member.group_ids:
                member.change({"group_ids": [*member.group_ids, record.id]})
                record.membership_changed()

    @groups.verb
    async def RemoveGroupMembers(call: Command, record: Group, request: Any) -> None:  # noqa: N805
        """Take users out."""
        for member in await _members(call, request.user_ids):
            if member.change({"group_ids": [each for each in member.group_ids if each != record.id]}):
                record.membership_changed()
        await flush_unless_last(call.work)
