"""Sessions: begun by a sign-in, prolonged by refresh tokens, ended."""

import asyncio

import httpx
import pytest

from rotunda_kit.testing.platform import TestPlatform
from rotunda_kit.testing.waiting import eventually

from .conftest import PASSWORD, Gateway, Person, assert_problem

UPDATE_USER = "rotunda.access.v1.UserService.UpdateUser"


async def refresh(gateway: Gateway, token: str) -> httpx.Response:
    data = {"grant_type": "refresh_token", "refresh_token": token}
    return await gateway.send("POST", "/v1/auth/token", data=data)


async def refused(gateway: Gateway, person: Person, reason: str = "SESSION_ENDED") -> bool:
    response = await gateway.send("GET", "/v1/me", person)
    return response.status_code == 401 and response.json()["reason"] == reason


class TestRefresh:
    async def test_gives_tokens_of_the_same_session(self, gateway: Gateway, person: Person) -> None:
        answer = (await refresh(gateway, person.refresh_token)).raise_for_status()
        assert answer.headers["cache-control"] == "no-store"
        content = answer.json()
        assert content["refresh_token"] != person.refresh_token
        assert (content["token_type"], content["expires_in"]) == ("Bearer", 3600)
        assert 11 * 3600 < content["refresh_expires_in"] <= 12 * 3600
        renewed = Person(person.id, person.username, content["access_token"])
        sessions = (await gateway.send("GET", "/v1/sessions", renewed)).json()["sessions"]
        assert [session["current"] for session in sessions] == [True]

    async def test_a_reused_token_ends_the_session(self, gateway: Gateway, person: Person) -> None:
        second = (await refresh(gateway, person.refresh_token)).json()["refresh_token"]
        third = (await refresh(gateway, second)).json()["refresh_token"]
        assert_problem(await refresh(gateway, person.refresh_token), 401, "REFRESH_TOKEN_REUSED")
        assert_problem(await refresh(gateway, third), 401, "SESSION_ENDED")
        await eventually(lambda: refused(gateway, person))

    async def test_after_the_grace_the_last_token_counts_as_reused_too(self, gateway: Gateway, person: Person) -> None:
        second = (await refresh(gateway, person.refresh_token)).json()["refresh_token"]
        await gateway.execute(
            "UPDATE session SET rotate_time = rotate_time - interval '11 seconds' WHERE user_id = :id", id=person.id
        )
        assert_problem(await refresh(gateway, person.refresh_token), 401, "REFRESH_TOKEN_REUSED")
        assert_problem(await refresh(gateway, second), 401, "SESSION_ENDED")

    async def test_parallel_refreshes_of_one_client_all_give_a_successor(
        self, gateway: Gateway, neighbour: Gateway, person: Person
    ) -> None:
        answers = await asyncio.gather(
            *(refresh(process, person.refresh_token) for process in [gateway, neighbour] * 5)
        )
        assert [answer.status_code for answer in answers] == [200] * 10
        for answer in answers:
            assert (await refresh(gateway, answer.json()["refresh_token"])).status_code == 200

    async def test_of_two_siblings_the_one_left_behind_is_a_stolen_one(self, gateway: Gateway, person: Person) -> None:
        ours = (await refresh(gateway, person.refresh_token)).json()["refresh_token"]
        stolen = (await refresh(gateway, person.refresh_token)).json()["refresh_token"]
        ours = (await refresh(gateway, ours)).json()["refresh_token"]
        (await refresh(gateway, ours)).raise_for_status()
        assert_problem(await refresh(gateway, stolen), 401, "REFRESH_TOKEN_REUSED")

    @pytest.mark.parametrize("token", ["rtr_unknown", "nul\0", "ß"])
    async def test_an_unknown_token_is_refused(self, gateway: Gateway, token: str) -> None:
        assert_problem(await refresh(gateway, token), 401, "REFRESH_TOKEN_INVALID")

    async def test_names_what_is_missing(self, gateway: Gateway) -> None:
        assert_problem(await refresh(gateway, ""), 400, "INVALID_FIELDS", "refreshToken")
        response = await gateway.send("POST", "/v1/auth/token", data={"grant_type": "authorization_code"})
        assert_problem(response, 400, "INVALID_FIELDS", "grantType")

    async def test_the_session_ends_in_time_however_much_it_is_used(self, gateway: Gateway, person: Person) -> None:
        await gateway.execute(
            "UPDATE session SET expire_time = now() + interval '90 seconds' WHERE user_id = :id", id=person.id
        )
        content = (await refresh(gateway, person.refresh_token)).json()
        assert content["expires_in"] <= 90
        await gateway.execute("UPDATE session SET expire_time = now() WHERE user_id = :id", id=person.id)
        assert_problem(await refresh(gateway, content["refresh_token"]), 401, "SESSION_ENDED")
        await eventually(lambda: refused(gateway, person))

    async def test_no_token_is_kept_as_it_is(self, gateway: Gateway, person: Person) -> None:
        rows = await gateway.rows(
            "SELECT encode(digest, 'escape') FROM refresh_token JOIN session ON session.id = session_id"
            " WHERE user_id = :id",
            id=person.id,
        )
        assert len(rows) == 1
        assert person.refresh_token not in str(rows)


