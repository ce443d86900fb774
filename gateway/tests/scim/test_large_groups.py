"""Groups of thousands."""

import pytest

from .conftest import PROVISIONING, Api, SignIn
from .payloads import group, patch

SIZE = 5_000


@pytest.fixture(scope="module")
async def thousands(sign_in: SignIn) -> list[str]:
    """The ids of that many users."""
    client = await sign_in(f"{PROVISIONING[:-1]}1")
    ids: list[str] = []
    for start in range(0, SIZE, 1000):
        requests = [
            {"user": {"username": f"many-{number}", "displayName": f"Many {number}"}}
            for number in range(start, start + 1000)
        ]
        made = (await client.post("/v1/users:batchCreate", json={"requests": requests})).json()
        ids += [result["user"]["id"] for result in made["results"]]
    return ids


class TestLargeGroups:
    async def test_members_come_stay_and_go(self, scim: Api, thousands: list[str], unique: str) -> None:
        created = await scim.create("Groups", group(unique, *thousands[:-1]))
        assert len(created["members"]) == SIZE - 1
        path = f"Groups/{created['id']}"
        one_more = patch({"op": "add", "path": "members", "value": [{"value": thousands[-1]}]})
        await scim.ask("PATCH", path, one_more, status=204)
        assert await scim.members(created["id"]) == set(thousands)
        replaced = await scim.ask("PUT", path, group(unique, *thousands[1500:]))
        assert {member["value"] for member in replaced["members"]} == set(thousands[1500:])
        await scim.ask("PATCH", path, patch({"op": "remove", "path": "members"}), status=204)
        assert await scim.members(created["id"]) == set()

    async def test_the_list_of_users_has_them_all(self, scim: Api, thousands: list[str]) -> None:
        found: list[str] = []
        while True:
            page = await scim.get(
                "Users", filter='userName sw "many-"', attributes="id", startIndex=str(len(found) + 1), count="5000"
            )
            assert page["totalResults"] == SIZE
            assert page["itemsPerPage"] <= 200
            found += [each["id"] for each in page["Resources"]]
            if len(found) == SIZE:
                break
        assert found == thousands
