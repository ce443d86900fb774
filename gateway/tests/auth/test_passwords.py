"""Passwords: changed by those who know them, reset by those who do not."""

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import Message

import httpx
import pyotp
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

from rotunda_gateway.app import make_app
from rotunda_kit.embedded.ports import free_ports
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.model import new_id
from rotunda_kit.testing.platform import TestPlatform
from rotunda_kit.testing.waiting import eventually

from .conftest import PASSWORD, Gateway, Person, SettingsOf, assert_problem

NEW = "an entirely new passphrase"
BAD = {
    "short": "PASSWORD_TOO_SHORT",
    "x" * 1025: "PASSWORD_TOO_LONG",
    "passwordpassword": "PASSWORD_COMMON",
    "qwertyuiop12": "PASSWORD_COMMON",
    "aaaaaaaaaaaaaaaaaaaa": "PASSWORD_COMMON",
}


class Inbox(MessageHandler):
    """Keeps the mails that came."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Message] = []

    def handle_message(self, message: Message) -> None:
        self.mails.append(message)

    def to(self, address: str) -> list[str]:
        found = [mail for mail in self.mails if mail["To"] == address]
        return [message_from_bytes(mail.as_bytes()).get_payload() for mail in found]  # type: ignore[misc]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def posting(platform: TestPlatform, settings_of: SettingsOf, inbox: Inbox) -> AsyncIterator[Gateway]:
    """A gateway with a mail server."""
    [port] = free_ports(1)
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        runtime = platform.runtimes["access"]
        more = {
            "smtp_url": f"smtp://127.0.0.1:{port}",
            "mail_from": "crm@example.com",
            "password_reset_url": "https://crm.example.com/reset#",
        }
        yield Gateway(make_app(runtime, settings_of(runtime, platform, **more)), platform)
    finally:
        server.stop()


@pytest.fixture(autouse=True)
async def forgotten(gateway: Gateway) -> None:
    """No attempt of another test counts."""
    await gateway.execute("DELETE FROM throttle")


async def change(gateway: Gateway, person: Person, current: str, new: str) -> httpx.Response:
    body = {"currentPassword": current, "newPassword": new}
    return await gateway.send("POST", "/v1/auth/changePassword", person, json=body)


async def request_reset(gateway: Gateway, username: str) -> httpx.Response:
    return await gateway.send("POST", "/v1/auth/requestPasswordReset", json={"username": username})


async def reset(gateway: Gateway, token: str, new: str = NEW) -> httpx.Response:
    return await gateway.send("POST", "/v1/auth/resetPassword", json={"token": token, "newPassword": new})


async def token_for(gateway: Gateway, administrator: Person, person: Person) -> str:
    answer = await gateway.send("POST", f"/v1/users/{person.id}:createPasswordReset", administrator)
    return str(answer.raise_for_status().json()["token"])


class TestChange:
    async def test_ends_the_other_sessions(self, gateway: Gateway, neighbour: Gateway, person: Person) -> None:
        other = await gateway.again(person)
        await neighbour.send("GET", "/v1/me", other)
        (await change(gateway, person, PASSWORD, NEW)).raise_for_status()
        assert (await gateway.send("GET", "/v1/me", person)).status_code == 200
        assert_problem(await gateway.send("GET", "/v1/me", other), 401, "SESSION_ENDED")

        async def refused() -> bool:
            return (await neighbour.send("GET", "/v1/me", other)).status_code == 401

        await eventually(refused, timeout=1.5)
        assert_problem(await gateway.sign_in(person.username), 401, "SIGN_IN_FAILED")
        assert (await gateway.sign_in(person.username, NEW)).status_code == 200

    async def test_takes_the_present_password(self, gateway: Gateway, person: Person) -> None:
        for _ in range(5):
            response = await change(gateway, person, "not my password", NEW)
            assert_problem(response, 400, "PASSWORD_WRONG", "currentPassword")
        assert_problem(await change(gateway, person, PASSWORD, NEW), 429, "SIGN_IN_THROTTLED")
        assert (await gateway.sign_in(person.username)).status_code == 200

    @pytest.mark.parametrize(("bad", "reason"), BAD.items())
    async def test_refuses_what_is_easily_guessed(
        self, gateway: Gateway, person: Person, bad: str, reason: str
    ) -> None:
        assert_problem(await change(gateway, person, PASSWORD, bad), 400, reason, "newPassword")

    async def test_refuses_ones_own_name_and_address(self, gateway: Gateway) -> None:
        person = await gateway.person(email=f"ada.{new_id().hex}@example.com")
        email = (await gateway.send("GET", "/v1/me", person)).json()["email"]
        for known in (person.username.upper(), email):
            assert_problem(await change(gateway, person, PASSWORD, known), 400, "PASSWORD_KNOWN", "newPassword")

    async def test_is_for_nobody_else(self, gateway: Gateway, administrator: Person, person: Person) -> None:
        response = await gateway.send(
            "POST",
            "/v1/auth/changePassword",
            administrator,
            json={"currentPassword": PASSWORD, "newPassword": NEW},
            headers={"Rotunda-On-Behalf-Of": person.id},
        )
        assert_problem(response, 403, "SESSION_REQUIRED")

    async def test_of_several_at_once_one_counts(self, gateway: Gateway, neighbour: Gateway, person: Person) -> None:
        candidates = [f"{NEW} {number}" for number in range(4)]
        processes = (gateway, neighbour) * 2
        answers = await asyncio.gather(
            *(change(process, person, PASSWORD, new) for process, new in zip(processes, candidates, strict=True))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
        [kept] = [new for new, answer in zip(candidates, answers, strict=True) if answer.status_code == 200]
        assert (await gateway.sign_in(person.username, kept)).status_code == 200


class TestReset:
    async def test_a_mail_brings_a_token_that_sets_a_new_password_once(self, posting: Gateway, inbox: Inbox) -> None:
        email = f"{new_id().hex}@example.com"
        person = await posting.person(email=email)
        (await request_reset(posting, person.username.upper())).raise_for_status()

        async def came() -> bool:
            return bool(inbox.to(email))

        await eventually(came)
        [text] = inbox.to(email)
        [line] = [
            line for line in text.replace("=\n", "").splitlines() if line.startswith("https://crm.example.com/reset#")
        ]
        token = line.partition("#")[2].strip()
        for bad, reason in BAD.items():
            assert_problem(await reset(posting, token, bad), 400, reason, "newPassword")
        (await reset(posting, token)).raise_for_status()
        assert_problem(await posting.send("GET", "/v1/me", person), 401, "SESSION_ENDED")
        assert (await posting.sign_in(person.username, NEW)).status_code == 200
        assert_problem(await reset(posting, token), 400, "RESET_TOKEN_INVALID", "token")

    async def test_nobody_learns_who_there_is(self, posting: Gateway, inbox: Inbox) -> None:
        there = await posting.person(email=f"{new_id().hex}@example.com")
        unmailed = await posting.person()
        by_oidc = await posting.platform.call(
            "rotunda.access.v1.UserService.CreateUser",
            user={"username": f"u{new_id().hex}", "display_name": "X", "email": f"{new_id().hex}@example.com"},
        )
        answers = [
            await request_reset(posting, username)
            for username in ("nobody", unmailed.username, by_oidc.user.username, "nul\0", there.username)
        ]
        assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"{}")}

        async def came() -> bool:
            return bool(inbox.mails)

        await eventually(came)
        assert len(inbox.mails) == 1

    async def test_requests_are_slowed_down(self, gateway: Gateway) -> None:
        statuses = [(await request_reset(gateway, "somebody")).status_code for _ in range(6)]
        assert statuses == [200] * 5 + [429]

    async def test_who_looks_after_credentials_makes_a_token(
        self, gateway: Gateway, administrator: Person, person: Person
    ) -> None:
        path = f"/v1/users/{person.id}:createPasswordReset"
        assert_problem(await gateway.send("POST", path, person), 403, "PERMISSION_MISSING")
        unknown = f"/v1/users/{new_id()}:createPasswordReset"
        assert_problem(await gateway.send("POST", unknown, administrator), 404, "USER_NOT_FOUND")
        answer = await gateway.send("POST", path, administrator)
        assert answer.headers["cache-control"] == "no-store"
        (await reset(gateway, answer.json()["token"])).raise_for_status()
        assert (await gateway.sign_in(person.username, NEW)).status_code == 200

    async def test_only_an_administrator_does_so_for_one(
        self, gateway: Gateway, platform: TestPlatform, administrator: Person, person: Person
    ) -> None:
        grants = [{"resource": "access.users", "actions": ["manageCredentials", "update"], "scope": "SCOPE_ALL"}]
        role = {"display_name": f"Help desk {new_id()}", "grants": grants}
        answer = await platform.call("rotunda.access.v1.RoleService.CreateRole", role=role)
        helper = await gateway.person(role_ids=[answer.role.id])

        async def may_help() -> bool:
            path = f"/v1/users/{person.id}:createPasswordReset"
            return (await gateway.send("POST", path, helper)).status_code == 200

        await eventually(may_help)
        for verb in ("createPasswordReset", "resetSecondFactor", "endSessions"):
            response = await gateway.send("POST", f"/v1/users/{administrator.id}:{verb}", helper)
            assert_problem(response, 403, "CREDENTIALS_OF_ADMINISTRATOR")
        for body in ({"password": NEW}, {"email": "mine@example.com"}):
            response = await gateway.send("PATCH", f"/v1/users/{administrator.id}", helper, json=body)
            assert_problem(response, 403, "USER_ABOVE_OWN")
        ordinary = await gateway.send("PATCH", f"/v1/users/{person.id}", helper, json={"password": NEW})
        assert ordinary.status_code == 200

    async def test_an_old_token_is_refused(self, gateway: Gateway, administrator: Person, person: Person) -> None:
        token = await token_for(gateway, administrator, person)
        await gateway.execute("UPDATE password_reset SET expire_time = now() WHERE user_id = :id", id=person.id)
        for wrong in (token, "rtp_wrong", "nul\0"):
            assert_problem(await reset(gateway, wrong), 400, "RESET_TOKEN_INVALID", "token")

    async def test_a_new_password_makes_all_tokens_void(
        self, gateway: Gateway, administrator: Person, person: Person
    ) -> None:
        first, second = [await token_for(gateway, administrator, person) for _ in range(2)]
        (await reset(gateway, first)).raise_for_status()
        assert_problem(await reset(gateway, second), 400, "RESET_TOKEN_INVALID", "token")

    async def test_of_several_at_once_one_counts(
        self, gateway: Gateway, neighbour: Gateway, administrator: Person, person: Person
    ) -> None:
        token = await token_for(gateway, administrator, person)
        answers = await asyncio.gather(
            *(reset(process, token, f"{NEW} {number}") for number, process in enumerate((gateway, neighbour) * 2))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]

    async def test_no_token_is_kept_as_it_is(self, gateway: Gateway, administrator: Person, person: Person) -> None:
        token = await token_for(gateway, administrator, person)
        rows = await gateway.rows("SELECT password_reset::text FROM password_reset")
        assert token.encode().hex() not in str(rows)
        assert token not in str(rows)

    async def test_who_was_barred_meanwhile_sets_none(
        self, gateway: Gateway, platform: TestPlatform, administrator: Person, person: Person
    ) -> None:
        token = await token_for(gateway, administrator, person)
        await platform.call("rotunda.access.v1.UserService.UpdateUser", user={"id": person.id, "active": False})
        assert_problem(await reset(gateway, token), 400, "RESET_TOKEN_INVALID", "token")

    async def test_a_second_factor_is_still_asked_for(
        self, gateway: Gateway, administrator: Person, person: Person
    ) -> None:
        secret = (await gateway.send("POST", "/v1/auth/totp:begin", person)).json()["secret"]
        code = {"code": pyotp.TOTP(secret).now()}
        (await gateway.send("POST", "/v1/auth/totp:confirm", person, json=code)).raise_for_status()
        (await reset(gateway, await token_for(gateway, administrator, person))).raise_for_status()
        assert_problem(await gateway.sign_in(person.username, NEW), 401, "TOTP_REQUIRED")


class TestUsers:
    @pytest.mark.parametrize(("bad", "reason"), BAD.items())
    async def test_who_makes_a_user_gives_him_a_good_password(
        self, gateway: Gateway, administrator: Person, bad: str, reason: str
    ) -> None:
        body = {"username": f"u{new_id().hex}", "displayName": "New", "roleIds": [ADMINISTRATOR], "password": bad}
        response = await gateway.send("POST", "/v1/users", administrator, json=body)
        expected = "INVALID_FIELDS" if reason == "PASSWORD_TOO_LONG" else reason
        assert_problem(response, 400, expected, "password")
