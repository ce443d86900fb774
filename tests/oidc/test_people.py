"""People sign in at their organisation's provider: authorization code with PKCE."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest

from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.model import new_id

from .conftest import REDIRECT, Gateway, Make, Provider, at_provider, begin, query_of


def problem(response: Any, status: int, reason: str) -> None:
    assert (response.status_code, response.json()["reason"]) == (status, reason), response.text


class TestSignIn:
    async def test_gives_a_session(self, gateway: Gateway, provider: Provider) -> None:
        grace = provider.person()
        provider.restart()
        answer = await gateway.sign_in(grace)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        me = (await gateway.me(answer.json()["access_token"])).raise_for_status().json()
        assert me["displayName"] == "Grace Hopper"
        assert me["email"] == f"{grace}@example.com"
        assert me["externalIds"] == [{"system": provider.issuer, "id": grace}]
        again = (await gateway.sign_in(grace)).json()
        assert (await gateway.me(again["access_token"])).json()["id"] == me["id"]

    async def test_asks_with_pkce_state_and_nonce(self, gateway: Gateway) -> None:
        async with gateway.browser() as browser:
            asked = query_of(await begin(browser))
            cookie = next(iter(browser.cookies.jar))
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["code_challenge"]) == 43
        assert len(asked["state"]) == len(asked["nonce"]) == 43
        assert asked["state"] not in (cookie.value or "")
        assert cookie.path == "/v1/auth/oidc"
        assert cookie.has_nonstandard_attr("HttpOnly")

    async def test_takes_groups_from_the_provider_and_leaves_those_that_it_does_not_know(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        async def group(**fields: Any) -> str:
            made = await gateway.platform.call(
                "rotunda.access.v1.GroupService.CreateGroup", group={"display_name": "Group", **fields}
            )
            return str(made.group.id)

        names = [new_id().hex for _ in range(2)]
        sales, support = [
            await group(external_ids=[{"system": provider.issuer, "id": name}], role_ids=[ADMINISTRATOR])
            for name in names
        ]
        grace = provider.person(groups=[names[0], "unheard of"])
        provider.restart()
        me = (await gateway.me((await gateway.sign_in(grace)).json()["access_token"])).json()
        assert me["groupIds"] == [sales]
        by_hand = await group()
        await gateway.platform.call("rotunda.access.v1.GroupService.AddGroupMembers", id=by_hand, user_ids=[me["id"]])
        provider.people[grace]["groups"] = [names[1]]
        provider.restart()
        me = (await gateway.me((await gateway.sign_in(grace)).json()["access_token"])).json()
        assert set(me["groupIds"]) == {by_hand, support}

    async def test_ten_first_sign_ins_at_once_make_one_user(self, gateway: Gateway, provider: Provider) -> None:
        grace = provider.person()
        provider.restart()
        answers = await asyncio.gather(*(gateway.sign_in(grace) for _ in range(10)))
        assert [answer.status_code for answer in answers] == [200] * 10, [answer.text for answer in answers]
        ids = {(await gateway.me(answer.json()["access_token"])).json()["id"] for answer in answers}
        assert len(ids) == 1

    async def test_is_refused_to_who_is_not_there_where_nobody_is_made(
        self, make_gateway: Make, provider: Provider
    ) -> None:
        grace = provider.person()
        provider.restart()
        problem(await make_gateway(oidc_provision=False).sign_in(grace), 401, "USER_UNKNOWN")

    async def test_is_refused_to_who_left(self, gateway: Gateway, provider: Provider) -> None:
        grace = provider.person()
        provider.restart()
        token = (await gateway.sign_in(grace)).json()["access_token"]
        user = {"id": (await gateway.me(token)).json()["id"], "active": False}
        await gateway.platform.call("rotunda.access.v1.UserService.UpdateUser", user=user)
        problem(await gateway.sign_in(grace), 401, "USER_INACTIVE")

    @pytest.mark.parametrize(("verified", "linked"), [(True, True), (False, False)])
    async def test_a_verified_address_is_that_of_a_user_where_the_settings_say_so(
        self, make_gateway: Make, provider: Provider, verified: bool, linked: bool
    ) -> None:
        gateway = make_gateway(oidc_link_by_email=True)
        address = f"{new_id().hex}@example.com"
        user = {"username": new_id().hex, "display_name": "Grace", "email": address}
        made = await gateway.platform.call("rotunda.access.v1.UserService.CreateUser", user=user)
        grace = provider.person(email=address, email_verified=verified)
        provider.restart()
        me = (await gateway.me((await gateway.sign_in(grace)).json()["access_token"])).json()
        assert (me["id"] == made.user.id) is linked


class TestCallback:
    async def test_a_code_is_good_once(self, gateway: Gateway, provider: Provider) -> None:
        grace = provider.person()
        provider.restart()
        async with gateway.browser() as browser:
            address = await begin(browser)
            cookie = dict(browser.cookies)
            back = await at_provider(address, grace)
            assert (await browser.get(back)).status_code == 200
            assert not browser.cookies
        async with gateway.browser() as browser:
            browser.cookies.update(cookie)
            problem(await browser.get(back), 401, "OIDC_SIGN_IN_FAILED")

    async def test_another_browser_can_not_end_what_one_began(self, gateway: Gateway, provider: Provider) -> None:
        grace = provider.person()
        provider.restart()
        async with gateway.browser() as browser, gateway.browser() as other:
            back = await at_provider(await begin(browser), grace)
            problem(await other.get(back), 401, "OIDC_STATE_INVALID")
            await begin(other)
            problem(await other.get(back), 401, "OIDC_STATE_INVALID")

    async def test_a_code_needs_the_verifier_of_its_sign_in(self, gateway: Gateway, provider: Provider) -> None:
        grace = provider.person()
        provider.restart()
        async with gateway.browser() as browser, gateway.browser() as other:
            code = query_of(await at_provider(await begin(browser), grace))["code"]
            state = query_of(await begin(other))["state"]
            injected = f"{REDIRECT}?{urlencode({'code': code, 'state': state, 'iss': provider.issuer})}"
            problem(await other.get(injected), 401, "OIDC_SIGN_IN_FAILED")

    async def test_an_answer_of_another_issuer_is_refused(self, gateway: Gateway, provider: Provider) -> None:
        async with gateway.browser() as browser:
            state = query_of(await begin(browser))["state"]
            query = urlencode({"code": "x", "state": state, "iss": "https://evil.example.com"})
            problem(await browser.get(f"{REDIRECT}?{query}"), 401, "OIDC_STATE_INVALID")

    async def test_an_answer_that_does_not_say_whose_it_is_is_refused_of_a_provider_that_says_so(
        self, gateway: Gateway
    ) -> None:
        async with gateway.browser() as browser:
            state = query_of(await begin(browser))["state"]
            problem(
                await browser.get(f"{REDIRECT}?{urlencode({'code': 'x', 'state': state})}"), 401, "OIDC_STATE_INVALID"
            )

    async def test_a_refusal_of_the_provider_is_told(self, gateway: Gateway, provider: Provider) -> None:
        async with gateway.browser() as browser:
            state = query_of(await begin(browser))["state"]
            query = urlencode({"error": "access_denied", "state": state, "iss": provider.issuer})
            problem(await browser.get(f"{REDIRECT}?{query}"), 401, "OIDC_SIGN_IN_FAILED")

    @pytest.mark.parametrize("cookie", ["", "x", "AAAA", "é", "A" * 5000])
    async def test_a_cookie_of_someone_else_is_refused(self, gateway: Gateway, cookie: str) -> None:
        async with gateway.browser() as browser:
            headers = [(b"cookie", f"rotunda_oidc={cookie}".encode())]
            answer = await browser.get(f"{REDIRECT}?state=&code=x", headers=headers)
            problem(answer, 401, "OIDC_STATE_INVALID")


class TestProviderAway:
    async def test_is_told_as_such(self, make_gateway: Make, provider: Provider) -> None:
        gateway = make_gateway()
        provider.stop()
        try:
            async with gateway.browser() as browser:
                problem(await browser.get("/v1/auth/oidc/signIn"), 503, "OIDC_UNAVAILABLE")
        finally:
            provider.start()
