"""Second factors."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pyotp
import pytest
from cryptography.exceptions import InvalidTag

from rotunda_gateway.access.users.model import User
from rotunda_gateway.auth import second_factor as module
from rotunda_gateway.auth.encryption import Encryption
from rotunda_gateway.auth.housekeeping import DELETE_WHAT_ENDED
from rotunda_kit.model import now
from rotunda_kit.resource.purge import purge

from .conftest import PASSWORD, Gateway, Person, assert_problem


class Clock:
    """The time of day, put forward by hand."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def time(self) -> float:
        return self.at

    def code(self, secret: str, steps: int = 0) -> str:
        return pyotp.TOTP(secret).at(int(self.at) + 30 * steps)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture(autouse=True)
async def forgotten(gateway: Gateway) -> None:
    """No attempt of another test counts."""
    await gateway.execute("DELETE FROM throttle")


async def post(gateway: Gateway, verb: str, person: Person, **body: str) -> httpx.Response:
    return await gateway.send("POST", f"/v1/auth/totp:{verb}", person, json=body)


async def enable(gateway: Gateway, person: Person, clock: Clock) -> tuple[str, list[str]]:
    """His secret, and his recovery codes."""
    secret = (await post(gateway, "begin", person)).raise_for_status().json()["secret"]
    answer = (await post(gateway, "confirm", person, code=clock.code(secret))).raise_for_status()
    clock.at += 60
    return secret, answer.json()["recoveryCodes"]


async def sign_in(gateway: Gateway, person: Person, code: str = "", **more: Any) -> httpx.Response:
    return await gateway.sign_in(person.username, totp_code=code, **more)