class TestEnd:
    async def test_a_sign_out_counts_at_once_here_and_within_a_second_elsewhere(
        self, gateway: Gateway, neighbour: Gateway, person: Person
    ) -> None:
        assert (await neighbour.send("GET", "/v1/me", person)).status_code == 200
        (await gateway.send("POST", "/v1/auth/signOut", person)).raise_for_status()
        assert await refused(gateway, person)
        await eventually(lambda: refused(neighbour, person), timeout=1.5)
        assert_problem(await refresh(gateway, person.refresh_token), 401, "SESSION_ENDED")

    async def test_ends_one_of_several(self, gateway: Gateway, person: Person) -> None:
        other = await gateway.again(person)
        sessions = (await gateway.send("GET", "/v1/sessions", person)).json()["sessions"]
        assert [session["current"] for session in sessions] == [False, True]
        (await gateway.send("DELETE", f"/v1/sessions/{sessions[0]['id']}", person)).raise_for_status()
        assert await refused(gateway, other)
        assert not await refused(gateway, person)

    async def test_nobody_ends_or_sees_a_session_of_another(self, gateway: Gateway, person: Person) -> None:
        stranger = await gateway.person()
        session_id = (await gateway.send("GET", "/v1/sessions", person)).json()["sessions"][0]["id"]
        for path in (f"/v1/sessions/{session_id}", "/v1/sessions/none"):
            assert_problem(await gateway.send("DELETE", path, stranger), 404, "SESSION_NOT_FOUND")
        response = await gateway.send("GET", "/v1/sessions", stranger, params={"userId": person.id})
        assert_problem(response, 403, "PERMISSION_MISSING")
        response = await gateway.send("POST", f"/v1/users/{person.id}:endSessions", stranger)
        assert_problem(response, 403, "PERMISSION_MISSING")
        assert not await refused(gateway, person)

    async def test_an_administrator_sees_and_ends_anyones(
        self, gateway: Gateway, neighbour: Gateway, administrator: Person, person: Person
    ) -> None:
        second, third = await gateway.again(person), await gateway.again(person)
        response = await gateway.send("GET", "/v1/sessions", administrator, params={"userId": person.id})
        sessions = response.json()["sessions"]
        assert [session["userId"] for session in sessions] == [person.id] * 3
        assert {session["address"] for session in sessions} == {"192.0.2.1"}
        (await gateway.send("DELETE", f"/v1/sessions/{sessions[0]['id']}", administrator)).raise_for_status()
        assert await refused(gateway, third)
        (await gateway.send("POST", f"/v1/users/{person.id}:endSessions", administrator)).raise_for_status()
        assert await refused(gateway, person)
        await eventually(lambda: refused(neighbour, second), timeout=1.5)
        assert not await refused(gateway, administrator)

    async def test_the_hundred_and_first_session_ends_the_oldest(self, gateway: Gateway, person: Person) -> None:
        await gateway.execute(
            "INSERT INTO session (id, user_id, method, expire_time, user_agent, address)"
            " SELECT gen_random_uuid(), :id, 'PASSWORD', now() + interval '1 hour', '', '' FROM generate_series(1, 99)",
            id=person.id,
        )
        assert not await refused(gateway, person)
        await gateway.again(person)
        rows = await gateway.rows("SELECT count(*) FROM session WHERE user_id = :id AND end_time IS NULL", id=person.id)
        assert rows[0][0] == 100


class TestUserChanges:
    @pytest.mark.parametrize("change", [{"active": False}, {"password": "another long password"}])
    async def test_who_is_barred_or_gets_a_new_password_is_refused_everywhere(
        self, gateway: Gateway, neighbour: Gateway, platform: TestPlatform, person: Person, change: dict[str, object]
    ) -> None:
        for process in (gateway, neighbour):
            assert not await refused(process, person)
        await platform.call(UPDATE_USER, user={"id": person.id, **change})
        for process in (gateway, neighbour):
            await eventually(lambda process=process: refused(process, person), timeout=1.5)  # type: ignore[misc]
        assert_problem(await refresh(gateway, person.refresh_token), 401, "SESSION_ENDED")

    async def test_who_may_sign_in_again_must(self, gateway: Gateway, platform: TestPlatform, person: Person) -> None:
        for active in (False, True):
            await platform.call(UPDATE_USER, user={"id": person.id, "active": active})
        await eventually(lambda: refused(gateway, person), timeout=1.5)
        assert (await gateway.sign_in(person.username)).status_code == 200

    async def test_a_deleted_user_is_refused(self, gateway: Gateway, platform: TestPlatform, person: Person) -> None:
        await platform.call("rotunda.access.v1.UserService.DeleteUser", id=person.id)
        await eventually(lambda: refused(gateway, person), timeout=1.5)
        assert_problem(await gateway.sign_in(person.username, PASSWORD), 401, "SIGN_IN_FAILED")

    async def test_a_role_that_is_taken_away_is_gone(
        self, gateway: Gateway, neighbour: Gateway, platform: TestPlatform, administrator: Person, person: Person
    ) -> None:
        path = f"/v1/users/{person.id}:endSessions"
        assert (await neighbour.send("POST", path, administrator)).status_code == 200
        await platform.call(UPDATE_USER, user={"id": administrator.id}, update_mask={"paths": ["role_ids"]})

        async def denied() -> bool:
            return (await neighbour.send("POST", path, administrator)).status_code == 403

        await eventually(denied, timeout=1.5)
