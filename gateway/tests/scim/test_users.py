"""Users, as identity providers keep them."""

import asyncio
from typing import Any

import pytest

from .conftest import Api
from .payloads import ENTERPRISE, patch, user

WHOLE = {
    "externalId": "4711",
    "displayName": "Ada Lovelace",
    "emails": [{"value": "home@example.com", "type": "home"}, {"value": "ada@example.com", "primary": True}],
    "preferredLanguage": "de_AT",
    "timezone": "Europe/Vienna",
}


class TestCreate:
    async def test_what_the_platform_keeps_comes_back(self, scim: Api, unique: str) -> None:
        created = await scim.create("Users", user(unique, **WHOLE | {"externalId": unique}))
        assert created == await scim.get(f"Users/{created['id']}")
        assert created["meta"].pop("created") <= created["meta"].pop("lastModified")
        location = f"https://crm.example.com/scim/v2/Users/{created['id']}"
        assert created == {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": created["id"],
            "externalId": unique,
            "meta": {"resourceType": "User", "location": location, "version": 'W/"1"'},
            "userName": unique,
            "name": {"formatted": "Ada Lovelace"},
            "displayName": "Ada Lovelace",
            "preferredLanguage": "de-AT",
            "timezone": "Europe/Vienna",
            "active": True,
            "emails": [{"value": "ada@example.com", "type": "work", "primary": True}],
        }

    async def test_it_is_a_user_of_the_api(self, scim: Api, unique: str) -> None:
        created = await scim.create("Users", user(unique, **WHOLE | {"externalId": unique}, active="False"))
        same = (await scim.client.get(f"/v1/users/{created['id']}")).json()
        assert same["username"] == unique
        assert same["language"] == "de-AT"
        assert same["active"] is False
        assert same["externalIds"] == [{"system": "scim", "id": unique}]

    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ({"displayName": "A", "name": {"formatted": "B"}}, "A"),
            ({"name": {"formatted": "B", "givenName": "C", "familyName": "D"}}, "B"),
            ({"name": {"givenName": "C", "familyName": "D"}}, "C D"),
        ],
    )
    async def test_the_name_is_the_fullest_that_is_given(
        self, scim: Api, unique: str, given: dict[str, Any], name: str
    ) -> None:
        assert (await scim.create("Users", user(unique, **given)))["displayName"] == name

    async def test_what_the_platform_does_not_keep_is_left_aside(self, scim: Api, unique: str) -> None:
        more = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
            "title": "Countess",
            "phoneNumbers": [{"value": "1"}],
            "groups": [],
            "id": "mine",
            "meta": {"resourceType": "User"},
            ENTERPRISE: {"department": "Engines", "manager": {"value": "1"}},
        }
        created = await scim.create("Users", user(unique) | more)
        assert created["id"] != "mine"
        assert not {"title", ENTERPRISE} & created.keys()

    async def test_the_same_name_in_other_letters_is_taken(self, scim: Api, unique: str) -> None:
        await scim.create("Users", user(unique))
        error = await scim.ask("POST", "Users", user(unique.upper()), status=409)
        assert error["scimType"] == "uniqueness"

    async def test_an_external_id_is_given_once(self, scim: Api, unique: str) -> None:
        await scim.create("Users", user(unique, externalId=unique))
        error = await scim.ask("POST", "Users", user(f"{unique}-2", externalId=unique), status=409)
        assert error["scimType"] == "uniqueness"

    async def test_every_wrong_attribute_is_named(self, scim: Api, unique: str) -> None:
        wrong = user(unique, emails=[{"value": "nowhere"}], timezone="Moon", preferredLanguage="?")
        error = await scim.ask("POST", "Users", wrong, status=400)
        assert error["scimType"] == "invalidValue"
        assert all(name in error["detail"] for name in ("emails", "timezone", "preferredLanguage"))

    async def test_one_without_a_name_is_refused(self, scim: Api) -> None:
        error = await scim.ask("POST", "Users", {"schemas": user("")["schemas"]}, status=400)
        assert "userName" in error["detail"]


