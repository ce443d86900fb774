"""Who may look after the credentials of others: sessions, passwords, second factors."""

from uuid import UUID

from sqlalchemy import select

from rotunda_gateway.access.administrators import is_administrator
from rotunda_gateway.access.users.model import User
from rotunda_gateway.auth.callers import Caller
from rotunda_kit.access.control import AccessControl
from rotunda_kit.access.permissions import Permission
from rotunda_kit.db.engine import Database
from rotunda_kit.errors import NotFound, PermissionDenied

MANAGE = Permission("access.users", "manageCredentials")

user = User.__table__


class Credentials:
    """Decides about them.

    Args:
        database: of access.
        control: knows what roles allow.
    """

    def __init__(self, database: Database, control: AccessControl) -> None:
        self._database = database
        self._control = control

    async def check(self, caller: Caller, user_id: UUID) -> None:
        """Refuse who may not look after the credentials of a user; those of administrators only an administrator does.

        Raises:
            PermissionDenied: PERMISSION_MISSING, CREDENTIALS_OF_ADMINISTRATOR.
            NotFound: USER_NOT_FOUND.
        """
        self._control.of(caller.principal).require(MANAGE, owned=False)
        async with self._database.reading() as connection:
            row = (
                await connection.execute(
                    select(is_administrator().label("administrator")).where(
                        user.c.id == user_id, user.c.delete_time.is_(None)
                    )
                )
            ).one_or_none()
        if row is None:
            raise NotFound("USER_NOT_FOUND", "There is no such user.")
        if row.administrator and not caller.principal.administrator:
            raise PermissionDenied("CREDENTIALS_OF_ADMINISTRATOR", "Only administrators look after those of one.")
