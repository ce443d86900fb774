"""Filters, orders and pages."""

from typing import Any

import pytest

from rotunda_gateway.scim import paging

from .conftest import Api
from .payloads import group, user


class TestFilter:
    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ('userName eq "N-ADA"', "a"),
            ('UserName EQ "N-ada"', "a"),
            ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "N-ada"', "a"),
            ('userName ne "N-ada"', "et"),
            ('userName co "-ad"', "a"),
            ('userName ew "a"', "a"),
            ('displayName eq "Eve * \\"\\\\"', "e"),
            ('displayName eq "Eve *"', ""),
            ('displayName co "* \\"\\\\"', "e"),
            ('displayName co "VE *"', "e"),
            ('displayName sw "Eve *"', "e"),
            ('displayName sw "E*"', ""),
            ('displayName gt "B" and displayName lt "F"', "e"),
            ('displayName ge "Ada" and displayName le "Ada"', "a"),
            ('emails eq "ada@example.com"', "a"),
            ('emails.value sw "ada@"', "a"),
            ('emails[type eq "work" and value eq "ada@example.com"]', "a"),
            ('emails[type eq "home" and value eq "ada@example.com"]', ""),
            ("emails[primary eq true]", "a"),
            ("emails pr", "a"),
            ("not (emails pr)", "et"),
            ("emails eq null", "et"),
            ("active eq true", "ae"),
            ('active eq "False"', "t"),
            ("active ne true", "t"),
            ('externalId eq "x-N"', "a"),
            ('externalId eq "hr-N"', ""),
            ('externalId eq "hr-N" and active eq true', ""),
            ('externalId ne "x-N"', "et"),
            ("externalId pr", "a"),
            ('id eq "A"', "a"),
            ('id eq "no id"', ""),
            ('id ne "no id"', "aet"),
            ('preferredLanguage eq "de"', "a"),
            (
                'meta.created gt "2020-01-01T00:00:00Z" and meta.lastModified lt "2100-01-01T00:00:00.1234567+02:00"',
                "aet",
            ),
            ('meta.lastModified lt "2020-01-01T00:00:00"', ""),
            ('userName eq "N-ada" or displayName eq "Tom" and active eq true', "a"),
            ('(userName eq "N-ada" or displayName eq "Tom") and active eq false', "t"),
            ('not (userName eq "N-ada" or active eq false)', "e"),
        ],
    )
    async def test_of_users(self, scim: Api, people: dict[str, str], condition: str, expected: str) -> None:
        name = people["name"]
        condition = condition.replace("N-", f"{name}-").replace("-N", f"-{name}").replace('"A"', f'"{people["a"]}"')
        found = await scim.find("Users", f'userName sw "{name}" and ({condition})')
        assert set(found) == {people[letter] for letter in expected}

    async def test_of_groups(self, scim: Api, people: dict[str, str], unique: str) -> None:
        made = await scim.create("Groups", group(unique, people["a"], externalId=unique))
        other = await scim.create("Groups", group(f"{unique}-2", people["e"]))
        for condition, expected in (
            (f'displayName eq "{unique}"', [made]),
            (f'displayName sw "{unique}"', [made, other]),
            (f'externalId eq "{unique}"', [made]),
            (f'members eq "{people["a"]}" and displayName sw "{unique}"', [made]),
            (f'id eq "{made["id"]}" and members.value eq "{people["e"]}"', []),
            (f'id eq "{other["id"]}" and members[value eq "{people["e"]}"]', [other]),
            ('members eq "nobody"', []),
        ):
            assert await scim.find("Groups", condition) == [each["id"] for each in expected]
        assert set(await scim.find("Users", f'groups.value eq "{made["id"]}"')) == {people["a"]}

    @pytest.mark.parametrize(
        "condition",
        [
            "userName",
            'userName eq "a" and',
            'userName like "a"',
            'nobody eq "a"',
            'password eq "a"',
            'groups co "a"',
            "active gt true",
            "userName eq 1",
            'active eq "maybe"',
            'meta.created gt "yesterday"',
            'userName eq "\\u0000"',
            "not (" * 60 + "active eq true" + ")" * 60,
            " or ".join(["active eq true"] * 300),
        ],
    )
    async def test_a_wrong_one_is_refused(self, scim: Api, condition: str) -> None:
        error = await scim.ask("GET", "Users", parameters={"filter": condition}, status=400)
        assert error["scimType"] == "invalidFilter"


