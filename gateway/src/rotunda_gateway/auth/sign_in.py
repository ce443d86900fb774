"""Signing in with what a user knows."""

from uuid import UUID

from sqlalchemy import select

from rotunda_gateway.access.passwords import matches
from rotunda_gateway.access.users.model import User
from rotunda_gateway.auth.security_log import note
from rotunda_gateway.auth.sessions import Sessions, SignedIn
from rotunda_kit.db.engine import Database
from rotunda_kit.errors import Unauthenticated

user = User.__table__


class SignIn:
    """Signs in by username and password.

    Args:
        database: of access.
        sessions: where the sessions begin.
    """

    def __init__(self, database: Database, sessions: Sessions) -> None:
        self._database = database
        self._sessions = sessions

    async def by_password(self, username: str, password: str, *, user_agent: str, address: str) -> SignedIn:
        """A new session.

        Raises:
            Unauthenticated: SIGN_IN_FAILED, whatever of the two was wrong.
        """
        async with self._database.reading() as connection:
            row = (
                await connection.execute(
                    select(user.c.id, user.c.password_hash).where(
                        # PostgreSQL keeps no NUL, and refuses to be asked for one.
                        user.c.username == username.lower().replace("\0", "\N{REPLACEMENT CHARACTER}"),
                        user.c.active,
                        user.c.delete_time.is_(None),
                    )
                )
            ).one_or_none()
        if not await matches(password, row.password_hash if row else None) or row is None:
            note("sign_in.failed", user_id=row.id if row else None)
            raise Unauthenticated("SIGN_IN_FAILED", "The username or the password is wrong.")
        user_id: UUID = row.id
        return await self._sessions.begin(user_id, "PASSWORD", user_agent=user_agent, address=address)
