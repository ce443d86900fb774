"""What the provider says of people is believed only where it is about this sign-in."""

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rotunda_gateway.auth.oidc.provider import Provider as OidcProvider
from rotunda_gateway.auth.oidc.tokens import Tokens
from rotunda_kit.errors import Unauthenticated

from .conftest import AUDIENCE, Provider
from .test_machines import signed

NONCE, ACCESS_TOKEN = "a nonce", "an access token"


@pytest.fixture
async def tokens(provider: Provider) -> AsyncIterator[Tokens]:
    asked = OidcProvider(provider.issuer)
    yield Tokens(asked, "rotunda", AUDIENCE, ["RS256"])
    await asked.close()


def half_hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


def id_token(provider: Provider, typ: str = "JWT", **claims: Any) -> str:
    given = {"sub": "grace", "client_id": None, "aud": "rotunda", "nonce": NONCE, "at_hash": half_hash(ACCESS_TOKEN)}
    return signed(provider, header={"typ": typ}, **(given | claims))


class TestIdToken:
    @pytest.mark.parametrize(
        "claims", [{}, {"at_hash": None}, {"aud": ["rotunda", "other"], "azp": "rotunda"}, {"azp": "rotunda"}]
    )
    async def test_of_this_sign_in_is_right(self, provider: Provider, tokens: Tokens, claims: dict[str, Any]) -> None:
        assert (await tokens.id_token(id_token(provider, **claims), NONCE, ACCESS_TOKEN))["sub"] == "grace"

    @pytest.mark.parametrize(
        "claims",
        [
            {"nonce": "another"},
            {"nonce": None},
            {"aud": "other"},
            {"aud": ["rotunda", "other"]},
            {"azp": "other"},
            {"at_hash": half_hash("another access token")},
            {"exp": 1},
            {"iss": "https://evil.example.com"},
            {"typ": "at+jwt"},
        ],
    )
    async def test_of_anything_else_is_refused(
        self, provider: Provider, tokens: Tokens, claims: dict[str, Any]
    ) -> None:
        with pytest.raises(Unauthenticated):
            await tokens.id_token(id_token(provider, **claims), NONCE, ACCESS_TOKEN)

    async def test_an_access_token_is_none(self, provider: Provider, tokens: Tokens) -> None:
        with pytest.raises(Unauthenticated):
            await tokens.id_token(await provider.access_token(), NONCE, ACCESS_TOKEN)
        assert await tokens.access_token(await provider.access_token())
        with pytest.raises(Unauthenticated):
            await tokens.access_token(await provider.access_token(audience="https://other.example.com"))


class TestAddress:
    @pytest.mark.parametrize("address", ["http://login.example.com", "ftp://127.0.0.1", "login.example.com", ""])
    def test_of_a_provider_is_https_but_on_this_machine(self, address: str) -> None:
        with pytest.raises(ValueError, match="no https address"):
            OidcProvider(address)
