"""Access tokens of the provider at our API: of machines, and of people whose programs got one there."""

from collections import OrderedDict
from uuid import UUID

from rotunda_gateway.auth.oidc.accounts import Rules, groups_in, key_of, user_of
from rotunda_gateway.auth.oidc.tokens import Tokens, names_issuer
from rotunda_kit.db.engine import Database

CACHE_SIZE = 10_000


class AccessTokens:
    """Knows whom the provider's access tokens are about.

    Args:
        tokens: verifies them.
        rules: how machines and people become users.
        database: of access.
    """

    def __init__(self, tokens: Tokens, rules: Rules, database: Database) -> None:
        self._tokens = tokens
        self._rules = rules
        self._database = database
        self._users: OrderedDict[str, UUID] = OrderedDict()

    def are_meant(self, token: str) -> bool:
        """Whether a token says that it is one."""
        return names_issuer(token, self._rules.issuer)

    async def user(self, token: str) -> UUID:
        """The user whom a token is about; a machine is one too, known by `client:<its id>`.

        Raises:
            Unauthenticated: TOKEN_INVALID, TOKEN_EXPIRED, USER_UNKNOWN, USER_INACTIVE.
            Unavailable: OIDC_UNAVAILABLE.
        """
        claims = await self._tokens.access_token(token)
        known = self._users.get(token)
        if known is None:
            key = key_of(claims, machine=claims["sub"] == claims["client_id"])
            # It need not name groups, as an ID token does.
            groups = groups_in(self._rules, claims)
            known = self._users[token] = await user_of(self._database, self._rules, claims, key, groups)
            if len(self._users) > CACHE_SIZE:
                self._users.popitem(last=False)
        return known
