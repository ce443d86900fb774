"""Tokens that the provider signed: ID tokens of people, access tokens of machines."""

import base64
import hashlib
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import orjson
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

from rotunda_gateway.auth.oidc.provider import Provider
from rotunda_kit.errors import Unauthenticated

MAX_LENGTH = 16 * 1024
# Seconds by which clocks may differ.
LEEWAY = 30
CACHE_SIZE = 10_000
# RFC 9068, 2.1.
ACCESS_TOKEN_TYPES = ("at+jwt", "application/at+jwt")
# Keys that come with a token, and what we would have to understand: RFC 7515, 4.1.
_REFUSED = ("jwk", "jku", "x5u", "x5c", "crit", "b64")
_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


class Tokens:
    """Verifies the provider's tokens.

    Args:
        provider: has the keys.
        client_id: ours, for which ID tokens are.
        audience: our API's, for which access tokens are.
        algorithms: with which it may sign.
    """

    def __init__(self, provider: Provider, client_id: str, audience: str, algorithms: Sequence[str]) -> None:
        self._provider = provider
        self._client_id = client_id
        self._audience = audience
        self._algorithms = tuple(algorithms)
        self._verified: OrderedDict[str, tuple[float, str, dict[str, Any]]] = OrderedDict()

    async def access_token(self, token: str) -> dict[str, Any]:
        """The claims of an access token (RFC 9068).

        Raises:
            Unauthenticated: TOKEN_INVALID or TOKEN_EXPIRED.
            Unavailable: OIDC_UNAVAILABLE.
        """
        known = self._verified.get(token)
        if known is not None and known[0] > time.time():
            # A key that was taken back takes its tokens along.
            await self._provider.key(known[1])
            return known[2]
        header, claims = await self._verify(token)
        if header.get("typ", "").lower() not in ACCESS_TOKEN_TYPES or not claims.get("client_id"):
            raise _invalid()
        if self._audience not in _audiences(claims):
            raise _invalid()
        self._verified[token] = (float(claims["exp"]), str(header["kid"]), claims)
        if len(self._verified) > CACHE_SIZE:
            self._verified.popitem(last=False)
        return claims

    async def id_token(self, token: str, nonce: str, access_token: str) -> dict[str, Any]:
        """The claims of an ID token (OpenID Connect Core 1.0, 3.1.3.7).

        Args:
            token: as the token endpoint gave it.
            nonce: that was sent with the request.
            access_token: that came with it.

        Raises:
            Unauthenticated: TOKEN_INVALID or TOKEN_EXPIRED.
            Unavailable: OIDC_UNAVAILABLE.
        """
        header, claims = await self._verify(token)
        audiences = _audiences(claims)
        right = (
            header.get("typ", "JWT").upper() == "JWT"
            and self._client_id in audiences
            and (claims.get("azp", self._client_id) == self._client_id)
            and (len(audiences) == 1 or "azp" in claims)
            and hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode())
            and ("at_hash" not in claims or claims["at_hash"] == _half_hash(str(header["alg"]), access_token))
        )
        if not right:
            raise _invalid()
        return claims

    async def _verify(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims of a token that this provider signed and that is valid now."""
        if len(token) > MAX_LENGTH:
            raise _invalid()
        try:
            header: dict[str, Any] = dict(jws.extract_compact(token.encode()).headers())
            algorithm, kid = header.get("alg"), header.get("kid")
            if (
                algorithm not in self._algorithms
                or not isinstance(kid, str)
                or any(name in header for name in _REFUSED)
            ):
                raise _invalid()
            key = await self._provider.key(kid)
            if not _fits(key, str(algorithm)):
                raise _invalid()
            claims = jwt.decode(token, key, registry=JWSRegistry(algorithms=[str(algorithm)])).claims
            self._check(claims)
        except (JoseError, ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError):
            raise _invalid() from None
        return header, claims

    def _check(self, claims: dict[str, Any]) -> None:
        now = time.time()
        if claims["iss"] != self._provider.issuer or not isinstance(claims["sub"], str) or not claims["sub"]:
            raise _invalid()
        if _time(claims["exp"]) <= now - LEEWAY:
            raise Unauthenticated("TOKEN_EXPIRED", "The token has expired.")
        if _time(claims.get("nbf", 0)) > now + LEEWAY or _time(claims["iat"]) > now + LEEWAY:
            raise _invalid()


def names_issuer(token: str, issuer: str) -> bool:
    """Whether a token says, truly or not, that this provider made it."""
    try:
        return bool(jwt_claims(token).get("iss") == issuer)
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
        return False


def jwt_claims(token: str) -> dict[str, Any]:
    """What a token says, unverified."""
    claims = orjson.loads(jws.extract_compact(token[:MAX_LENGTH].encode()).payload)
    return claims if isinstance(claims, dict) else {}


def _time(value: Any) -> float:
    """A NumericDate (RFC 7519, 2).

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("no number")
    return float(value)


def _fits(key: Key, algorithm: str) -> bool:
    return key.key_type == _KEY_TYPES.get(algorithm[:2]) and key.get("alg") in (None, algorithm)


def _audiences(claims: dict[str, Any]) -> list[str]:
    audience = claims.get("aud")
    return audience if isinstance(audience, list) else [str(audience)]


def _half_hash(algorithm: str, access_token: str) -> str:
    bits = algorithm[-3:] if algorithm[-3:].isdigit() else "512"
    digest = hashlib.new(f"sha{bits}", access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _invalid() -> Unauthenticated:
    return Unauthenticated("TOKEN_INVALID", "The token is not valid.")
