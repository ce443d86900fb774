"""Machines come with access tokens of the provider, and nothing else passes for one."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jws, jwt

from rotunda_gateway.auth.oidc.provider import Provider as OidcProvider
from rotunda_kit.errors import Unavailable
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.model import new_id
from rotunda_kit.testing.waiting import eventually

from .conftest import AUDIENCE, Gateway, Make, Provider, new_key
from .test_people import problem

Forge = Callable[..., str]


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
    return ".".join((*parts, ""))


def claims_of(provider: Provider, **more: Any) -> dict[str, Any]:
    at = int(time.time())
    given = {
        "iss": provider.issuer,
        "sub": "erp",
        "client_id": "erp",
        "aud": AUDIENCE,
        "iat": at,
        "exp": at + 300,
        "jti": new_id().hex,
    }
    return {name: value for name, value in {**given, **more}.items() if value is not None}


def signed(provider: Provider, key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token of the provider's own key, right in all that is not said."""
    head = {"alg": "RS256", "kid": "first", "typ": "at+jwt", **(header or {})}
    registry = jws.JWSRegistry(algorithms=[head["alg"]], strict_check_header=False)
    return jwt.encode(head, claims_of(provider, **claims), key or provider.keys[0], registry=registry)


class TestAccessToken:
    async def test_of_a_machine_is_a_user_of_its_own(self, gateway: Gateway, provider: Provider) -> None:
        token = await provider.access_token()
        me = (await gateway.me(token)).raise_for_status().json()
        assert me["externalIds"] == [{"system": provider.issuer, "id": "client:erp"}]
        assert (await gateway.me(await provider.access_token())).json()["id"] == me["id"]

    async def test_is_refused_once_the_user_is_inactive(self, gateway: Gateway, provider: Provider) -> None:
        token = signed(provider, sub="shop", client_id="shop")
        user = {"id": (await gateway.me(token)).raise_for_status().json()["id"], "active": False}
        await gateway.platform.call("rotunda.access.v1.UserService.UpdateUser", user=user)

        async def refused() -> bool:
            return (await gateway.me(token)).status_code == 401

        await eventually(refused, 3)

    async def test_makes_no_api_key_that_outlives_it(self, gateway: Gateway, provider: Provider) -> None:
        token = signed(provider, sub="minter", client_id="minter")
        user = {"id": (await gateway.me(token)).json()["id"], "role_ids": [ADMINISTRATOR]}
        await gateway.platform.call("rotunda.access.v1.UserService.UpdateUser", user=user)
        headers = {"Authorization": f"Bearer {token}"}
        async with gateway.browser() as browser:

            async def counts() -> bool:
                return (await browser.get("/v1/apiKeys", headers=headers)).status_code == 200

            await eventually(counts, 5)
            body = {"displayName": "Mine", "scopes": ["*"]}
            problem(await browser.post("/v1/apiKeys", json=body, headers=headers), 403, "SESSION_REQUIRED")

    async def test_made_by_the_test_as_the_provider_makes_it_is_right(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        assert (await gateway.me(signed(provider))).status_code == 200
        assert (await gateway.me(signed(provider, aud=[AUDIENCE, "other"]))).status_code == 200

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("none", "TOKEN_INVALID"),
            ("key confusion", "TOKEN_INVALID"),
            ("embedded jwk", "TOKEN_INVALID"),
            ("jku", "TOKEN_INVALID"),
            ("x5u", "TOKEN_INVALID"),
            ("crit", "TOKEN_INVALID"),
            ("wrong audience", "TOKEN_INVALID"),
            ("no audience", "TOKEN_INVALID"),
            ("expired", "TOKEN_EXPIRED"),
            ("never expires", "TOKEN_INVALID"),
            ("not yet valid", "TOKEN_INVALID"),
            ("of the future", "TOKEN_INVALID"),
            ("id token", "TOKEN_INVALID"),
            ("no client", "TOKEN_INVALID"),
            ("no subject", "TOKEN_INVALID"),
            ("unknown key", "TOKEN_INVALID"),
            ("no kid", "TOKEN_INVALID"),
            ("other key under the kid", "TOKEN_INVALID"),
            ("other algorithm", "TOKEN_INVALID"),
            ("other issuer", "TOKEN_INVALID"),
            ("oversized", "TOKEN_INVALID"),
            ("deep header", "TOKEN_INVALID"),
            ("expires as a text", "TOKEN_INVALID"),
            ("expires at infinity", "TOKEN_INVALID"),
            ("expires at true", "TOKEN_INVALID"),
            ("person as a machine", "TOKEN_INVALID"),
            ("subject with NUL", "TOKEN_INVALID"),
            ("long subject", "TOKEN_INVALID"),
            ("changed", "TOKEN_INVALID"),
        ],
    )
    async def test_that_is_wrong_is_refused(self, gateway: Gateway, provider: Provider, name: str, reason: str) -> None:
        right, past = claims_of(provider), int(time.time()) - 100
        own = new_key("first")
        good = signed(provider)
        head, payload, signature = good.split(".")
        tokens = {
            "none": lambda: unsigned({"alg": "none", "typ": "at+jwt", "kid": "first"}, right),
            "key confusion": lambda: _with_public_key_as_secret(provider),
            "embedded jwk": lambda: signed(provider, own, {"jwk": own.as_dict(private=False)}),
            "jku": lambda: signed(provider, header={"jku": "https://evil.example.com/keys"}),
            "x5u": lambda: signed(provider, header={"x5u": "https://evil.example.com/certificate"}),
            "crit": lambda: _with_header(provider, {"crit": ["exp"], "exp": 1}),
            "wrong audience": lambda: signed(provider, aud="someone else"),
            "no audience": lambda: signed(provider, aud=None),
            "expired": lambda: signed(provider, exp=past),
            "never expires": lambda: signed(provider, exp=None),
            "not yet valid": lambda: signed(provider, nbf=int(time.time()) + 100),
            "of the future": lambda: signed(provider, iat=int(time.time()) + 100),
            "id token": lambda: signed(provider, header={"typ": "JWT"}, aud="rotunda"),
            "no client": lambda: signed(provider, client_id=None),
            "no subject": lambda: signed(provider, sub=None),
            "unknown key": lambda: signed(provider, header={"kid": "unheard of"}),
            "no kid": lambda: _with_header(provider, {}, without="kid"),
            "other key under the kid": lambda: signed(provider, own),
            "other algorithm": lambda: _with_header(provider, {"alg": "RS512"}),
            "other issuer": lambda: signed(provider, iss="https://evil.example.com"),
            "deep header": lambda: f"{base64.urlsafe_b64encode(b'[' * 11_000).rstrip(b'=').decode()}.e30.AA",
            "expires as a text": lambda: signed(provider, exp=str(int(time.time()) + 300)),
            "expires at infinity": lambda: signed(provider, exp=float("inf")),
            "expires at true": lambda: signed(provider, exp=True),
            "person as a machine": lambda: signed(provider, sub="client:erp", client_id="app"),
            "subject with NUL": lambda: signed(provider, sub="a\0b", client_id="app"),
            "long subject": lambda: signed(provider, sub="x" * 256, client_id="app"),
            "oversized": lambda: signed(provider, more="x" * 20_000),
            "changed": lambda: f"{head}.{payload[:-4]}AAAA.{signature}",
        }
        assert (await gateway.me(good)).status_code == 200
        problem(await gateway.me(tokens[name]()), 401, reason)


