"""Passwords of users: proving, changing and resetting them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_gateway.access.passwords import check_password, hash_password, matches
from rotunda_gateway.access.users.model import User
from rotunda_gateway.auth.mail import Mail
from rotunda_gateway.auth.secrets import digest_of, new_secret
from rotunda_gateway.auth.security_log import note
from rotunda_gateway.auth.sessions import end_sessions
from rotunda_gateway.auth.tables import password_reset
from rotunda_kit.db.unit_of_work import unit_of_work
from rotunda_kit.errors import InvalidArgument, NotFound, Unavailable
from rotunda_kit.model import now
from rotunda_kit.runtime import Runtime

log = structlog.get_logger()

RESET_LIFETIME = timedelta(minutes=30)
# Mails under way at most.
MOST_MAILS = 100

user = User.__table__


class Passwords:
    """Proves, changes and resets passwords.

    Args:
        runtime: of access, whose database is read and written. What is under way beside requests ends with it.
        mail: brings reset tokens to users; None if there is no mail server.
        reset_url: of a page that asks for the new password; the token is appended. If empty, the mail has the token.
    """

    def __init__(self, runtime: Runtime, mail: Mail | None, reset_url: str) -> None:
        self._runtime = runtime
        self._database = runtime.database
        self._mail = mail
        self._reset_url = reset_url
        self._sending: set[asyncio.Task[None]] = set()

    async def username(self, user_id: UUID) -> str:
        """What a user signs in with."""
        async with self._database.reading() as connection:
            return str(await connection.scalar(select(user.c.username).where(user.c.id == user_id)))

    async def check(self, user_id: UUID, password: str, field: str) -> str | None:
        """Refuse what is not a user's password; returns its hash.

        Raises:
            InvalidArgument: PASSWORD_WRONG, naming the field.
        """
        async with self._database.reading() as connection:
            kept: str | None = await connection.scalar(select(user.c.password_hash).where(user.c.id == user_id))
        if not await matches(password, kept):
            raise _wrong(field)
        return kept

    async def change(self, user_id: UUID, session_id: UUID, current: str, new: str) -> None:
        """Replace a user's password by another, which ends his other sessions.

        Raises:
            InvalidArgument: PASSWORD_WRONG, or the new one is not good enough.
        """
        kept = await self.check(user_id, current, "currentPassword")
        await self._set("password.changed", user_id, new, keep=session_id, instead_of=kept)

    def request_reset(self, username: str) -> None:
        """Send a reset token to a user, if there is one of this name who signs in by password and has an address.

        It happens beside the request, so that its time does not tell whether there is.

        Raises:
            Unavailable: MAIL_UNAVAILABLE, too many are under way.
        """
        if self._mail is None:
            return
        if len(self._sending) >= MOST_MAILS:
            raise Unavailable("MAIL_UNAVAILABLE", "The mail server does not keep up. Try again later.")
        task = self._runtime.start(self._send_reset(self._mail, username))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_reset(self, mail: Mail, username: str) -> None:
        try:
            async with self._database.reading() as connection:
                statement = select(user.c.id, user.c.email).where(
                    user.c.username == username.lower().replace("\0", "\N{REPLACEMENT CHARACTER}"),
                    user.c.active,
                    user.c.delete_time.is_(None),
                    user.c.password_hash.is_not(None),
                    user.c.email.is_not(None),
                )
                row = (await connection.execute(statement)).one_or_none()
            if row is None:
                return
            token, _ = await self.create_reset(row.id)
            await mail.send(row.email, "Your new password", self._text(token))
        except Exception as error:  # nobody waits for it: whoever gets no mail asks again
            log.warning("reset not sent", error=type(error).__name__)

    def _text(self, token: str) -> str:
        minutes = int(RESET_LIFETIME.total_seconds()) // 60
        return (
            "Somebody asked for a new password for your account. If it was you, set it here:\n\n"
            f"{self._reset_url}{token}\n\n"
            f"This works once, within {minutes} minutes. If it was not you, there is nothing to do.\n"
        )

    async def create_reset(self, user_id: UUID) -> tuple[str, datetime]:
        """A token that lets its holder set a user's password once, and until when.

        Raises:
            NotFound: USER_NOT_FOUND, there is none, or he may not sign in.
        """
        token, expires = new_secret("rtp_"), now() + RESET_LIFETIME
        async with self._database.transaction() as transaction:
            exists = select(user.c.id).where(user.c.id == user_id, user.c.active, user.c.delete_time.is_(None))
            if await transaction.scalar(exists) is None:
                raise NotFound("USER_NOT_FOUND", "There is no such user, or he may not sign in any more.")
            row = {"digest": digest_of(token), "user_id": user_id, "expire_time": expires}
            await transaction.execute(insert(password_reset).values(row))
            await note(transaction, "password_reset.created", user_id=user_id)
        return token, expires

    async def reset(self, token: str, new: str) -> None:
        """Set the password of whom the token was made for, which ends all his sessions.

        Raises:
            InvalidArgument: RESET_TOKEN_INVALID, or the password is not good enough, which leaves the token good.
        """
        condition = (password_reset.c.digest == digest_of(token)) & (password_reset.c.expire_time > func.now())
        async with self._database.reading() as connection:
            user_id: UUID | None = await connection.scalar(select(password_reset.c.user_id).where(condition))
        if user_id is None:
            raise _no_reset()
        await self._set("password.reset", user_id, new, using=condition)

    async def _set(
        self,
        event: str,
        user_id: UUID,
        password: str,
        *,
        keep: UUID | None = None,
        instead_of: str | None = None,
        using: Any = None,
    ) -> None:
        async with self._database.reading() as connection:
            statement = select(user.c.username, user.c.email).where(user.c.id == user_id)
            known = (await connection.execute(statement)).one()
        await check_password("newPassword", password, known.username, known.email)
        fresh = await hash_password(password)
        async with unit_of_work(self._database, str(user_id)) as work:
            record = await work.session.get(User, user_id, with_for_update=True)
            if record is None or not record.active or record.delete_time is not None:
                raise _no_reset()
            if instead_of is not None and record.password_hash != instead_of:
                raise _wrong("currentPassword")
            if using is not None:
                used = delete(password_reset).where(using).returning(password_reset.c.user_id)
                if (await work.session.execute(used)).first() is None:
                    raise _no_reset()
            record.password_hash = fresh
            record.record("updated")
            await password_changed(work.session, user_id, keep)
            await note(work.session, event, user_id=user_id)


async def password_changed(transaction: AsyncSession, user_id: UUID, keep: UUID | None = None) -> None:
    """End what an old password has led to: sessions, but for one that is kept, and tokens to reset it."""
    await end_sessions(transaction, user_id, keep)
    await transaction.execute(delete(password_reset).where(password_reset.c.user_id == user_id))


def _wrong(field: str) -> InvalidArgument:
    return InvalidArgument.of(field, "is not your password", "PASSWORD_WRONG")


def _no_reset() -> InvalidArgument:
    return InvalidArgument.of("token", "is wrong, too old, or was used before", "RESET_TOKEN_INVALID")
