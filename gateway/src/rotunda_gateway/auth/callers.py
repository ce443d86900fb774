"""From what a client sends to the internal token that services trust."""

import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from rotunda_gateway.access.groups.queries import role_ids
from rotunda_gateway.access.passwords import matches
from rotunda_gateway.access.users.model import User
from rotunda_kit.db.engine import Database
from rotunda_kit.errors import Unauthenticated
from rotunda_kit.identity import LIFETIME, Principal, TokenIssuer, TokenVerifier

# Whom the gateway's own access tokens are for: clients send them back to it.
AUDIENCE = "rotunda-api"
# Seconds.
ACCESS_LIFETIME = 3600
# An internal token is minted once a caller and half its life.
MINT_EVERY = LIFETIME / 2
CACHE_SIZE = 10_000

user = User.__table__


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The answer to a sign-in."""

    access_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - names the scheme of RFC 6750


class Callers:
    """Knows who calls.

    Args:
        database: of access.
        issuer: signs.
        tokens: verifies the gateway's access tokens.
    """

    def __init__(self, database: Database, issuer: TokenIssuer, tokens: TokenVerifier) -> None:
        self._database = database
        self._issuer = issuer
        self._tokens = tokens
        self._minted: OrderedDict[tuple[str, str], tuple[float, str]] = OrderedDict()

    async def sign_in(self, username: str, password: str) -> SignedIn:
        """Sign in by password.

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
            raise Unauthenticated("SIGN_IN_FAILED", "The username or the password is wrong.")
        claims = {"sub": str(row.id), "sid": str(uuid.uuid4())}
        return SignedIn(self._issuer.mint(AUDIENCE, ACCESS_LIFETIME, claims), ACCESS_LIFETIME)

    async def authenticate(self, headers: Mapping[str, str]) -> str:
        """The internal token of whoever sends a request.

        Raises:
            Unauthenticated: there is no valid access token, or the user may not sign in any more.
        """
        caller = self.identify(headers)
        key = (caller.subject, caller.session)
        minted = self._minted.get(key)
        if minted and minted[0] > time.monotonic():
            return minted[1]
        row = await self.user(caller.subject)
        token = self._issuer.mint_internal(
            Principal(
                caller.subject,
                caller.session,
                roles=frozenset(map(str, row.roles)),
                teams=tuple(map(str, row.team_ids)),
                groups=tuple(map(str, row.group_ids)),
                territories=tuple(map(str, row.territory_ids)),
            )
        )
        self._minted[key] = (time.monotonic() + MINT_EVERY, token)
        self._minted.move_to_end(key)
        if len(self._minted) > CACHE_SIZE:
            self._minted.popitem(last=False)
        return token

    def identify(self, headers: Mapping[str, str]) -> Principal:
        """Whose access token it is.

        Raises:
            Unauthenticated: there is none, or it is not valid.
        """
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if not token or scheme.lower() != "bearer":
            raise Unauthenticated("TOKEN_MISSING", "Sign in first, and send: Authorization: Bearer <access token>.")
        return self._tokens.verify(token.strip())

    async def user(self, user_id: str) -> Any:
        """What the token of a user says about him.

        Raises:
            Unauthenticated: USER_INACTIVE, or TOKEN_INVALID where it names no user.
        """
        try:
            record_id = UUID(user_id)
        except ValueError:
            raise Unauthenticated("TOKEN_INVALID", "The token is not valid.") from None
        async with self._database.reading() as connection:
            row = (
                await connection.execute(
                    select(user.c.team_ids, user.c.group_ids, user.c.territory_ids, role_ids().label("roles")).where(
                        user.c.id == record_id, user.c.active, user.c.delete_time.is_(None)
                    )
                )
            ).one_or_none()
        if row is None:
            raise Unauthenticated("USER_INACTIVE", "The user may not sign in any more.")
        return row
