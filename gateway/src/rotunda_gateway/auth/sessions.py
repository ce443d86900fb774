"""Sessions: what a sign-in begins, and what its refresh token prolongs (RFC 9700, 4.14).

A refresh token is good for one refresh. Whoever shows a replaced one ends the session, for either he or the user has
stolen it. Two refreshes of one client at the same time both succeed: for `GRACE` after a token was replaced it still
gives a successor, of the same generation as the first one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_gateway.access.users.model import User
from rotunda_gateway.auth.secrets import digest_of, new_secret
from rotunda_gateway.auth.security_log import note
from rotunda_gateway.auth.tables import refresh_token, session
from rotunda_kit.db.engine import Database
from rotunda_kit.errors import NotFound, Unauthenticated
from rotunda_kit.identity import TokenIssuer
from rotunda_kit.model import new_id, now

# Whom the gateway's own access tokens are for: clients send them back to it.
AUDIENCE = "rotunda-api"
# Seconds.
ACCESS_LIFETIME = 3600
GRACE = timedelta(seconds=10)
# A user has so many sessions at most; the oldest one gives way.
MOST = 100
LONGEST_TEXT = 255

user = User.__table__


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The answer to a sign-in and to a refresh; both lifetimes in seconds."""

    session_id: UUID
    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - names the scheme of RFC 6750


