"""The OpenID provider: where its endpoints are, and with which keys it signs."""

import asyncio
import ipaddress
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from rotunda_kit.errors import Unauthenticated, Unavailable

log = structlog.get_logger()

# Seconds. Keys are read again after so long, so that a key that was taken back is refused soon;
KEYS_LIFETIME = 600.0
# where the provider does not answer, known keys hold for so long;
KEYS_TRUSTED = 3600.0
# and an unknown key makes us look at most so often, however many tokens name one.
LOOK_EVERY = 30.0
# before it has ever told any, we ask so often.
RETRY = 1.0
TIMEOUT = 5.0
# Bytes.
MAX_ANSWER = 512 * 1024


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the discovery document says (OpenID Connect Discovery 1.0)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    # Whether its answers to browsers say that they are its (RFC 9207).
    names_itself: bool


class Provider:
    """Asks one provider, as seldom as it can.

    Args:
        issuer: its address; https, but for this machine's own.

    Raises:
        ValueError: the address is neither.
    """

    def __init__(self, issuer: str) -> None:
        _check_address(issuer)
        self.issuer = issuer
        self._client = httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False, trust_env=not _is_local(issuer))
        self._lock = asyncio.Lock()
        self._metadata: Metadata | None = None
        self._keys: dict[str, Key] = {}
        self._read_at = self._asked_at = float("-inf")

    async def metadata(self) -> Metadata:
        """Where its endpoints are.

        Raises:
            Unavailable: OIDC_UNAVAILABLE.
        """
        if self._metadata is None:
            self._metadata = await self._discover()
        return self._metadata

    async def _discover(self) -> Metadata:
        document = await self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != self.issuer:
            raise _unavailable("names another issuer")
        try:
            found = Metadata(
                document["authorization_endpoint"],
                document["token_endpoint"],
                document["jwks_uri"],
                document.get("authorization_response_iss_parameter_supported") is True,
            )
            for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                _check_address(address)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _unavailable("has a discovery document that is of no use") from None
        return found

    async def key(self, kid: str) -> Key:
        """The public key of an id.

        Raises:
            Unauthenticated: TOKEN_INVALID, it has no such key.
            Unavailable: OIDC_UNAVAILABLE.
        """
        if self._is_due(kid):
            # Who comes meanwhile waits for the one answer.
            async with self._lock:
                if self._is_due(kid):
                    await self._read_keys()
        if time.monotonic() - self._read_at > KEYS_TRUSTED:
            raise _unavailable("does not tell its keys")
        key = self._keys.get(kid)
        if key is None:
            raise Unauthenticated("TOKEN_INVALID", "The token is not valid.")
        return key

    def _is_due(self, kid: str) -> bool:
        at = time.monotonic()
        if at - self._asked_at < (LOOK_EVERY if self._keys else RETRY):
            return False
        return kid not in self._keys or at - self._read_at > KEYS_LIFETIME

    async def _read_keys(self) -> None:
        try:
            # The endpoints may have moved.
            self._metadata = await self._discover()
            document = await self._get(self._metadata.jwks_uri)
            keys = KeySet.import_key_set({"keys": [_public(key) for key in document["keys"] if _is_ours(key)]})
        except (Unavailable, JoseError, KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("keys of the provider not read", error=type(error).__name__)
            self._asked_at = time.monotonic()
            return
        self._keys = {key.kid: key for key in keys.keys if key.kid}
        self._read_at = self._asked_at = time.monotonic()

    async def redeem(self, form: dict[str, str], credentials: tuple[str, str] | None) -> dict[str, Any]:
        """The answer of the token endpoint (RFC 6749, 4.1.3).

        Args:
            form: grant and code.
            credentials: client id and secret; None of a public client.

        Raises:
            Unauthenticated: OIDC_SIGN_IN_FAILED, it refuses.
            Unavailable: OIDC_UNAVAILABLE.
        """
        endpoint = (await self.metadata()).token_endpoint
        request = self._client.build_request("POST", endpoint, data=form)
        status, content = await self._send(
            request, httpx.BasicAuth(*map(quote_plus, credentials)) if credentials else None
        )
        if 400 <= status < 500:
            raise Unauthenticated("OIDC_SIGN_IN_FAILED", "The identity provider refuses the sign-in.")
        if status != 200:
            raise _unavailable("does not answer")
        return content

    async def _get(self, address: str) -> dict[str, Any]:
        status, content = await self._send(self._client.build_request("GET", address), None)
        if status != 200:
            raise _unavailable("does not answer")
        return content

    async def _send(self, request: httpx.Request, auth: httpx.Auth | None) -> tuple[int, dict[str, Any]]:
        try:
            async with asyncio.timeout(TIMEOUT * 2):
                response = await self._client.send(request, auth=auth, stream=True)
                body = b""
                try:
                    async for part in response.aiter_bytes():
                        body += part
                        if len(body) > MAX_ANSWER:
                            raise _unavailable("answers at too great a length")
                finally:
                    await response.aclose()
            content = httpx.Response(200, content=body).json()
        except (httpx.HTTPError, TimeoutError, ValueError):
            raise _unavailable("does not answer") from None
        if not isinstance(content, dict):
            raise _unavailable("answers what is of no use")
        return response.status_code, content

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


def _public(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name not in ("d", "p", "q", "dp", "dq", "qi", "k", "x5c")}


def _is_ours(key: Any) -> bool:
    """Whether a key can verify our tokens: not a symmetric one, and not one for encryption."""
    return key["kty"] in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig" and bool(key.get("kid"))


def _is_local(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and _is_local(address))):
        raise ValueError(f"{address!r} is no https address")


def _unavailable(what: str) -> Unavailable:
    return Unavailable("OIDC_UNAVAILABLE", f"The identity provider {what}. Try again later.")
