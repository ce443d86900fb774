"""Someone must be able to administer the platform."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, inspect, or_, select

from rotunda_gateway.access.groups.model import Group
from rotunda_gateway.access.users.model import User
from rotunda_kit.db.unit_of_work import UnitOfWork
from rotunda_kit.errors import FailedPrecondition
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.server.call import Command

user = User.__table__
group = Group.__table__

# What may make or unmake one.
_TELLING = ("role_ids", "group_ids", "active", "delete_time")


def is_administrator() -> ColumnElement[bool]:
    """Whether a user has the role of administrators, directly or by a group."""
    role = [UUID(ADMINISTRATOR)]
    by_group = exists().where(
        group.c.id == func.any(user.c.group_ids), group.c.delete_time.is_(None), group.c.role_ids.contains(role)
    )
    return or_(user.c.role_ids.contains(role), by_group)


_SOMEONE = select(exists().where(is_administrator(), user.c.active, user.c.delete_time.is_(None)))


async def an_administrator_remains(call: Command, record: Any) -> None:
    """A guard for users and groups: refuses a change after which nobody could administer, if somebody could before.

    Raises:
        FailedPrecondition: LAST_ADMINISTRATOR.
    """
    state = inspect(record)
    if state.persistent and any(state.attrs[name].history.has_changes() for name in _TELLING if name in state.attrs):
        await flush_unless_last(call.work)


async def flush_unless_last(work: UnitOfWork) -> None:
    """Write what has changed so far, if somebody can administer still.

    Raises:
        FailedPrecondition: LAST_ADMINISTRATOR.
    """
    await work.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("administrators", 0))))
    before = await work.session.scalar(_SOMEONE)
    await work.flush()
    if before and not await work.session.scalar(_SOMEONE):
        raise FailedPrecondition("LAST_ADMINISTRATOR", "Nobody could administer the platform any more.")