class Sessions:
    """Begins, prolongs and ends sessions.

    Args:
        database: of access.
        issuer: signs access tokens.
        lifetime: hours after which a session ends, however much it is used.
    """

    def __init__(self, database: Database, issuer: TokenIssuer, lifetime: float = 12.0) -> None:
        self._database = database
        self._issuer = issuer
        self._lifetime = timedelta(hours=lifetime)

    async def begin(self, user_id: UUID, method: str, *, user_agent: str = "", address: str = "") -> SignedIn:
        """A new session of a user who has proved who he is.

        Args:
            user_id: he must be active; that is not asked again.
            method: how he proved it, PASSWORD or OIDC.
            user_agent: of his client, as it names itself.
            address: that his client has.
        """
        session_id = new_id()
        expires = now() + self._lifetime
        async with self._database.transaction() as transaction:
            await transaction.execute(
                insert(session).values(
                    id=session_id,
                    user_id=user_id,
                    method=method,
                    expire_time=expires,
                    user_agent=user_agent[:LONGEST_TEXT],
                    address=address,
                )
            )
            surplus = (
                select(session.c.id)
                .where(session.c.user_id == user_id, session.c.end_time.is_(None))
                .order_by(session.c.id.desc())
                .offset(MOST)
            )
            await _end(transaction, session.c.id.in_(surplus))
            token = await _add_token(transaction, session_id, 0)
            await note(transaction, "session.begun", user_id=user_id, session_id=session_id, method=method)
        return self._signed_in(user_id, session_id, expires, token)

    async def refresh(self, token: str) -> SignedIn:
        """A new access token and the next refresh token.

        Raises:
            Unauthenticated: REFRESH_TOKEN_INVALID; REFRESH_TOKEN_REUSED, then the session has ended; SESSION_ENDED.
        """
        async with self._database.transaction() as transaction:
            row = (
                await transaction.execute(
                    select(session, refresh_token.c.generation.label("shown"), user.c.active, user.c.delete_time)
                    .join(refresh_token, refresh_token.c.session_id == session.c.id)
                    .join(user, user.c.id == session.c.user_id)
                    .where(refresh_token.c.digest == digest_of(token))
                    .with_for_update(of=session)
                )
            ).one_or_none()
            if row is None:
                raise Unauthenticated("REFRESH_TOKEN_INVALID", "The refresh token is not valid.")
            if row.end_time is not None or row.expire_time <= now() or not row.active or row.delete_time is not None:
                raise Unauthenticated("SESSION_ENDED", "The session has ended. Sign in again.")
            reused = row.shown < row.generation - 1 or (row.shown < row.generation and row.rotate_time + GRACE < now())
            if reused:
                await _end(transaction, session.c.id == row.id)
                await note(transaction, "refresh_token.reused", user_id=row.user_id, session_id=row.id)
            else:
                successor = await self._replace(transaction, row)
        if reused:
            raise Unauthenticated("REFRESH_TOKEN_REUSED", "The refresh token was used before: the session has ended.")
        return self._signed_in(row.user_id, row.id, row.expire_time, successor)

    @staticmethod
    async def _replace(transaction: AsyncSession, row: Row[Any]) -> str:
        if row.shown == row.generation:
            await transaction.execute(
                update(session)
                .where(session.c.id == row.id)
                .values(generation=row.generation + 1, rotate_time=now(), last_use_time=now())
            )
        return await _add_token(transaction, row.id, row.shown + 1)

    async def owner(self, session_id: UUID) -> UUID:
        """Whose session it is.

        Raises:
            NotFound: SESSION_NOT_FOUND, there is none, or it has ended.
        """
        statement = select(session.c.user_id).where(session.c.id == session_id, session.c.end_time.is_(None))
        async with self._database.reading() as connection:
            owner: UUID | None = await connection.scalar(statement)
        if owner is None:
            raise session_not_found()
        return owner

    async def end(self, session_id: UUID) -> None:
        """End a session; does nothing where it has ended."""
        async with self._database.transaction() as transaction:
            for row in await _end(transaction, session.c.id == session_id):
                await note(transaction, "session.ended", user_id=row.user_id, session_id=session_id)

    async def end_all(self, user_id: UUID, keep: UUID | None = None) -> None:
        """End all sessions of a user, but for one that he keeps."""
        async with self._database.transaction() as transaction:
            await end_sessions(transaction, user_id, keep)
            await note(transaction, "sessions.ended", user_id=user_id)

    async def of(self, user_id: UUID) -> Sequence[Row[Any]]:
        """The sessions of a user that have not ended, newest first, at most `MOST`."""
        statement = (
            select(session)
            .where(session.c.user_id == user_id, session.c.end_time.is_(None), session.c.expire_time > func.now())
            .order_by(session.c.id.desc())
            .limit(MOST)
        )
        async with self._database.reading() as connection:
            return (await connection.execute(statement)).all()

    def _signed_in(self, user_id: UUID, session_id: UUID, expires: datetime, token: str) -> SignedIn:
        remaining = max(1, int((expires - now()).total_seconds()))
        lifetime = min(ACCESS_LIFETIME, remaining)
        claims = {"sub": str(user_id), "sid": str(session_id)}
        return SignedIn(session_id, self._issuer.mint(AUDIENCE, lifetime, claims), lifetime, token, remaining)


def session_not_found() -> NotFound:
    """The error for a session that is not there, or nobody else's business."""
    return NotFound("SESSION_NOT_FOUND", "There is no such session.")


async def end_sessions(transaction: AsyncSession, user_id: UUID, keep: UUID | None = None) -> None:
    """End all sessions of a user in a transaction that is open, but for one that he keeps."""
    await _end(transaction, (session.c.user_id == user_id) & (session.c.id != keep if keep else True))


async def end_all_sessions(database: Database) -> None:
    """End all sessions of everybody: of a database that was restored nobody knows which had ended since."""
    async with database.transaction() as transaction:
        await _end(transaction, true())


async def _end(transaction: AsyncSession, which: Any) -> Sequence[Row[Any]]:
    # Refresh tokens stay until the session is deleted, so that one that comes late is still told why it is refused.
    statement = update(session).where(which, session.c.end_time.is_(None)).values(end_time=now())
    ended: Sequence[Row[Any]] = (await transaction.execute(statement.returning(session.c.user_id))).all()
    return ended


async def _add_token(transaction: AsyncSession, session_id: UUID, generation: int) -> str:
    token = new_secret("rtr_")
    await transaction.execute(
        insert(refresh_token).values(digest=digest_of(token), session_id=session_id, generation=generation)
    )
    return token
