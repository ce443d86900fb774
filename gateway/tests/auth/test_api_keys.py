"""API keys: what machines sign in with."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotunda_gateway.access.api_keys.secret import PREFIX, key_id_of, new_api_key
from rotunda_gateway.auth.sessions import AUDIENCE
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.model import new_id
from rotunda_kit.testing.platform import TestPlatform
from rotunda_kit.testing.waiting import eventually

from .conftest import Gateway, Person, assert_problem

PATH = "/v1/apiKeys"


async def create(gateway: Gateway, person: Person, **fields: Any) -> httpx.Response:
    headers = fields.pop("headers", {})
    body = {"displayName": "ERP", "scopes": ["*"], **fields}
    return await gateway.send("POST", PATH, person, json=body, headers=headers)


async def with_key(gateway: Gateway, secret: str, path: str = "/v1/users?pageSize=1") -> httpx.Response:
    return await gateway.send("GET", path, headers={"Authorization": f"Bearer {secret}"})


async def refused(gateway: Gateway, secret: str) -> bool:
    response = await with_key(gateway, secret)
    return response.status_code == 401 and response.json()["reason"] == "API_KEY_INVALID"


@pytest.fixture
async def keeper(gateway: Gateway, platform: TestPlatform) -> Person:
    """Someone who may see users, and make API keys of his own."""
    role = {
        "display_name": f"Keeper {new_id()}",
        "grants": [
            {"resource": "access.apiKeys", "actions": ["*"], "scope": "SCOPE_OWN"},
            {"resource": "access.users", "actions": ["read"], "scope": "SCOPE_ALL"},
        ],
    }
    answer = await platform.call("rotunda.access.v1.RoleService.CreateRole", role=role)
    keeper = await gateway.person(role_ids=[answer.role.id])

    async def allowed() -> bool:
        return (await gateway.send("GET", PATH, keeper)).status_code == 200

    # The roles of others come by events.
    await eventually(allowed)
    return keeper


class TestCreate:
    async def test_the_secret_is_shown_once(self, gateway: Gateway, administrator: Person) -> None:
        headers = {"Idempotency-Key": str(new_id())}
        created = (await create(gateway, administrator, headers=headers)).raise_for_status().json()
        assert created["secret"].startswith(created["prefix"])
        assert created["userId"] == administrator.id
        again = (await create(gateway, administrator, headers=headers)).raise_for_status().json()
        assert again == {name: value for name, value in created.items() if name != "secret"}
        got = (await gateway.send("GET", f"{PATH}/{created['id']}", administrator)).json()
        assert "secret" not in got

    async def test_the_secret_is_kept_nowhere(self, gateway: Gateway, administrator: Person) -> None:
        secret = (await create(gateway, administrator)).json()["secret"]
        for table in ("api_key", "idempotency", "outbox"):
            rows = await gateway.rows(f"SELECT {table}::text FROM {table}")
            text = secret.removeprefix(PREFIX)
            assert all(text not in row[0] and text.encode().hex() not in row[0] for row in rows), table

    @pytest.mark.parametrize("scope", ["customers.accounts.fly", "customers", "*.read", ""])
    async def test_a_scope_must_mean_something(self, gateway: Gateway, administrator: Person, scope: str) -> None:
        response = await create(gateway, administrator, scopes=["customers.*", scope])
        assert_problem(response, 400, "INVALID_FIELDS", "scopes[1]")

    async def test_only_an_administrator_makes_one_for_another(
        self, gateway: Gateway, administrator: Person, keeper: Person
    ) -> None:
        assert (await create(gateway, administrator, userId=keeper.id)).json()["userId"] == keeper.id
        assert (await create(gateway, keeper)).json()["userId"] == keeper.id
        assert_problem(await create(gateway, keeper, userId=administrator.id), 403, "ACTING_NOT_ALLOWED")

    async def test_no_key_makes_another(self, gateway: Gateway, administrator: Person, person: Person) -> None:
        secret = (await create(gateway, administrator)).json()["secret"]
        machine = Person(administrator.id, "", secret)
        assert_problem(await create(gateway, machine), 403, "SESSION_REQUIRED")
        other = await gateway.person(role_ids=[ADMINISTRATOR])
        acting = {"Rotunda-On-Behalf-Of": other.id}
        assert_problem(await create(gateway, administrator, headers=acting), 403, "SESSION_REQUIRED")


class TestUse:
    async def test_it_has_the_rights_of_its_user(self, gateway: Gateway, keeper: Person) -> None:
        secret = (await create(gateway, keeper)).json()["secret"]
        assert (await with_key(gateway, secret, "/v1/me")).json()["id"] == keeper.id
        assert (await with_key(gateway, secret)).status_code == 200
        assert_problem(await with_key(gateway, secret, "/v1/teams"), 403, "PERMISSION_MISSING")

    async def test_it_goes_no_further_than_its_scopes(self, gateway: Gateway, administrator: Person) -> None:
        secret = (await create(gateway, administrator, scopes=["access.teams.*"])).json()["secret"]
        assert (await with_key(gateway, secret, "/v1/teams")).status_code == 200
        assert_problem(await with_key(gateway, secret), 403, "PERMISSION_MISSING")

    async def test_its_scopes_hold_on_behalf_of_others_too(self, gateway: Gateway, administrator: Person) -> None:
        other = await gateway.person(role_ids=[ADMINISTRATOR])
        scopes = ["access.users.actAs", "access.teams.read"]
        machine = Person("", "", (await create(gateway, administrator, scopes=scopes)).json()["secret"])
        acting = {"Rotunda-On-Behalf-Of": other.id}
        assert (await gateway.send("GET", "/v1/teams", machine, headers=acting)).status_code == 200
        response = await gateway.send("GET", "/v1/users", machine, headers=acting)
        assert_problem(response, 403, "PERMISSION_MISSING")

    async def test_it_is_for_no_credentials(self, gateway: Gateway, administrator: Person) -> None:
        secret = (await create(gateway, administrator)).json()["secret"]
        assert_problem(await with_key(gateway, secret, "/v1/sessions"), 403, "SESSION_REQUIRED")

    async def test_its_use_is_noted(self, gateway: Gateway, administrator: Person) -> None:
        created = (await create(gateway, administrator)).json()
        assert "lastUseTime" not in created
        await with_key(gateway, created["secret"])

        async def noted() -> bool:
            key = (await gateway.send("GET", f"{PATH}/{created['id']}", administrator)).json()
            return "lastUseTime" in key and key["etag"] == created["etag"]

        await eventually(noted)

    async def test_another_secret_of_the_same_id_is_refused(self, gateway: Gateway, administrator: Person) -> None:
        created = (await create(gateway, administrator)).json()
        forged = new_api_key(UUID(created["id"]))
        for _ in range(2):
            assert await refused(gateway, forged)
            assert (await with_key(gateway, created["secret"])).status_code == 200

    async def test_no_other_credential_passes_for_one(
        self, gateway: Gateway, platform: TestPlatform, administrator: Person
    ) -> None:
        created = (await create(gateway, administrator)).json()
        token = platform.issuer.mint(AUDIENCE, 60, {"sub": administrator.id, "sid": created["id"]})
        assert_problem(await with_key(gateway, token), 401, "SESSION_ENDED")
        sessions = (await gateway.send("GET", "/v1/sessions", administrator)).json()["sessions"]
        for other in (sessions[0]["id"], administrator.id):
            assert await refused(gateway, new_api_key(UUID(other)))

    @pytest.mark.parametrize("secret", ["rtk_", "rtk_x", "rtk_ß", new_api_key(new_id())[:-1] + "!"])
    async def test_what_is_no_key_is_refused(self, gateway: Gateway, secret: str) -> None:
        response = await gateway.send("GET", "/v1/users", headers={b"authorization": f"Bearer {secret}".encode()})
        assert_problem(response, 401, "API_KEY_INVALID")

    @given(place=st.integers(0, 58), letter=st.sampled_from("ABCabc019-_"))
    def test_a_mistyped_key_is_told_without_the_database(self, place: int, letter: str) -> None:
        key_id = new_id()
        secret = new_api_key(key_id)
        at = len(PREFIX) + place
        mistyped = secret[:at] + letter + secret[at + 1 :]
        assert key_id_of(secret) == str(key_id)
        # The last letter has bits to spare.
        assert key_id_of(mistyped) is None or mistyped == secret or place == 58


class TestEnd:
    @pytest.mark.parametrize("end", ["revoke", "delete", "expire", "deactivate"])
    async def test_an_ended_key_is_refused_everywhere(
        self, gateway: Gateway, neighbour: Gateway, platform: TestPlatform, administrator: Person, end: str
    ) -> None:
        owner = await gateway.person(role_ids=[ADMINISTRATOR])
        key = (await create(gateway, administrator, userId=owner.id)).json()
        path = f"{PATH}/{key['id']}"
        for process in (gateway, neighbour):
            assert (await with_key(process, key["secret"])).status_code == 200
        if end == "revoke":
            (await gateway.send("POST", f"{path}:revoke", administrator, json={})).raise_for_status()
        elif end == "delete":
            (await gateway.send("DELETE", path, administrator)).raise_for_status()
        elif end == "expire":
            body = {"expireTime": "2020-01-01T00:00:00Z"}
            (await gateway.send("PATCH", path, administrator, json=body)).raise_for_status()
        else:
            await platform.call("rotunda.access.v1.UserService.UpdateUser", user={"id": owner.id, "active": False})
        await asyncio.gather(
            *(eventually(lambda each=each: refused(each, key["secret"]), timeout=1.5) for each in (gateway, neighbour))  # type: ignore[misc]
        )

    async def test_a_revoked_key_stays_revoked(self, gateway: Gateway, administrator: Person) -> None:
        path = f"{PATH}/{(await create(gateway, administrator)).json()['id']}:revoke"
        assert "revokeTime" in (await gateway.send("POST", path, administrator, json={})).json()
        assert_problem(await gateway.send("POST", path, administrator, json={}), 409, "API_KEY_REVOKED")
