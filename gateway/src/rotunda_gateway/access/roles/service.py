"""The methods of roles."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select

from rotunda.access.events.v1 import role_event_pb2 as events_pb
from rotunda.access.v1 import role_service_pb2 as pb
from rotunda_gateway.access.roles.catalogue import grant_violations, restriction_violations
from rotunda_gateway.access.roles.model import Role
from rotunda_kit.access.permissions import Permission
from rotunda_kit.access.rights import Role as CompiledRole
from rotunda_kit.errors import InvalidArgument, PermissionDenied
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer

# Who has it may give others roles that allow more than his own, but for that of administrators.
ASSIGN = Permission("access.roles", "assign")


async def is_about_something(_call: Command, record: Role) -> None:
    """Refuse a role that names what there is not."""
    violations = [*grant_violations(record.grants), *restriction_violations(record.field_restrictions)]
    if violations:
        raise InvalidArgument(violation.under("role") for violation in violations)


def _above_own() -> PermissionDenied:
    return PermissionDenied("ROLE_ABOVE_OWN", "A role would allow more than your own roles do.")


async def allows_no_more_than_own(call: Command, record: Role) -> None:
    """Refuse a role that allows what its author may not do: he could take it for himself."""
    if not call.access.rights.include(CompiledRole.of(record.grants, ())):
        raise _above_own()


async def may_hand_out(call: Command, role_ids: Iterable[UUID]) -> None:
    """Refuse to give someone a role that allows more than the caller may do.

    Raises:
        PermissionDenied: ROLE_ABOVE_OWN.
    """
    wanted = set(role_ids)
    if call.principal.administrator or not wanted:
        return
    if UUID(ADMINISTRATOR) in wanted:
        raise _above_own()
    if call.access.allows(ASSIGN, owned=False):
        return
    for role in await call.session.scalars(select(Role).where(Role.id.in_(wanted))):
        await allows_no_more_than_own(call, role)


roles = Collection(
    Role,
    pb.Role,
    event=events_pb.RoleEvent,
    guards=[is_about_something, allows_no_more_than_own],
)


class RoleService(Servicer, service="rotunda.access.v1.RoleService"):
    """Who may do what."""

    GetRole = roles.get()
    ListRoles = roles.list()
    CreateRole = roles.create()
    UpdateRole = roles.update()
    DeleteRole = roles.delete()
    UndeleteRole = roles.undelete()
    BatchCreateRoles = roles.batch_create()
    BatchUpdateRoles = roles.batch_update()
