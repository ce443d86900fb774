"""Who a token speaks for, and all the tokens that speak for nobody."""

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, OKPKey

from rotunda_kit import identity
from rotunda_kit.errors import Unauthenticated
from rotunda_kit.identity import ADMINISTRATOR, INTERNAL, Principal, TokenIssuer, TokenVerifier

KEY = OKPKey.generate_key("Ed25519", parameters={"kid": "one"})
ISSUER = TokenIssuer(KEY)
ADA = Principal("ada", "session", frozenset({ADMINISTRATOR, "seller"}), ("north", "south"))


def public(*keys: OKPKey) -> KeySet:
    return KeySet([OKPKey.import_key(key.as_dict(private=False)) for key in keys])


def part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def claims(**changes: Any) -> dict[str, Any]:
    at = int(time.time())
    return {"iss": "rotunda-gateway", "aud": INTERNAL, "sub": "ada", "iat": at, "exp": at + 60} | changes


def signed(content: dict[str, Any], key: OKPKey = KEY) -> str:
    return jwt.encode({"alg": "Ed25519", "kid": "one"}, content, key, algorithms=["Ed25519"])


@pytest.fixture
def verifier() -> TokenVerifier:
    return TokenVerifier(public(KEY))


def reason(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        verifier.verify(token)
    return caught.value.reason


class TestAccepted:
    def test_a_token_gives_its_principal_back(self, verifier: TokenVerifier) -> None:
        assert verifier.verify(ISSUER.mint_internal(ADA)) == ADA

    def test_a_token_stays_far_below_what_grpc_takes(self) -> None:
        wide = Principal(
            "u" * 36, "s" * 36, frozenset(f"{n:036}" for n in range(20)), tuple("t" * 36 for _ in range(5))
        )
        assert len(ISSUER.mint_internal(wide)) < 2048

    def test_a_key_that_is_about_to_be_replaced_still_counts(self) -> None:
        new = OKPKey.generate_key("Ed25519", parameters={"kid": "two"})
        verifier = TokenVerifier(public(new, KEY))
        assert verifier.verify(ISSUER.mint_internal(ADA)) == ADA
        assert verifier.verify(TokenIssuer(new).mint_internal(ADA)) == ADA


class TestRefused:
    def test_no_token(self, verifier: TokenVerifier) -> None:
        assert reason(verifier, "") == "TOKEN_MISSING"

    def test_an_expired_token(self, verifier: TokenVerifier) -> None:
        assert reason(verifier, ISSUER.mint(INTERNAL, -1, {"sub": "ada"})) == "TOKEN_EXPIRED"

    def test_a_token_that_expires_after_it_was_verified_once(
        self, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = ISSUER.mint_internal(ADA)
        verifier.verify(token)
        later = time.time() + identity.LIFETIME + 1
        monkeypatch.setattr(time, "time", lambda: later)
        assert reason(verifier, token) == "TOKEN_EXPIRED"
        assert reason(verifier, token) == "TOKEN_EXPIRED"

    def test_a_token_for_another_audience(self, verifier: TokenVerifier) -> None:
        assert reason(verifier, ISSUER.mint("rotunda", 60, {"sub": "ada"})) == "TOKEN_INVALID"

    def test_a_token_of_another_issuer(self, verifier: TokenVerifier) -> None:
        assert reason(verifier, signed(claims(iss="someone"))) == "TOKEN_INVALID"

    def test_a_token_of_another_key_that_has_the_same_name(self, verifier: TokenVerifier) -> None:
        forger = TokenIssuer(OKPKey.generate_key("Ed25519", parameters={"kid": "one"}))
        assert reason(verifier, forger.mint_internal(ADA)) == "TOKEN_INVALID"

    def test_a_token_of_an_unknown_key(self, verifier: TokenVerifier) -> None:
        forger = TokenIssuer(OKPKey.generate_key("Ed25519", parameters={"kid": "other"}))
        assert reason(verifier, forger.mint_internal(ADA)) == "TOKEN_INVALID"

    def test_a_token_without_a_signature(self, verifier: TokenVerifier) -> None:
        assert reason(verifier, f"{part({'alg': 'none'})}.{part(claims())}.") == "TOKEN_INVALID"

    def test_a_token_that_is_signed_with_the_public_key_as_if_it_were_a_secret(self, verifier: TokenVerifier) -> None:
        secret = OctKey.import_key(json.dumps(KEY.as_dict(private=False)))
        forged = jwt.encode({"alg": "HS256", "kid": "one"}, claims(), secret, algorithms=["HS256"])
        assert reason(verifier, forged) == "TOKEN_INVALID"

    @pytest.mark.parametrize("at", [0, 1, 2])
    def test_a_token_that_was_tampered_with(self, verifier: TokenVerifier, at: int) -> None:
        parts = ISSUER.mint_internal(ADA).split(".")
        parts[at] = part(claims(sub="root")) if at == 1 else parts[at][:-4] + "AAAA"
        assert reason(verifier, ".".join(parts)) == "TOKEN_INVALID"

    @pytest.mark.parametrize("missing", ["iss", "aud", "sub", "exp"])
    def test_a_token_that_lacks_a_claim(self, verifier: TokenVerifier, missing: str) -> None:
        content = claims()
        del content[missing]
        assert reason(verifier, signed(content)) in {"TOKEN_INVALID", "TOKEN_EXPIRED"}

    @pytest.mark.parametrize("changes", [{"exp": "soon"}, {"roles": 7}, {"teams": 7}, {"roles": [["x"]]}])
    def test_a_token_whose_claims_are_of_the_wrong_type(self, verifier: TokenVerifier, changes: dict[str, Any]) -> None:
        assert reason(verifier, signed(claims(**changes))) == "TOKEN_INVALID"

    @given(st.text(max_size=80) | st.binary(max_size=80).map(lambda raw: f"{part({'alg': 'Ed25519'})}.{raw.hex()}.x"))
    def test_anything_else(self, text: str) -> None:
        with pytest.raises(Unauthenticated):
            TokenVerifier(public(KEY)).verify(text)


class TestCache:
    def test_a_token_is_checked_once(self, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
        token = ISSUER.mint_internal(ADA)
        first = verifier.verify(token)
        monkeypatch.setattr(jwt, "decode", None)
        assert verifier.verify(token) is first

    def test_it_does_not_grow_without_bound(self, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(identity, "CACHE_SIZE", 3)
        for number in range(10):
            verifier.verify(ISSUER.mint_internal(Principal(f"user {number}")))
        assert len(verifier._verified) == 3