class TestPages:
    async def test_every_result_is_on_one_page(self, scim: Api, unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotunda_gateway.scim.directory.BATCH", 3)
        users = await scim.users(8, unique)
        for count in (1, 2, 3, 7, 8, 9):
            found: list[str] = []
            while len(found) < 8:
                page = await self._page(scim, unique, startIndex=len(found) + 1, count=count)
                assert page["totalResults"] == 8
                assert page["startIndex"] == len(found) + 1
                assert len(page["Resources"]) == page["itemsPerPage"] == min(count, 8 - len(found))
                found += [each["id"] for each in page["Resources"]]
            assert found == users

    async def test_a_page_that_nobody_has_read_up_to_is_found(
        self, scim: Api, unique: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rotunda_gateway.scim.directory.BATCH", 3)
        users = await scim.users(8, unique)
        page = await self._page(scim, unique, startIndex=5, count=3)
        assert [each["id"] for each in page["Resources"]] == users[4:7]
        assert page["totalResults"] == 8

    async def test_counts_beyond_the_bounds(self, scim: Api, unique: str) -> None:
        users = await scim.users(2, unique)
        none = await self._page(scim, unique, count=0)
        assert (none["totalResults"], none["Resources"]) == (2, [])
        assert (await self._page(scim, unique, count=-5))["itemsPerPage"] == 0
        assert (await self._page(scim, unique, startIndex=9))["Resources"] == []
        all_of_them = await self._page(scim, unique, startIndex=-1, count=1_000_000)
        assert [each["id"] for each in all_of_them["Resources"]] == users

    async def test_the_first_page_counts_anew(self, scim: Api, unique: str) -> None:
        await scim.users(1, unique)
        assert (await self._page(scim, unique))["totalResults"] == 1
        await scim.create("Users", user(f"{unique}-more"))
        assert (await self._page(scim, unique))["totalResults"] == 2

    async def test_a_list_without_end_is_refused(self, scim: Api, unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotunda_gateway.scim.directory.BATCH", 1)
        monkeypatch.setattr(paging, "MOST_PAGES", 3)
        await scim.users(4, unique)
        parameters = {"filter": f'userName sw "{unique}"'}
        error = await scim.ask("GET", "Users", parameters=parameters, status=400)
        assert error["scimType"] == "tooMany"

    async def _page(self, scim: Api, unique: str, **parameters: Any) -> Any:
        texts = {name: str(value) for name, value in parameters.items()}
        return await scim.get("Users", filter=f'userName sw "{unique}"', **texts)


class TestOrder:
    async def test_by_name_both_ways(self, scim: Api, people: dict[str, str]) -> None:
        for direction, expected in (("ascending", "aet"), ("descending", "tea")):
            page = await scim.get(
                "Users", filter=f'userName sw "{people["name"]}"', sortBy="displayName", sortOrder=direction
            )
            assert [each["id"] for each in page["Resources"]] == [people[letter] for letter in expected]

    async def test_by_what_can_not_be_sorted_is_refused(self, scim: Api) -> None:
        await scim.ask("GET", "Users", parameters={"sortBy": "emails"}, status=400)
        await scim.ask("GET", "Groups", parameters={"sortBy": "members"}, status=400)


class TestAttributes:
    async def test_only_what_is_asked_for_comes(self, scim: Api, people: dict[str, str]) -> None:
        one = await scim.get(f"Users/{people['a']}", attributes="userName,emails.value")
        assert one.keys() == {"schemas", "id", "userName", "emails"}
        assert one["emails"] == [{"value": "ada@example.com"}]

    async def test_what_is_excluded_stays_away(self, scim: Api, people: dict[str, str], unique: str) -> None:
        made = await scim.create("Groups", group(unique, people["a"]))
        one = await scim.get(f"Groups/{made['id']}", excludedAttributes="members")
        assert one.keys() == {"schemas", "id", "meta", "displayName"}
        listed = await scim.get("Groups", filter=f'displayName eq "{unique}"', excludedAttributes="members")
        assert "members" not in listed["Resources"][0]

    async def test_search_by_post(self, scim: Api, people: dict[str, str]) -> None:
        search = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": f'id eq "{people["a"]}"',
            "attributes": ["displayName"],
        }
        found = await scim.ask("POST", "Users/.search", search)
        assert found["Resources"][0]["displayName"] == "Ada"


@pytest.fixture
async def people(scim: Api, unique: str) -> dict[str, str]:
    """Ada, Eve and Tom: their ids by their first letters, and the `name` that all begin with."""
    ada = await scim.create(
        "Users",
        user(
            f"{unique}-ada",
            displayName="Ada",
            externalId=f"x-{unique}",
            emails=[{"value": "ada@example.com"}],
            preferredLanguage="de",
        ),
    )
    eve = await scim.create("Users", user(f"{unique}-eve", displayName='Eve * "\\'))
    both = {"externalIds": [{"system": "scim", "id": f"x-{unique}"}, {"system": "hr", "id": f"hr-{unique}"}]}
    assert (await scim.client.patch(f"/v1/users/{ada['id']}", json=both)).status_code == 200
    tom = await scim.create("Users", user(f"{unique}-tom", displayName="Tom", active=False))
    return {"name": unique, "a": ada["id"], "e": eve["id"], "t": tom["id"]}
