"""Authorization code with PKCE: from the browser's visit to the provider to a session of ours."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag

from rotunda_gateway.auth.encryption import Encryption
from rotunda_gateway.auth.oidc.accounts import Rules, groups_in, key_of, user_of
from rotunda_gateway.auth.oidc.provider import Provider
from rotunda_gateway.auth.oidc.tokens import Tokens
from rotunda_kit.db.engine import Database
from rotunda_kit.errors import Unauthenticated

# Seconds that a visit to the provider may take.
LIFETIME = 600
_PURPOSE = b"oidc sign-in"


@dataclass(frozen=True, slots=True)
class Client:
    """What the provider knows us as: `redirect_url` is where it sends browsers back to."""

    id: str
    secret: str
    redirect_url: str
    scope: str


class OidcSignIn:
    """Lets people sign in at the provider.

    What has to be known when a browser comes back is kept by that browser, in a cookie that only we can read: so a code
    that was begun elsewhere, or an answer that is shown to another browser, is refused.

    Args:
        provider: who signs people in.
        tokens: verifies what it says of them.
        client: what it knows us as.
        rules: how they become users.
        encryption: of the cookie.
        database: of access.
    """

    def __init__(
        self,
        provider: Provider,
        tokens: Tokens,
        client: Client,
        rules: Rules,
        encryption: Encryption,
        database: Database,
    ) -> None:
        self._provider = provider
        self._tokens = tokens
        self._client = client
        self._rules = rules
        self._encryption = encryption
        self._database = database

    async def leave(self) -> tuple[str, str]:
        """Where to send the browser, and the cookie that it brings back.

        Raises:
            Unavailable: OIDC_UNAVAILABLE.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": self._client.redirect_url,
            "scope": self._client.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = (await self._provider.metadata()).authorization_endpoint
        separator = "&" if "?" in endpoint else "?"
        kept = orjson.dumps([state, nonce, verifier, int(time.time()) + LIFETIME])
        cookie = base64.urlsafe_b64encode(self._encryption.encrypt(kept, _PURPOSE)).decode()
        return f"{endpoint}{separator}{urlencode(query)}", cookie

    async def come_back(self, answer: Mapping[str, str], cookie: str) -> UUID:
        """The user who comes back from the provider.

        Args:
            answer: the query of the address that he was sent back to.
            cookie: that his browser kept.

        Raises:
            Unauthenticated: OIDC_STATE_INVALID, this browser began no such sign-in, or too long ago;
                OIDC_SIGN_IN_FAILED, the provider refused; TOKEN_INVALID; USER_UNKNOWN or USER_INACTIVE.
            Unavailable: OIDC_UNAVAILABLE.
        """
        state, nonce, verifier = self._kept(cookie)
        if not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
            raise _state_invalid()
        # RFC 9207: it is our provider's answer, and not another's that was mixed up with it.
        named = "" if (await self._provider.metadata()).names_itself else self._provider.issuer
        if answer.get("iss", named) != self._provider.issuer:
            raise _state_invalid()
        if "code" not in answer:
            raise Unauthenticated("OIDC_SIGN_IN_FAILED", "The identity provider refuses the sign-in.")
        given = await self._redeem(answer["code"], verifier)
        access_token = str(given.get("access_token", ""))
        claims = await self._tokens.id_token(str(given.get("id_token", "")), nonce, access_token)
        groups = groups_in(self._rules, claims) or set()
        return await user_of(self._database, self._rules, claims, key_of(claims, machine=False), groups)

    async def _redeem(self, code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_url,
            "code_verifier": verifier,
        }
        if self._client.secret:
            return await self._provider.redeem(form, (self._client.id, self._client.secret))
        return await self._provider.redeem({**form, "client_id": self._client.id}, None)

    def _kept(self, cookie: str) -> tuple[str, str, str]:
        try:
            state, nonce, verifier, until = orjson.loads(
                self._encryption.decrypt(base64.urlsafe_b64decode(cookie), _PURPOSE)
            )
        except (ValueError, InvalidTag):
            raise _state_invalid() from None
        if until < time.time():
            raise _state_invalid()
        return state, nonce, verifier


def _state_invalid() -> Unauthenticated:
    return Unauthenticated("OIDC_STATE_INVALID", "This browser began no such sign-in, or too long ago. Begin again.")
