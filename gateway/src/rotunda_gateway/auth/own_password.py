"""A user's own password, where he has to prove once more who he is."""

from uuid import UUID

from sqlalchemy import select

from rotunda_gateway.access.passwords import matches
from rotunda_gateway.access.users.model import User
from rotunda_kit.db.engine import Database
from rotunda_kit.errors import InvalidArgument

user = User.__table__


class OwnPassword:
    """Checks it.

    Args:
        database: of access.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def username(self, user_id: UUID) -> str:
        """What the user signs in with."""
        async with self._database.reading() as connection:
            return str(await connection.scalar(select(user.c.username).where(user.c.id == user_id)))

    async def check(self, user_id: UUID, password: str, field: str) -> None:
        """Refuse a wrong password.

        Raises:
            InvalidArgument: PASSWORD_WRONG, naming the field.
        """
        async with self._database.reading() as connection:
            kept = await connection.scalar(select(user.c.password_hash).where(user.c.id == user_id))
        if not await matches(password, kept):
            raise InvalidArgument.of(field, "is not your password", "PASSWORD_WRONG")
