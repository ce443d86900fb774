"""Signing in, and guessing."""

import asyncio

import httpx
import pytest
from argon2 import PasswordHasher

from rotunda_gateway.auth.throttle import FREE, FREE_BY_ADDRESS, FREE_BY_USERNAME

from .conftest import PASSWORD, Gateway, Person, assert_problem

ATTACKER = "198.51.100.7"


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


async def guess(gateway: Gateway, person: Person, count: int, address: str = ATTACKER) -> list[httpx.Response]:
    return [await gateway.sign_in(person.username, "a wrong password", address=address) for _ in range(count)]


async def let_time_pass(gateway: Gateway, seconds: int) -> None:
    await gateway.execute("UPDATE throttle SET until = until - interval '1 second' * :seconds", seconds=seconds)


@pytest.fixture(autouse=True)
async def forgotten(gateway: Gateway) -> None:
    """No attempt of another test counts."""
    await gateway.execute("DELETE FROM throttle")


@pytest.fixture
async def cheap(gateway: Gateway, person: Person) -> Person:
    """Someone whose password costs nothing to check."""
    kept = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    await gateway.execute('UPDATE "user" SET password_hash = :kept WHERE id = :id', kept=kept, id=person.id)
    return person


class TestPassword:
    async def test_who_is_renamed_signs_in_with_the_new_name(
        self, gateway: Gateway, administrator: Person, person: Person
    ) -> None:
        renamed = f"Renamed-{person.username}"
        response = await gateway.send("PATCH", f"/v1/users/{person.id}", administrator, json={"username": renamed})
        assert response.json()["username"] == renamed.lower()
        assert (await gateway.sign_in(renamed)).status_code == 200
        assert (await gateway.sign_in(person.username)).status_code == 401
        taken = await gateway.send(
            "PATCH", f"/v1/users/{administrator.id}", administrator, json={"username": renamed.upper()}
        )
        assert_problem(taken, 409, "USERNAME_TAKEN", "username")

    async def test_a_hash_with_old_parameters_is_replaced(self, gateway: Gateway, cheap: Person) -> None:
        assert (await gateway.sign_in(cheap.username)).status_code == 200
        [row] = await gateway.rows('SELECT password_hash, version FROM "user" WHERE id = :id', id=cheap.id)
        assert "m=19456,t=2,p=1" in row.password_hash
        assert row.version == 1
        assert (await gateway.sign_in(cheap.username)).status_code == 200


class TestThrottle:
    async def test_the_sixth_guess_waits_and_each_wait_is_longer(self, gateway: Gateway, cheap: Person) -> None:
        assert statuses(await guess(gateway, cheap, FREE)) == [401] * FREE
        waits = []
        for _ in range(10):
            [refusal] = await guess(gateway, cheap, 1)
            problem = assert_problem(refusal, 429, "SIGN_IN_THROTTLED")
            waits.append(int(refusal.headers["retry-after"]))
            assert problem["metadata"]["retryAfter"] == refusal.headers["retry-after"]
            await let_time_pass(gateway, waits[-1])
            assert statuses(await guess(gateway, cheap, 1)) == [401]
        assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]

    async def test_the_right_password_is_refused_meanwhile(self, gateway: Gateway, cheap: Person) -> None:
        await guess(gateway, cheap, FREE)
        assert_problem(await gateway.sign_in(cheap.username, address=ATTACKER), 429, "SIGN_IN_THROTTLED")
        await let_time_pass(gateway, 5)
        assert (await gateway.sign_in(cheap.username, address=ATTACKER)).status_code == 200

    async def test_guesses_at_once_get_no_further(self, gateway: Gateway, neighbour: Gateway, cheap: Person) -> None:
        answers = await asyncio.gather(
            *(
                process.sign_in(cheap.username.upper(), f"guess {number}", address=ATTACKER)
                for number in range(25)
                for process in (gateway, neighbour)
            )
        )
        assert statuses(list(answers)) == [401] * FREE + [429] * (50 - FREE)

    async def test_a_success_forgives_the_failures(self, gateway: Gateway, cheap: Person) -> None:
        for _ in range(3):
            assert statuses(await guess(gateway, cheap, FREE - 1)) == [401] * (FREE - 1)
            assert (await gateway.sign_in(cheap.username, address=ATTACKER)).status_code == 200

    async def test_an_unknown_username_is_treated_alike(self, gateway: Gateway) -> None:
        nobody = Person("", "nobody-of-this-name")
        assert statuses(await guess(gateway, nobody, FREE + 1)) == [401] * FREE + [429]

    async def test_guesses_from_many_addresses_lock_out_strangers_but_not_the_user(
        self, gateway: Gateway, cheap: Person
    ) -> None:
        home = "192.0.2.77"
        (await gateway.sign_in(cheap.username, address=home)).raise_for_status()
        for number in range(FREE_BY_USERNAME):
            [refusal] = await guess(gateway, cheap, 1, address=f"198.51.100.{number}")
            assert refusal.status_code == 401
        assert statuses(await guess(gateway, cheap, 1, address="203.0.113.1")) == [429]
        assert_problem(await gateway.sign_in(cheap.username, address="203.0.113.2"), 429, "SIGN_IN_THROTTLED")
        assert (await gateway.sign_in(cheap.username, address=home)).status_code == 200

    async def test_an_address_that_tries_many_usernames_is_slowed_down(self, gateway: Gateway) -> None:
        for number in range(FREE_BY_ADDRESS // 4):
            assert statuses(await guess(gateway, Person("", f"name{number}"), 4)) == [401] * 4
        assert statuses(await guess(gateway, Person("", "one more"), 1)) == [429]

    async def test_addresses_of_one_ipv6_network_count_as_one(self, gateway: Gateway, cheap: Person) -> None:
        answers = [(await guess(gateway, cheap, 1, f"2001:db8::{number:x}"))[0] for number in range(FREE + 1)]
        assert statuses(answers) == [401] * FREE + [429]
        assert statuses(await guess(gateway, cheap, 1, "2001:db8:0:1::1")) == [401]

    async def test_no_name_and_no_address_is_kept(self, gateway: Gateway, cheap: Person) -> None:
        await guess(gateway, cheap, 1)
        rows = await gateway.rows("SELECT throttle::text FROM throttle")
        assert len(rows) >= 3
        assert cheap.username.encode().hex() not in str(rows)
        assert ATTACKER.encode().hex() not in str(rows)
