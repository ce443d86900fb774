"""The methods of users."""

from typing import Any

from sqlalchemy import func, select

from rotunda.access.events.v1 import user_event_pb2 as events_pb
from rotunda.access.v1 import user_service_pb2 as pb
from rotunda_gateway.access.passwords import LEAST_LENGTH, hash_password
from rotunda_gateway.access.users.model import User
from rotunda_kit.access import administrators_only
from rotunda_kit.errors import FailedPrecondition, InvalidArgument
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer

user = User.__table__


async def set_password(_call: Command, record: User, message: pb.User) -> bool:
    """Take in a new password; an unset one means that he can't sign in by password."""
    if not message.HasField("password"):
        changed = record.password_hash is not None
        record.password_hash = None
        return changed
    if len(message.password) < LEAST_LENGTH:
        raise InvalidArgument.of("user.password", f"is shorter than {LEAST_LENGTH} characters", "PASSWORD_TOO_SHORT")
    record.password_hash = await hash_password(message.password)
    return True


async def new_user(_call: Command, _request: pb.CreateUserRequest, values: dict[str, Any]) -> User:
    """A new user; usernames are kept in lower case, so that nobody can look like another."""
    return User(**{**values, "username": values["username"].lower()})


async def administrator_remains(call: Command, record: User) -> None:
    """Refuse to take away the last administrator."""
    await call.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("administrators", 0))))
    await call.work.flush()
    others = await call.session.scalar(
        select(func.count()).where(
            user.c.administrator, user.c.active, user.c.delete_time.is_(None), user.c.id != record.id
        )
    )
    if not others:
        raise FailedPrecondition("LAST_ADMINISTRATOR", "Without this user nobody could administer the platform.")


async def keep_an_administrator(call: Command, record: User) -> None:
    """Refuse a change after which nobody could administer."""
    if not record.may_administer:
        await administrator_remains(call, record)


async def not_the_last(call: Command, record: User) -> None:
    """Refuse to delete the last administrator."""
    if record.may_administer:
        await administrator_remains(call, record)


users = Collection(
    User,
    pb.User,
    "access.users",
    event=events_pb.UserEvent,
    by_hand={"password": set_password},
    build=new_user,
    guards=[administrators_only, keep_an_administrator],
)


class UserService(Servicer, service="rotunda.access.v1.UserService"):
    """Those who work with the platform."""

    GetUser = users.get()
    ListUsers = users.list()
    CreateUser = users.create()
    UpdateUser = users.update()
    DeleteUser = users.delete(administrators_only, not_the_last)
    BatchCreateUsers = users.batch_create()
