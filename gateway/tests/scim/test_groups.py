"""Groups and their members, as identity providers keep them."""

import asyncio
from typing import Any

import pytest

from .conftest import Api
from .payloads import group, patch


class TestCreate:
    async def test_members_come_back(self, scim: Api, unique: str) -> None:
        [ada, eve] = await scim.users(2, unique)
        created = await scim.create("Groups", group(unique, ada, eve, externalId=unique))
        assert created["externalId"] == unique
        [first] = [member for member in created["members"] if member["value"] == ada]
        place = f"https://crm.example.com/scim/v2/Users/{ada}"
        assert first == {"value": ada, "$ref": place, "display": f"{unique}-0", "type": "User"}
        [membership] = (await scim.get(f"Users/{ada}"))["groups"]
        assert membership["value"] == created["id"]
        assert membership["display"] == unique

    async def test_a_group_with_a_member_that_there_is_not_is_not_made(self, scim: Api, unique: str) -> None:
        stranger = "01920000-0000-7000-8000-000000000000"
        error = await scim.ask("POST", "Groups", group(unique, stranger), status=400)
        assert error["scimType"] == "invalidValue"
        assert await scim.find("Groups", f'displayName eq "{unique}"') == []

    async def test_what_is_no_id_is_no_member(self, scim: Api, unique: str) -> None:
        error = await scim.ask("POST", "Groups", group(unique, "ada"), status=400)
        assert error["scimType"] == "invalidValue"


class TestPatch:
    @pytest.mark.parametrize(
        ("operation", "expected"),
        [
            ({"op": "add", "path": "members", "value": [{"value": "C"}]}, "ABC"),
            ({"op": "Add", "path": "members", "value": [{"value": "A"}, {"value": "C"}]}, "ABC"),
            ({"op": "add", "path": "members", "value": {"value": "C"}}, "ABC"),
            ({"op": "add", "value": {"members": [{"value": "C"}]}}, "ABC"),
            ({"op": "remove", "path": 'members[value eq "A"]'}, "B"),
            ({"op": "remove", "path": 'members[value eq "A" or value eq "B"]'}, ""),
            ({"op": "remove", "path": 'members[value eq "C"]'}, "AB"),
            ({"op": "Remove", "path": "members", "value": [{"value": "A"}]}, "B"),
            ({"op": "remove", "path": "members", "value": [{"value": "nobody"}]}, "AB"),
            ({"op": "remove", "path": "members"}, ""),
            ({"op": "replace", "path": "members", "value": [{"value": "C"}]}, "C"),
            ({"op": "Replace", "value": {"members": [{"value": "B"}, {"value": "C"}], "displayName": "new"}}, "BC"),
            ({"op": "replace", "path": "members", "value": []}, ""),
        ],
    )
    async def test_members_come_and_go(self, scim: Api, unique: str, operation: dict[str, Any], expected: str) -> None:
        ids = dict(zip("ABC", await scim.users(3, unique), strict=True))
        created = await scim.create("Groups", group(unique, ids["A"], ids["B"]))
        await scim.ask("PATCH", f"Groups/{created['id']}", patch(_named(operation, ids)), status=204)
        assert await scim.members(created["id"]) == {ids[name] for name in expected}

    async def test_the_operations_follow_each_other(self, scim: Api, unique: str) -> None:
        [ada, eve] = await scim.users(2, unique)
        created = await scim.create("Groups", group(unique, ada))
        operations = patch(
            {"op": "remove", "path": "members"},
            {"op": "add", "path": "members", "value": [{"value": eve}, {"value": ada}]},
            {"op": "remove", "path": f'members[value eq "{ada}"]'},
            {"op": "replace", "path": "displayName", "value": f"{unique}-2"},
        )
        patched = await scim.ask(
            "PATCH", f"Groups/{created['id']}", operations, parameters={"attributes": "displayName,members"}
        )
        assert patched["displayName"] == f"{unique}-2"
        assert [member["value"] for member in patched["members"]] == [eve]

    async def test_a_wrong_operation_leaves_the_members_alone(self, scim: Api, unique: str) -> None:
        [ada] = await scim.users(1, unique)
        created = await scim.create("Groups", group(unique, ada))
        for wrong in (
            {"op": "replace", "path": "displayName", "value": None},
            {"op": "replace", "path": f'members[value eq "{ada}"].display', "value": "x"},
            {"op": "add", "path": "members.value", "value": ada},
            {"op": "remove", "path": 'members[display sw "a"]'},
            {"op": "jump"},
        ):
            both = patch({"op": "remove", "path": "members"}, wrong)
            await scim.ask("PATCH", f"Groups/{created['id']}", both, status=400)
        assert await scim.members(created["id"]) == {ada}

    async def test_a_path_may_name_the_whole_schema(self, scim: Api, unique: str) -> None:
        created = await scim.create("Groups", group(unique))
        schema = "urn:ietf:params:scim:schemas:core:2.0:Group"
        operation = {"op": "replace", "path": schema, "value": {"displayName": f"{unique}-2"}}
        await scim.ask("PATCH", f"Groups/{created['id']}", patch(operation), status=204)
        assert (await scim.get(f"Groups/{created['id']}"))["displayName"] == f"{unique}-2"

    async def test_members_added_at_the_same_time_are_all_in(self, scim: Api, unique: str) -> None:
        users = await scim.users(8, unique)
        created = await scim.create("Groups", group(unique))
        path = f"Groups/{created['id']}"
        await asyncio.gather(
            *(
                scim.ask("PATCH", path, patch({"op": "add", "path": "members", "value": [{"value": each}]}), status=204)
                for each in users + users
            )
        )
        assert await scim.members(created["id"]) == set(users)

    async def test_a_stale_write_is_refused(self, scim: Api, unique: str) -> None:
        [ada] = await scim.users(1, unique)
        created = await scim.create("Groups", group(unique))
        stale = {"if-match": created["meta"]["version"]}
        operation = patch({"op": "add", "path": "members", "value": [{"value": ada}]})
        await scim.ask("PATCH", f"Groups/{created['id']}", operation, headers=stale, status=204)
        await scim.ask("PATCH", f"Groups/{created['id']}", operation, headers=stale, status=412)


