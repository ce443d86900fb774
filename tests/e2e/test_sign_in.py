"""Signing in by username and password, and what one may do then."""

import httpx
import pytest

from rotunda_kit.identity import ADMINISTRATOR
from rotunda_local.platform import Platform

from .problems import assert_problem
from .records import Fields, Records
from .reflection import Catalogue, Kind
from .rest import Rest

PASSWORD = "correct horse battery"


def sign_in(anonymous: httpx.Client, username: str, password: str = PASSWORD) -> httpx.Response:
    return anonymous.post("/v1/auth/token", data={"username": username, "password": password})


@pytest.fixture
def user(records: Records) -> Fields:
    """Someone who is no administrator, and can sign in."""
    return records.create("access.user", password=PASSWORD)


@pytest.fixture
def token(anonymous: httpx.Client, user: Fields) -> str:
    """The user's."""
    return str(sign_in(anonymous, user["username"]).raise_for_status().json()["access_token"])


class TestSignIn:
    def test_gives_an_access_token(self, anonymous: httpx.Client, user: Fields) -> None:
        response = sign_in(anonymous, user["username"])
        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
        assert (response.json()["token_type"], response.json()["expires_in"]) == ("Bearer", 3600)

    def test_knows_a_username_in_any_case(self, anonymous: httpx.Client, user: Fields) -> None:
        assert user["username"] == user["username"].lower()
        assert sign_in(anonymous, user["username"].upper()).status_code == 200

    def test_says_the_same_of_a_wrong_password_and_an_unknown_user(
        self, anonymous: httpx.Client, user: Fields, records: Records
    ) -> None:
        without_password = records.create("access.user")["username"]
        told = []
        for username, password in (
            (user["username"], "wrong"),
            (user["username"], PASSWORD + " "),
            ("nobody", PASSWORD),
            (without_password, "None"),
            ("' OR true --", "' OR true --"),
            ("nul\0", "nul\0"),
        ):
            problem = assert_problem(sign_in(anonymous, username, password), 401, "SIGN_IN_FAILED")
            told.append((problem["detail"], problem["code"]))
        assert len(set(told)) == 1

    def test_names_what_is_missing(self, anonymous: httpx.Client) -> None:
        assert_problem(anonymous.post("/v1/auth/token", data={}), 400, naming=["username", "password"])
        assert_problem(anonymous.post("/v1/auth/token", json={"username": "a", "password": "b"}), 400)
        assert_problem(sign_in(anonymous, "a" * 256, "b" * 1025), 400, naming=["username", "password"])

    def test_a_user_who_is_not_active_can_not_sign_in(
        self, anonymous: httpx.Client, rest: Rest, catalogue: Catalogue, user: Fields
    ) -> None:
        rest.ok(catalogue.of("access.user", Kind.UPDATE), {"id": user["id"]}, {"active": False})
        assert_problem(sign_in(anonymous, user["username"]), 401, "SIGN_IN_FAILED")

    def test_a_new_password_replaces_the_old_one(
        self, anonymous: httpx.Client, rest: Rest, catalogue: Catalogue, user: Fields
    ) -> None:
        rest.ok(catalogue.of("access.user", Kind.UPDATE), {"id": user["id"]}, {"password": "another long one"})
        assert_problem(sign_in(anonymous, user["username"]), 401, "SIGN_IN_FAILED")
        assert sign_in(anonymous, user["username"], "another long one").status_code == 200

    def test_a_short_password_is_refused(self, rest: Rest, catalogue: Catalogue, user: Fields) -> None:
        response = rest.send(catalogue.of("access.user", Kind.UPDATE), {"id": user["id"]}, {"password": "x" * 11})
        assert_problem(response, 400, "PASSWORD_TOO_SHORT", ["password"])


class TestMe:
    def test_is_who_signed_in(self, client: httpx.Client, platform: Platform) -> None:
        me = client.get("/v1/me").raise_for_status().json()
        assert (me["username"], me["roleIds"]) == (platform.access.username, [ADMINISTRATOR])

    def test_shows_no_password(self, anonymous: httpx.Client, user: Fields, token: str) -> None:
        me = anonymous.get("/v1/me", headers={"Authorization": f"Bearer {token}"}).raise_for_status().json()
        assert me["id"] == user["id"]
        assert not [name for name in me if "password" in name.lower()]

    def test_asks_for_a_token(self, anonymous: httpx.Client) -> None:
        assert_problem(anonymous.get("/v1/me"), 401, "TOKEN_MISSING")


class TestPermissions:
    def test_who_has_no_role_may_do_nothing(
        self, rest: Rest, catalogue: Catalogue, records: Records, user: Fields, token: str
    ) -> None:
        create, update, delete = (catalogue.of("access.user", kind) for kind in (Kind.CREATE, Kind.UPDATE, Kind.DELETE))
        variables = {"id": user["id"]}
        for response in (
            rest.send(create, {}, records.body("access.user"), token=token),
            rest.send(update, variables, {"roleIds": [ADMINISTRATOR]}, token=token),
            rest.send(delete, variables, token=token),
            rest.send(catalogue.of("customers.account", Kind.LIST), {}, token=token),
        ):
            assert_problem(response, 403, "PERMISSION_MISSING")
        assert records.get("access.user", user["id"])["roleIds"] == []

    def test_the_last_administrator_stays(self, client: httpx.Client) -> None:
        me = client.get("/v1/me").raise_for_status().json()
        others = client.get("/v1/users", params={"filter": f'roleIds:"{ADMINISTRATOR}" AND id != "{me["id"]}"'}).json()
        for other in others["users"]:
            client.patch(f"/v1/users/{other['id']}", json={"roleIds": []}).raise_for_status()
        bodies: list[Fields] = [{"roleIds": []}, {"active": False}]
        for body in bodies:
            assert_problem(client.patch(f"/v1/users/{me['id']}", json=body), 409, "LAST_ADMINISTRATOR")
        assert_problem(client.delete(f"/v1/users/{me['id']}"), 409, "LAST_ADMINISTRATOR")