class TestReplace:
    async def test_what_is_left_out_is_cleared_but_for_what_would_lock_out_or_lose_the_user(
        self, scim: Api, unique: str
    ) -> None:
        created = await scim.create("Users", user(unique, **WHOLE | {"externalId": unique}, active=False))
        replaced = await scim.ask("PUT", f"Users/{created['id']}", user(unique.upper(), displayName="Ada"))
        assert replaced["displayName"] == "Ada"
        assert replaced["externalId"] == unique
        assert replaced["active"] is False
        assert not {"emails", "timezone", "preferredLanguage"} & replaced.keys()

    async def test_other_external_ids_stay(self, scim: Api, unique: str) -> None:
        created = await scim.create("Users", user(unique, externalId=unique))
        path = f"/v1/users/{created['id']}"
        both = [{"system": "scim", "id": unique}, {"system": "hr", "id": unique}]
        assert (await scim.client.patch(path, json={"externalIds": both})).status_code == 200
        await scim.ask("PUT", f"Users/{created['id']}", user(unique, externalId=f"{unique}-2"))
        kept = (await scim.client.get(path)).json()["externalIds"]
        assert {each["system"]: each["id"] for each in kept} == {"hr": unique, "scim": f"{unique}-2"}

    async def test_another_name_to_sign_in_with_is_kept_in_lower_case(self, scim: Api, unique: str) -> None:
        created = await scim.create("Users", user(unique))
        replaced = await scim.ask("PUT", f"Users/{created['id']}", user(f"{unique}-Married"))
        assert replaced["userName"] == f"{unique}-married"
        assert replaced == await scim.get(f"Users/{created['id']}")

    async def test_the_name_that_another_signs_in_with_is_refused(self, scim: Api, unique: str) -> None:
        created = await scim.create("Users", user(unique))
        await scim.create("Users", user(f"{unique}-2"))
        error = await scim.ask("PUT", f"Users/{created['id']}", user(f"{unique}-2".upper()), status=409)
        assert error["scimType"] == "uniqueness"
        assert (await scim.get(f"Users/{created['id']}"))["userName"] == unique