class TestReplace:
    async def test_members_are_those_that_are_named(self, scim: Api, unique: str) -> None:
        [ada, eve, tom] = await scim.users(3, unique)
        created = await scim.create("Groups", group(unique, ada, eve, externalId=unique))
        replaced = await scim.ask("PUT", f"Groups/{created['id']}", group(f"{unique}-2", eve, tom))
        assert replaced["displayName"] == f"{unique}-2"
        assert replaced["externalId"] == unique
        assert {member["value"] for member in replaced["members"]} == {eve, tom}

    async def test_roles_of_a_group_stay(self, scim: Api, unique: str) -> None:
        auditor = "00000000-0000-7000-8000-000000000006"
        made = await scim.client.post("/v1/groups", json={"displayName": unique, "roleIds": [auditor]})
        group_id = made.json()["id"]
        await scim.ask("PUT", f"Groups/{group_id}", group(f"{unique}-2"))
        assert (await scim.client.get(f"/v1/groups/{group_id}")).json()["roleIds"] == [auditor]


class TestDelete:
    async def test_a_deleted_group_is_gone_from_its_members(self, scim: Api, unique: str) -> None:
        [ada] = await scim.users(1, unique)
        created = await scim.create("Groups", group(unique, ada))
        await scim.ask("DELETE", f"Groups/{created['id']}", status=204)
        await scim.ask("GET", f"Groups/{created['id']}", status=404)
        assert "groups" not in await scim.get(f"Users/{ada}")


def _named(content: Any, ids: dict[str, str]) -> Any:
    """The same with users' ids where they stand as letters."""
    if isinstance(content, dict):
        return {key: _named(value, ids) for key, value in content.items()}
    if isinstance(content, list):
        return [_named(each, ids) for each in content]
    for letter, user_id in ids.items():
        if content == letter:
            return user_id
        if isinstance(content, str):
            content = content.replace(f'"{letter}"', f'"{user_id}"')
    return content
