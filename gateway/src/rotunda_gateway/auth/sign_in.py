"""Signing in with what a user knows."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update

from rotunda_gateway.access.passwords import hash_password, is_outdated, matches
from rotunda_gateway.access.users.model import User
from rotunda_gateway.auth.second_factor import SecondFactors
from rotunda_gateway.auth.security_log import note
from rotunda_gateway.auth.sessions import Sessions, SignedIn
from rotunda_gateway.auth.throttle import Throttle
from rotunda_kit.db.engine import Database
from rotunda_kit.errors import Unauthenticated

user = User.__table__


class SignIn:
    """Signs in by username and password.

    Args:
        database: of access.
        sessions: where the sessions begin.
        throttle: slows down who guesses.
        factors: asks for a second factor where there is one.
    """

    def __init__(self, database: Database, sessions: Sessions, throttle: Throttle, factors: SecondFactors) -> None:
        self._database = database
        self._sessions = sessions
        self._throttle = throttle
        self._factors = factors

    async def by_password(
        self, username: str, password: str, code: str = "", *, user_agent: str, address: str
    ) -> SignedIn:
        """A new session.

        Raises:
            Unauthenticated: SIGN_IN_FAILED, whatever of the two was wrong; TOTP_REQUIRED, TOTP_INVALID.
            TooManyAttempts: there were too many.
        """
        attempt = await self._throttle.enter("sign_in", username, address)
        row = await self._user(username)
        if not await matches(password, row.password_hash if row else None) or row is None:
            await self._note_failure(row.id if row else None)
            raise Unauthenticated("SIGN_IN_FAILED", "The username or the password is wrong.")
        if await self._factors.enabled(row.id):
            if not code:
                await attempt.withdraw()
                raise Unauthenticated("TOTP_REQUIRED", "Send the code of your second factor too, as totp_code.")
            if not await self._factors.accept(row.id, code):
                await self._note_failure(row.id, second_factor=True)
                raise Unauthenticated("TOTP_INVALID", "The code is wrong, too old, or was used before.")
        await attempt.succeed()
        if is_outdated(row.password_hash):
            await self._rehash(row, password)
        return await self._sessions.begin(row.id, "PASSWORD", user_agent=user_agent, address=address)

    async def _note_failure(self, user_id: UUID | None, **particulars: bool) -> None:
        async with self._database.transaction() as transaction:
            await note(transaction, "sign_in.failed", user_id=user_id, **particulars)

    async def _user(self, username: str) -> Any:
        async with self._database.reading() as connection:
            return (
                await connection.execute(
                    select(user.c.id, user.c.password_hash).where(
                        # PostgreSQL keeps no NUL, and refuses to be asked for one.
                        user.c.username == username.lower().replace("\0", "\N{REPLACEMENT CHARACTER}"),
                        user.c.active,
                        user.c.delete_time.is_(None),
                    )
                )
            ).one_or_none()

    async def _rehash(self, row: Row[Any], password: str) -> None:
        """Keep the same password as new ones are kept."""
        fresh = await hash_password(password)
        unchanged = (User.id == row.id) & (User.password_hash == row.password_hash)
        async with self._database.transaction() as transaction:
            await transaction.execute(update(User).where(unchanged).values(password_hash=fresh))
