"""Who calls: the internal token that the gateway mints and every service verifies.

A token is a JWT (RFC 7519) signed with Ed25519 (RFC 9864), valid for 60 seconds and well under 2 KiB, since gRPC
refuses metadata
at random from 8 KiB on.
"""

import json
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from joserfc.jws import JWSRegistry

from rotunda_kit.errors import Unauthenticated

ISSUER = "rotunda-gateway"
INTERNAL = "rotunda-internal"
LIFETIME = 60
# The role whose holders may do everything; it came with the product.
ADMINISTRATOR = "00000000-0000-7000-8000-000000000001"
CACHE_SIZE = 10_000

_REGISTRY = JWSRegistry(algorithms=["Ed25519"])


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request.

    `subject` is whose rights count; `actor` is who really calls, where he acts on behalf of the subject, else empty.
    `roles`, `groups`, `teams` and `territories` are ids: the roles that the subject has directly or by a group, and
    what he is directly in. `limits` are the permissions beyond which an API key does not go; empty for no limit.
    """

    subject: str
    session: str = ""
    roles: frozenset[str] = field(default_factory=frozenset)
    teams: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    territories: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    actor: str = ""

    @property
    def administrator(self) -> bool:
        """Whether he may do everything."""
        return ADMINISTRATOR in self.roles


class TokenIssuer:
    """Mints tokens with the gateway's private key."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key
        self._header = {"alg": "Ed25519", "typ": "JWT", "kid": key.kid}

    @classmethod
    def from_file(cls, path: Path) -> "TokenIssuer":
        """From a private JSON Web Key."""
        return cls(OKPKey.import_key(json.loads(path.read_text())))

    def mint(self, audience: str, lifetime: int, claims: dict[str, Any]) -> str:
        """A signed token of this issuer.

        Args:
            audience: who may accept it.
            lifetime: seconds.
            claims: beyond `iss`, `aud`, `iat` and `exp`.
        """
        at = int(time.time())
        payload = {"iss": ISSUER, "aud": audience, "iat": at, "exp": at + lifetime, **claims}
        return jwt.encode(self._header, payload, self._key, registry=_REGISTRY)

    def mint_internal(self, principal: Principal) -> str:
        """The token that the gateway hands on to services."""
        return self.mint(
            INTERNAL,
            LIFETIME,
            {
                "sub": principal.subject,
                "sid": principal.session,
                "roles": sorted(principal.roles),
                "teams": list(principal.teams),
                "groups": list(principal.groups),
                "territories": list(principal.territories),
                **({"limits": list(principal.limits)} if principal.limits else {}),
                # RFC 8693, 4.1.
                **({"act": {"sub": principal.actor}} if principal.actor else {}),
            },
        )


class TokenVerifier:
    """Verifies tokens with the gateway's public keys, each once: it is then known by its bytes until it expires."""

    def __init__(self, keys: KeySet, audience: str = INTERNAL) -> None:
        self._keys = keys
        self._audience = audience
        self._claims = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        self._verified: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    @classmethod
    def from_file(cls, path: Path, audience: str = INTERNAL) -> "TokenVerifier":
        """From a public JSON Web Key Set."""
        return cls(KeySet.import_key_set(json.loads(path.read_text())), audience)

    def verify(self, token: str) -> Principal:
        """Who the token speaks for.

        Raises:
            Unauthenticated: TOKEN_MISSING, TOKEN_EXPIRED or TOKEN_INVALID.
        """
        if not token:
            raise Unauthenticated("TOKEN_MISSING", "Sign in first: the request carries no token.")
        known = self._verified.get(token)
        if known:
            if known[0] > time.time():
                return known[1]
            del self._verified[token]
            raise Unauthenticated("TOKEN_EXPIRED", "The token has expired.")
        expires, principal = self._check(token)
        self._verified[token] = (expires, principal)
        if len(self._verified) > CACHE_SIZE:
            self._verified.popitem(last=False)
        return principal

    def _check(self, token: str) -> tuple[float, Principal]:
        try:
            claims = jwt.decode(token, self._keys, registry=_REGISTRY).claims
            if claims.get("exp", 0) <= time.time():
                raise Unauthenticated("TOKEN_EXPIRED", "The token has expired.")
            self._claims.validate(claims)
            return float(claims["exp"]), Principal(
                subject=str(claims["sub"]),
                session=str(claims.get("sid", "")),
                roles=frozenset(claims.get("roles", ())),
                teams=tuple(claims.get("teams", ())),
                groups=tuple(claims.get("groups", ())),
                territories=tuple(claims.get("territories", ())),
                limits=tuple(claims.get("limits", ())),
                actor=str(claims.get("act", {}).get("sub", "")),
            )
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Unauthenticated("TOKEN_INVALID", "The token is not valid.") from error