class TestPatch:
    @pytest.mark.parametrize(
        ("operation", "changed"),
        [
            ({"op": "replace", "path": "active", "value": False}, {"active": False}),
            ({"op": "Replace", "path": "active", "value": "False"}, {"active": False}),
            ({"op": "replace", "value": {"active": False}}, {"active": False}),
            (
                {"op": "Replace", "value": {"active": "False", "displayName": "Eve"}},
                {"active": False, "displayName": "Eve"},
            ),
            ({"op": "add", "path": "displayName", "value": "Eve"}, {"displayName": "Eve"}),
            ({"op": "replace", "path": "name.formatted", "value": "Eve"}, {"displayName": "Eve"}),
            ({"op": "replace", "value": {"name.givenName": "Eve", "name.familyName": "M"}}, {"displayName": "Eve M"}),
            (
                {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "eve@example.com"},
                {"emails": [{"value": "eve@example.com", "type": "work", "primary": True}]},
            ),
            ({"op": "remove", "path": "emails"}, {"emails": None}),
            ({"op": "remove", "path": "externalId"}, {"externalId": None}),
            ({"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Engines"}, {}),
            ({"op": "Replace", "path": "title", "value": "Dr"}, {}),
            ({"op": "Replace", "path": "name.givenName", "value": "Eve"}, {}),
        ],
    )
    async def test_the_dialects_of_identity_providers(
        self, scim: Api, unique: str, operation: dict[str, Any], changed: dict[str, Any]
    ) -> None:
        created = await scim.create("Users", user(unique, **WHOLE | {"externalId": unique}))
        patched = await scim.ask("PATCH", f"Users/{created['id']}", patch(operation))
        for each in (created, patched):
            del each["meta"]
        for name, value in changed.items():
            assert patched.get(name) == value
        untouched = created.keys() - changed.keys() - {"name"}
        assert {name: patched.get(name) for name in untouched} == {name: created[name] for name in untouched}

    async def test_an_address_where_there_was_none(self, scim: Api, unique: str) -> None:
        created = await scim.create("Users", user(unique))
        operation = {"op": "Add", "path": 'emails[type eq "work"].value', "value": "ada@example.com"}
        patched = await scim.ask("PATCH", f"Users/{created['id']}", patch(operation))
        assert patched["emails"][0]["value"] == "ada@example.com"

    async def test_what_changes_nothing_makes_no_new_version(self, scim: Api, unique: str) -> None:
        created = await scim.create("Users", user(unique, **WHOLE | {"externalId": unique}))
        operation = {"op": "replace", "value": {"userName": unique.upper(), "displayName": "Ada Lovelace"}}
        patched = await scim.ask("PATCH", f"Users/{created['id']}", patch(operation))
        assert patched["meta"]["version"] == created["meta"]["version"]

    async def test_one_wrong_operation_undoes_all(self, scim: Api, unique: str) -> None:
        created = await scim.create("Users", user(unique))
        operations = patch(
            {"op": "replace", "path": "active", "value": False}, {"op": "replace", "path": "id", "value": "x"}
        )
        error = await scim.ask("PATCH", f"Users/{created['id']}", operations, status=400)
        assert error["scimType"] == "mutability"
        assert (await scim.get(f"Users/{created['id']}"))["active"] is True

    async def test_changes_at_the_same_time_all_hold(self, scim: Api, unique: str) -> None:
        created = await scim.create("Users", user(unique))
        changes = {"displayName": "Ada", "timezone": "Europe/Vienna", "preferredLanguage": "de"}
        await asyncio.gather(
            *(
                scim.ask("PATCH", f"Users/{created['id']}", patch({"op": "replace", "path": name, "value": value}))
                for name, value in changes.items()
            )
        )
        now = await scim.get(f"Users/{created['id']}")
        assert {name: now[name] for name in changes} == changes


class TestDelete:
    async def test_a_deleted_user_is_gone_and_may_come_again(self, scim: Api, unique: str) -> None:
        first = await scim.create("Users", user(unique, externalId=unique))
        await scim.ask("DELETE", f"Users/{first['id']}", status=204)
        await scim.ask("GET", f"Users/{first['id']}", status=404)
        await scim.ask("DELETE", f"Users/{first['id']}", status=404)
        assert await scim.find("Users", f'userName eq "{unique}"') == []
        second = await scim.create("Users", user(unique, externalId=unique))
        assert second["id"] != first["id"]


class TestVersions:
    async def test_a_stale_write_is_refused(self, scim: Api, unique: str) -> None:
        created = await scim.create("Users", user(unique))
        path, stale = f"Users/{created['id']}", {"if-match": created["meta"]["version"]}
        operation = patch({"op": "replace", "path": "displayName", "value": "Ada"})
        patched = await scim.ask("PATCH", path, operation, headers=stale)
        assert patched["meta"]["version"] != created["meta"]["version"]
        await scim.ask("PATCH", path, operation, headers=stale, status=412)
        await scim.ask("PUT", path, user(unique), headers=stale, status=412)
        await scim.ask("DELETE", path, headers=stale, status=412)
        await scim.ask("DELETE", path, headers={"if-match": patched["meta"]["version"]}, status=204)

    async def test_what_has_not_changed_is_not_sent_again(self, scim: Api, unique: str) -> None:
        created = await scim.create("Users", user(unique))
        known = {"if-none-match": created["meta"]["version"]}
        assert await scim.ask("GET", f"Users/{created['id']}", headers=known, status=304) is None