def _with_public_key_as_secret(provider: Provider) -> str:
    """What a verifier takes for right that lets the token choose the algorithm: no library would make it."""
    token = unsigned({"alg": "HS256", "kid": "first", "typ": "at+jwt"}, claims_of(provider)).rstrip(".")
    signature = hmac.digest(provider.keys[0].as_pem(private=False), token.encode(), "sha256")
    return f"{token}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _with_header(provider: Provider, more: dict[str, Any], without: str = "") -> str:
    """A token whose header no library would make."""
    head = {"alg": "RS256", "kid": "first", "typ": "at+jwt", **more}
    head.pop(without, None)
    token = unsigned(head, claims_of(provider)).rstrip(".")
    key = provider.keys[0].raw_value
    signature = key.sign(token.encode(), padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr]
    return f"{token}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


class TestKeys:
    async def test_a_provider_that_never_answered_is_not_asked_by_every_token(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = 0

        async def refuse(_provider: OidcProvider, _address: str) -> dict[str, Any]:
            nonlocal asked
            asked += 1
            raise Unavailable("OIDC_UNAVAILABLE", "The identity provider is away.")

        monkeypatch.setattr(OidcProvider, "_get", refuse)
        monkeypatch.setattr("rotunda_gateway.auth.oidc.provider.RETRY", 60.0)
        away = OidcProvider("http://127.0.0.1:9")
        answers = await asyncio.gather(*(away.key(str(number)) for number in range(20)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {Unavailable}
        assert asked == 1
        await away.close()

    async def test_a_new_key_counts_beside_the_old_one_and_a_removed_one_no_more(
        self, make_gateway: Make, provider: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = "rotunda_gateway.auth.oidc.provider"
        monkeypatch.setattr(f"{module}.LOOK_EVERY", 0.0)
        gateway = make_gateway()
        first = provider.keys[0]
        old = signed(provider)
        assert (await gateway.me(old)).status_code == 200
        second = new_key("second")
        try:
            provider.keys = [second, first]
            provider.restart()
            new = signed(provider, second, {"kid": "second"})
            assert (await gateway.me(new)).status_code == 200
            assert (await gateway.me(old)).status_code == 200
            provider.keys = [second]
            provider.restart()
            monkeypatch.setattr(f"{module}.KEYS_LIFETIME", 0.0)
            problem(await gateway.me(old), 401, "TOKEN_INVALID")
            assert (await gateway.me(new)).status_code == 200
        finally:
            provider.keys = [first]
            provider.restart()

    async def test_tokens_with_unknown_keys_make_few_requests(
        self, make_gateway: Make, provider: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gateway = make_gateway()
        assert (await gateway.me(signed(provider))).status_code == 200
        asked = 0
        get = OidcProvider._get

        async def counting(self: OidcProvider, address: str) -> dict[str, Any]:
            nonlocal asked
            asked += 1
            return await get(self, address)

        monkeypatch.setattr(OidcProvider, "_get", counting)
        flood = [signed(provider, header={"kid": new_id().hex}) for _ in range(100)]
        answers = await asyncio.gather(*map(gateway.me, flood))
        assert {answer.status_code for answer in answers} == {401}
        assert asked <= 1

    async def test_known_keys_count_while_the_provider_is_away(
        self, make_gateway: Make, provider: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = "rotunda_gateway.auth.oidc.provider"
        gateway = make_gateway()
        token = signed(provider)
        assert (await gateway.me(token)).status_code == 200
        provider.stop()
        try:
            monkeypatch.setattr(f"{module}.LOOK_EVERY", 0.0)
            monkeypatch.setattr(f"{module}.KEYS_LIFETIME", 0.0)
            assert (await gateway.me(token)).status_code == 200
            assert (await gateway.me(signed(provider))).status_code == 200
            monkeypatch.setattr(f"{module}.KEYS_TRUSTED", 0.0)
            problem(await gateway.me(token), 503, "OIDC_UNAVAILABLE")
            problem(await make_gateway().me(token), 503, "OIDC_UNAVAILABLE")
        finally:
            provider.start()
