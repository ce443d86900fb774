"""Second factors: codes that change every 30 seconds (RFC 6238), and recovery codes for who has lost his device."""

import base64
import hmac
import secrets
import time
from dataclasses import dataclass
from uuid import UUID

import pyotp
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from rotunda_gateway.auth.encryption import Encryption
from rotunda_gateway.auth.secrets import digest_of
from rotunda_gateway.auth.security_log import note
from rotunda_gateway.auth.tables import recovery_code, second_factor
from rotunda_kit.db.engine import Database
from rotunda_kit.errors import FailedPrecondition, InvalidArgument
from rotunda_kit.model import now

ISSUER = "Rotunda"
STEP = 30
# Steps that a clock may be off in either direction.
WINDOW = 1
RECOVERY_CODES = 10
# Random, so that a plain digest of one is safe to keep.
RECOVERY_CODE_BYTES = 10


@dataclass(frozen=True, slots=True)
class Begun:
    """A new secret in base32, and the same for an app to scan."""

    secret: str
    otpauth_uri: str


class SecondFactors:
    """Sets second factors up, and checks their codes.

    Args:
        database: of access.
        encryption: of the secrets.
    """

    def __init__(self, database: Database, encryption: Encryption) -> None:
        self._database = database
        self._encryption = encryption

    async def enabled(self, user_id: UUID) -> bool:
        """Whether a user has to give a code."""
        return await self._secret(user_id, confirmed=True) is not None

    async def recovery_codes_left(self, user_id: UUID) -> int:
        """How many recovery codes a user has not used."""
        async with self._database.reading() as connection:
            count = select(func.count()).where(recovery_code.c.user_id == user_id)
            return int(await connection.scalar(count) or 0)

    async def set_up(self, user_id: UUID, username: str) -> Begun:
        """A new secret, which counts when it is confirmed.

        Raises:
            FailedPrecondition: TOTP_ENABLED, he has one already.
        """
        secret = pyotp.random_base32()
        encrypted = self._encryption.encrypt(secret.encode(), user_id.bytes)
        statement = upsert(second_factor).values(user_id=user_id, secret=encrypted)
        statement = statement.on_conflict_do_update(
            index_elements=["user_id"], set_={"secret": encrypted}, where=second_factor.c.confirm_time.is_(None)
        )
        async with self._database.transaction() as transaction:
            begun = (await transaction.execute(statement.returning(second_factor.c.user_id))).first()
        if begun is None:
            raise FailedPrecondition("TOTP_ENABLED", "The second factor is set up already: disable it first.")
        return Begun(secret, pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER))

    async def confirm(self, user_id: UUID, code: str) -> list[str]:
        """Let a secret count; returns the recovery codes, which are shown once.

        Raises:
            FailedPrecondition: TOTP_NOT_BEGUN, there is nothing to confirm.
            InvalidArgument: TOTP_INVALID, the code is not the one of now.
        """
        secret = await self._secret(user_id, confirmed=False)
        if secret is None:
            raise FailedPrecondition("TOTP_NOT_BEGUN", "Begin to set up a second factor first.")
        step = _step_of(secret, code)
        if step is None:
            raise wrong_code()
        codes = [base64.b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode() for _ in range(RECOVERY_CODES)]
        async with self._database.transaction() as transaction:
            confirmed = await transaction.execute(
                update(second_factor)
                .where(second_factor.c.user_id == user_id, second_factor.c.confirm_time.is_(None))
                .values(confirm_time=now(), last_step=step)
                .returning(second_factor.c.user_id)
            )
            if confirmed.first() is None:
                raise FailedPrecondition("TOTP_ENABLED", "The second factor is set up already: disable it first.")
            rows = [{"user_id": user_id, "digest": digest_of(each)} for each in codes]
            await transaction.execute(insert(recovery_code), rows)
            await note(transaction, "second_factor.enabled", user_id=user_id)
        return ["-".join(each[at : at + 4] for at in range(0, len(each), 4)) for each in codes]

    async def accept(self, user_id: UUID, code: str) -> bool:
        """Whether a code, or a recovery code, is right; it is then used up.

        Two that come with the same one at the same time are told apart by the row's lock: one is right.
        """
        secret = await self._secret(user_id, confirmed=True)
        if secret is None:
            return False
        step = _step_of(secret, code)
        async with self._database.transaction() as transaction:
            if step is not None:
                statement = (
                    update(second_factor)
                    .where(second_factor.c.user_id == user_id, second_factor.c.last_step < step)
                    .values(last_step=step)
                    .returning(second_factor.c.user_id)
                )
                return (await transaction.execute(statement)).first() is not None
            used = (
                delete(recovery_code)
                .where(recovery_code.c.user_id == user_id, recovery_code.c.digest == digest_of(_plain(code)))
                .returning(recovery_code.c.user_id)
            )
            accepted = (await transaction.execute(used)).first() is not None
            if accepted:
                await note(transaction, "recovery_code.used", user_id=user_id)
        return accepted

    async def remove(self, user_id: UUID) -> None:
        """Let a user do without; his recovery codes go too."""
        async with self._database.transaction() as transaction:
            await transaction.execute(delete(second_factor).where(second_factor.c.user_id == user_id))
            await note(transaction, "second_factor.disabled", user_id=user_id)

    async def _secret(self, user_id: UUID, *, confirmed: bool) -> str | None:
        statement = select(second_factor.c.secret).where(
            second_factor.c.user_id == user_id,
            second_factor.c.confirm_time.is_not(None) if confirmed else second_factor.c.confirm_time.is_(None),
        )
        async with self._database.reading() as connection:
            encrypted = await connection.scalar(statement)
        return None if encrypted is None else self._encryption.decrypt(encrypted, user_id.bytes).decode()


def wrong_code() -> InvalidArgument:
    """The error for a code that is wrong, or was used."""
    return InvalidArgument.of("code", "is wrong, too old, or was used before", "TOTP_INVALID")


def _step_of(secret: str, code: str) -> int | None:
    """The time step that a code is of; None if it is of none near now."""
    typed = code.replace(" ", "").encode()
    present = int(time.time()) // STEP
    totp = pyotp.TOTP(secret, interval=STEP)
    # The newest first: an accepted one shuts out all before it.
    for step in range(present + WINDOW, present - WINDOW - 1, -1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), typed):
            return step
    return None


def _plain(recovery: str) -> str:
    return recovery.replace("-", "").replace(" ", "").upper()
