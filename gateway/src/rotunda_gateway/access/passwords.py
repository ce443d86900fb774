"""Passwords of local accounts: argon2id (RFC 9106), as costly as OWASP recommends for servers with little memory."""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

LEAST_LENGTH = 12

# 19 MiB and two passes; more at the same time would only take memory and cores from everyone else.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_CONCURRENCY = 2


@cache
def _limit() -> asyncio.Semaphore:
    return asyncio.Semaphore(_CONCURRENCY)


@cache
def _nobody() -> str:
    return _hasher.hash("nobody's password")


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
