"""Slows down who guesses: passwords, codes, usernames.

Attempts are counted three ways: by username and address, by username, and by address. Each has so many failures free;
after those every further one costs a pause that doubles, and meanwhile even the right password is refused. An attempt
counts as failed from its start until it has succeeded, so that many at once get no further than one after the other.

The count by username is for guesses from many addresses. It does not hold for an address from which the user has signed
in within the last 30 days, so that nobody can lock him out from where he is known. Kept in PostgreSQL, it holds over
all processes.
"""

import hashlib
import ipaddress
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_gateway.http.errors import TooManyAttempts
from rotunda_kit.db.engine import Database

# Failures that cost no pause.
FREE = 5
FREE_BY_USERNAME = 50
FREE_BY_ADDRESS = 100
# Addresses of IPv6 count by the network that one customer gets.
IPV6_PREFIX = 64

# The pause begins with 5 seconds and goes up to 15 minutes; an hour without a failure is a new start. The time is that
# of the clock, not that at which a transaction began: it may have waited for another one since.
_FAILURES = (
    "CASE WHEN kept.update_time < clock_timestamp() - interval '1 hour' THEN 1 ELSE least(kept.failures, 1000) + 1 END"
)
_ENTER = text(
    f"""
    INSERT INTO throttle AS kept (key, failures, until, update_time) VALUES (:key, 1, '-infinity', clock_timestamp())
    ON CONFLICT (key) DO UPDATE SET
        failures = {_FAILURES},
        until = CASE WHEN {_FAILURES} < :free THEN '-infinity'
            ELSE clock_timestamp() + interval '1 second' * least(900, 5 * power(2, least({_FAILURES} - :free, 10)))
        END,
        update_time = clock_timestamp()
    WHERE kept.until <= clock_timestamp()
    RETURNING success_time > clock_timestamp() - interval '30 days'
    """  # noqa: S608 - of constants
)
_WAIT = text("SELECT ceil(extract(epoch FROM until - clock_timestamp()))::int FROM throttle WHERE key = :key")
_WITHDRAW = text(
    """
    UPDATE throttle SET
        failures = greatest(failures - 1, 0),
        until = CASE WHEN failures <= :free THEN '-infinity' ELSE until END
    WHERE key = :key
    """
)
_SUCCEED = text(
    "UPDATE throttle SET failures = 0, until = '-infinity', update_time = clock_timestamp(),"
    " success_time = clock_timestamp() WHERE key = :key"
)


@dataclass(frozen=True, slots=True)
class _Count:
    """What is counted, and how much of it is free."""

    key: bytes
    free: int


class Attempt:
    """One attempt that was let in. It counts as failed unless it is told to have succeeded, or withdrawn."""

    def __init__(self, database: Database, own: _Count, wide: list[_Count]) -> None:
        self._database = database
        self._own = own
        self._wide = wide

    async def succeed(self) -> None:
        """It was the user: his address is known from now on."""
        async with self._database.transaction() as transaction:
            await transaction.execute(_SUCCEED, {"key": self._own.key})
            await _withdraw(transaction, self._wide)

    async def withdraw(self) -> None:
        """It proved nothing, and was wrong in nothing either."""
        async with self._database.transaction() as transaction:
            await _withdraw(transaction, [self._own, *self._wide])


class Throttle:
    """Lets attempts in.

    Args:
        database: of access.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enter(self, what: str, username: str, address: str) -> Attempt:
        """Let an attempt in.

        Args:
            what: is attempted, for example `sign_in`; each has counts of its own.
            username: as it was typed, or the id of a user who has signed in.
            address: of the client.

        Raises:
            TooManyAttempts: there were too many; says how many seconds to wait.
        """
        name, network = username.strip().lower(), _network(address)
        own = _count(what, FREE, "pair", name, network)
        by_username = _count(what, FREE_BY_USERNAME, "username", name)
        by_address = _count(what, FREE_BY_ADDRESS, "address", network)
        async with self._database.transaction() as transaction:
            known = await _enter(transaction, own)
            # Always in this order, or two attempts could wait for each other.
            wide = [by_address] if known else [by_username, by_address]
            for count in wide:
                await _enter(transaction, count)
        return Attempt(self._database, own, wide)


async def _enter(transaction: AsyncSession, count: _Count) -> bool:
    """Count an attempt; returns whether one succeeded lately."""
    rows = (await transaction.execute(_ENTER, {"key": count.key, "free": count.free})).all()
    if not rows:
        wait = await transaction.scalar(_WAIT, {"key": count.key})
        raise TooManyAttempts(max(1, wait or 1))
    return bool(rows[0][0])


async def _withdraw(transaction: AsyncSession, counts: list[_Count]) -> None:
    for count in counts:
        await transaction.execute(_WITHDRAW, {"key": count.key, "free": count.free})


def _count(what: str, free: int, *parts: str) -> _Count:
    return _Count(hashlib.sha256("\0".join((what, *parts)).encode(errors="replace")).digest(), free)


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))
