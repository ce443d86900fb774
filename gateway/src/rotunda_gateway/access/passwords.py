"""Passwords of local accounts: which are good enough, and how they are kept.

Kept by argon2id (RFC 9106), as costly as OWASP recommends for servers with little memory. Length counts and no mixture
of letters is asked for (NIST SP 800-63B-4, 3.1.1.2); what a guesser tries first is refused, as zxcvbn knows it.
"""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from rotunda_kit.errors import InvalidArgument

LEAST_LENGTH = 12
MOST_LENGTH = 1024
# Of zxcvbn, from 0 to 4: below it a million guesses are enough.
LEAST_SCORE = 2
# What zxcvbn looks at: its time grows with the square.
_LOOKED_AT = 72

# 19 MiB and two passes; more at the same time would only take memory and cores from everyone else.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_CONCURRENCY = 2


@cache
def _limit() -> asyncio.Semaphore:
    return asyncio.Semaphore(_CONCURRENCY)


@cache
def _nobody() -> str:
    return _hasher.hash("nobody's password")


async def check_password(field: str, password: str, *known: str | None) -> None:
    """Refuse a new password that is easily guessed.

    Args:
        field: where it stands in the request.
        password: the new one.
        *known: what everyone knows of the user, such as his name and his e-mail address.

    Raises:
        InvalidArgument: PASSWORD_TOO_SHORT, PASSWORD_TOO_LONG, PASSWORD_KNOWN or PASSWORD_COMMON.
    """
    if len(password) < LEAST_LENGTH:
        raise InvalidArgument.of(field, f"is shorter than {LEAST_LENGTH} characters", "PASSWORD_TOO_SHORT")
    if len(password) > MOST_LENGTH:
        raise InvalidArgument.of(field, f"is longer than {MOST_LENGTH} characters", "PASSWORD_TOO_LONG")
    if password.lower() in {each.lower() for each in known if each}:
        raise InvalidArgument.of(field, "is the username or the e-mail address", "PASSWORD_KNOWN")
    async with _limit():
        score = await asyncio.to_thread(_score, password, [each for each in known if each])
    if score < LEAST_SCORE:
        raise InvalidArgument.of(field, "is too common, or too easily guessed", "PASSWORD_COMMON")


def _score(password: str, known: list[str]) -> int:
    # Its word lists take a tenth of a second to load, which most processes never need.
    from zxcvbn import zxcvbn

    score: int = zxcvbn(password[:_LOOKED_AT], user_inputs=known)["score"]
    return score


async def hash_password(password: str) -> str:
    """The hash to keep, with its own salt and parameters."""
    async with _limit():
        return await asyncio.to_thread(_hasher.hash, password)


async def matches(password: str, kept: str | None) -> bool:
    """Whether it is the password. Takes as long for a user that does not exist or has none."""

    def verify() -> bool:
        try:
            return _hasher.verify(kept or _nobody(), password) and kept is not None
        except VerificationError:
            return False

    async with _limit():
        return await asyncio.to_thread(verify)


def is_outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than new ones are."""
    return _hasher.check_needs_rehash(kept)
