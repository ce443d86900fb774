"""The methods of users."""

from typing import Any

from sqlalchemy import func, inspect, select

from rotunda.access.events.v1 import user_event_pb2 as events_pb
from rotunda.access.v1 import user_service_pb2 as pb
from rotunda_gateway.access.administrators import an_administrator_remains, is_administrator
from rotunda_gateway.access.groups.model import Group
from rotunda_gateway.access.passwords import check_password, hash_password
from rotunda_gateway.access.roles.service import may_hand_out
from rotunda_gateway.access.users.model import User
from rotunda_gateway.auth.passwords import password_changed
from rotunda_gateway.auth.sessions import end_sessions
from rotunda_kit.errors import PermissionDenied
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer

group = Group.__table__
user = User.__table__


async def set_password(call: Command, record: User, message: pb.User) -> bool:
    """Take in a new password, and end the sessions; an unset one means that he can't sign in by password."""
    await password_changed(call.session, record.id)
    if not message.HasField("password"):
        changed = record.password_hash is not None
        record.password_hash = None
        return changed
    await check_password("user.password", message.password, record.username, record.email)
    record.password_hash = await hash_password(message.password)
    return True


async def new_user(_call: Command, _request: pb.CreateUserRequest, values: dict[str, Any]) -> User:
    """A new user; usernames are kept in lower case, so that nobody can look like another."""
    return User(**{**values, "username": values["username"].lower()})


async def rights_are_his_to_give(call: Command, record: User) -> None:
    """Refuse roles, given directly or by a group, that allow more than the caller may do."""
    history = inspect(record).attrs
    given = set(history.role_ids.history.added[0]) if history.role_ids.history.added else set()
    joined = set(history.group_ids.history.added[0]) if history.group_ids.history.added else set()
    if joined:
        of_groups = select(func.unnest(group.c.role_ids)).where(group.c.id.in_(joined), group.c.delete_time.is_(None))
        given |= set(await call.session.scalars(of_groups))
    await may_hand_out(call, given)


async def not_above_own(call: Command, record: User) -> None:
    """Refuse to change or delete an administrator, unless one is one: by his address or password one could become him.

    Raises:
        PermissionDenied: USER_ABOVE_OWN.
    """
    if call.principal.administrator:
        return
    if await call.session.scalar(select(is_administrator()).where(user.c.id == record.id)):
        raise PermissionDenied("USER_ABOVE_OWN", "Only administrators change one.")


async def end_sessions_if_inactive(call: Command, record: User) -> None:
    """End the sessions of who may not sign in any more, so that they stay ended when he may again."""
    if not record.active:
        await end_sessions(call.session, record.id)


async def end_his_sessions(call: Command, record: User) -> None:
    """End the sessions of who is deleted."""
    await end_sessions(call.session, record.id)


users = Collection(
    User,
    pb.User,
    event=events_pb.UserEvent,
    by_hand={"password": set_password},
    build=new_user,
    guards=[rights_are_his_to_give, not_above_own, an_administrator_remains, end_sessions_if_inactive],
)


class UserService(Servicer, service="rotunda.access.v1.UserService"):
    """Those who work with the platform."""

    GetUser = users.get()
    ListUsers = users.list()
    CreateUser = users.create()
    UpdateUser = users.update()
    DeleteUser = users.delete(not_above_own, an_administrator_remains, end_his_sessions)
    UndeleteUser = users.undelete()
    BatchCreateUsers = users.batch_create()
    BatchUpdateUsers = users.batch_update()