class TestSetUp:
    async def test_gives_what_an_app_needs(self, gateway: Gateway, person: Person) -> None:
        answer = await post(gateway, "begin", person)
        assert answer.headers["cache-control"] == "no-store"
        uri = urlsplit(answer.json()["otpauthUri"])
        assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", f"/Rotunda:{person.username}")
        assert parse_qs(uri.query)["secret"] == [answer.json()["secret"]]

    async def test_does_not_count_before_it_is_confirmed(self, gateway: Gateway, person: Person) -> None:
        assert_problem(await post(gateway, "confirm", person, code="123456"), 409, "TOTP_NOT_BEGUN")
        await post(gateway, "begin", person)
        assert_problem(await post(gateway, "confirm", person, code="no code"), 400, "TOTP_INVALID", "code")
        assert (await sign_in(gateway, person)).status_code == 200

    async def test_gives_ten_recovery_codes_and_shows_on_me(
        self, gateway: Gateway, person: Person, clock: Clock
    ) -> None:
        _, codes = await enable(gateway, person, clock)
        assert len(set(codes)) == 10
        me = (await gateway.send("GET", "/v1/me", person)).json()
        assert me["secondFactor"] == {"enabled": True, "recoveryCodesLeft": 10}

    async def test_of_two_confirmations_at_once_one_counts(
        self, gateway: Gateway, person: Person, clock: Clock
    ) -> None:
        secret = (await post(gateway, "begin", person)).json()["secret"]
        answers = await asyncio.gather(*(post(gateway, "confirm", person, code=clock.code(secret)) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        [row] = await gateway.rows("SELECT count(*) FROM recovery_code WHERE user_id = :id", id=person.id)
        assert row[0] == 10

    async def test_can_not_be_replaced_by_who_has_a_session_only(
        self, gateway: Gateway, person: Person, clock: Clock
    ) -> None:
        await enable(gateway, person, clock)
        assert_problem(await post(gateway, "begin", person), 409, "TOTP_ENABLED")

    async def test_the_secret_is_encrypted(self, gateway: Gateway, person: Person, clock: Clock) -> None:
        secret, codes = await enable(gateway, person, clock)
        rows = await gateway.rows("SELECT secret FROM second_factor WHERE user_id = :id", id=person.id)
        assert secret.encode() not in rows[0].secret
        kept = await gateway.rows("SELECT digest FROM recovery_code WHERE user_id = :id", id=person.id)
        assert codes[0].replace("-", "").encode() not in {bytes(row.digest) for row in kept}

    def test_what_is_encrypted_can_not_be_moved_nor_changed(self) -> None:
        encryption = Encryption(bytes(32))
        encrypted = encryption.encrypt(b"secret", b"mine")
        assert encryption.decrypt(encrypted, b"mine") == b"secret"
        for moved in ((encrypted, b"yours"), (encrypted[:-1] + b"x", b"mine")):
            with pytest.raises(InvalidTag):
                encryption.decrypt(*moved)
        with pytest.raises(ValueError, match="has 31 bytes"):
            Encryption(bytes(31))


class TestSignIn:
    async def test_asks_for_a_code(self, gateway: Gateway, person: Person, clock: Clock) -> None:
        secret, _ = await enable(gateway, person, clock)
        for _ in range(10):
            assert_problem(await sign_in(gateway, person), 401, "TOTP_REQUIRED")
        assert (await sign_in(gateway, person, clock.code(secret))).status_code == 200

    async def test_says_nothing_of_it_without_the_password(
        self, gateway: Gateway, person: Person, clock: Clock
    ) -> None:
        secret, _ = await enable(gateway, person, clock)
        response = await gateway.sign_in(person.username, "a wrong password", totp_code=clock.code(secret))
        assert_problem(response, 401, "SIGN_IN_FAILED")

    @pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
    async def test_a_clock_may_be_off_by_one_step(
        self, gateway: Gateway, person: Person, clock: Clock, steps: int, accepted: bool
    ) -> None:
        secret, _ = await enable(gateway, person, clock)
        response = await sign_in(gateway, person, clock.code(secret, steps))
        assert response.status_code == (200 if accepted else 401), response.text

    async def test_a_code_is_good_once(self, gateway: Gateway, person: Person, clock: Clock) -> None:
        secret, _ = await enable(gateway, person, clock)
        code = clock.code(secret)
        assert (await sign_in(gateway, person, code)).status_code == 200
        assert_problem(await sign_in(gateway, person, code), 401, "TOTP_INVALID")
        assert_problem(await sign_in(gateway, person, clock.code(secret, -1)), 401, "TOTP_INVALID")

    async def test_of_twenty_at_once_with_one_code_one_gets_in(
        self, gateway: Gateway, neighbour: Gateway, person: Person, clock: Clock
    ) -> None:
        secret, codes = await enable(gateway, person, clock)
        for code in (clock.code(secret), codes[0]):
            answers = await asyncio.gather(
                *(
                    sign_in(process, person, code, address=f"198.51.100.1{number}{at}")
                    for number in range(10)
                    for at, process in enumerate((gateway, neighbour))
                )
            )
            assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
            await gateway.execute("DELETE FROM throttle")

    async def test_a_recovery_code_is_good_once_however_it_is_typed(
        self, gateway: Gateway, person: Person, clock: Clock
    ) -> None:
        _, codes = await enable(gateway, person, clock)
        assert (await sign_in(gateway, person, codes[3].lower().replace("-", " "))).status_code == 200
        assert_problem(await sign_in(gateway, person, codes[3]), 401, "TOTP_INVALID")
        me = (await gateway.send("GET", "/v1/me", person)).json()
        assert me["secondFactor"]["recoveryCodesLeft"] == 9

    async def test_guesses_of_codes_are_slowed_down(self, gateway: Gateway, person: Person, clock: Clock) -> None:
        secret, _ = await enable(gateway, person, clock)
        right = clock.code(secret)
        wrong = f"{(int(right) + 1) % 1_000_000:06}"
        # Asking without a code in between does not help.
        for _ in range(5):
            assert_problem(await sign_in(gateway, person, wrong), 401, "TOTP_INVALID")
            await sign_in(gateway, person)
        assert_problem(await sign_in(gateway, person, right), 429, "SIGN_IN_THROTTLED")


class TestRemoval:
    async def test_takes_password_and_code(self, gateway: Gateway, person: Person, clock: Clock) -> None:
        secret, codes = await enable(gateway, person, clock)
        response = await post(gateway, "disable", person, password="a wrong password", code=clock.code(secret))
        assert_problem(response, 400, "PASSWORD_WRONG", "password")
        response = await post(gateway, "disable", person, password=PASSWORD, code="000")
        assert_problem(response, 400, "TOTP_INVALID", "code")
        assert_problem(await sign_in(gateway, person), 401, "TOTP_REQUIRED")
        (await post(gateway, "disable", person, password=PASSWORD, code=codes[0])).raise_for_status()
        assert (await sign_in(gateway, person)).status_code == 200

    async def test_who_looks_after_credentials_resets_anothers(
        self, gateway: Gateway, person: Person, administrator: Person, clock: Clock
    ) -> None:
        await enable(gateway, person, clock)
        path = f"/v1/users/{person.id}:resetSecondFactor"
        assert_problem(await gateway.send("POST", path, person), 403, "PERMISSION_MISSING")
        (await gateway.send("POST", path, administrator)).raise_for_status()
        assert (await sign_in(gateway, person)).status_code == 200


class TestPurge:
    async def test_stays_with_who_is_deleted_and_goes_with_who_is_purged(
        self, gateway: Gateway, person: Person, clock: Clock
    ) -> None:
        await enable(gateway, person, clock)
        database = gateway.platform.runtimes["access"].database

        async def left() -> list[int]:
            async with database.transaction() as session:
                for statement in DELETE_WHAT_ENDED:
                    await session.execute(statement, {"batch": 1000})
            return [
                (await gateway.rows(f"SELECT count(*) FROM {table} WHERE user_id = :id", id=UUID(person.id)))[0][0]
                for table in ("second_factor", "recovery_code")
            ]

        await gateway.platform.call("rotunda.access.v1.UserService.DeleteUser", id=person.id)
        assert await left() == [1, 10]
        assert await purge(database, User, now() + timedelta(days=1)) >= 1
        assert await left() == [0, 0]
