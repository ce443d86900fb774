"""Who a customer is, and the people that belong to him: beyond what the conventions say of every field."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from .problems import assert_problem
from .records import Fields, Records

PAST = {"startDate": {"year": 2020, "month": 1, "day": 1}, "endDate": {"year": 2022, "month": 6, "day": 30}}


def found(client: httpx.Client, nouns: str, **query: str) -> set[str]:
    """The ids of the records that a list shows."""
    answer = client.get(f"/v1/{nouns}", params=query)
    assert answer.status_code == 200, answer.text
    return {record["id"] for record in answer.json()[nouns]}


@pytest.fixture
def accounts(records: Records) -> list[Fields]:
    return [records.create("customers.account") for _ in range(3)]


@pytest.fixture
def contact(records: Records, accounts: list[Fields]) -> Fields:
    """Somebody at the first account, who belongs to the second, too, and once belonged to the third."""
    roles = [{"accountId": accounts[1]["id"], "role": "Member of the board"}, {"accountId": accounts[2]["id"], **PAST}]
    return records.create("customers.contact", accountId=accounts[0]["id"], accountRoles=roles)


class TestContactsOfSeveralAccounts:
    def test_are_found_by_each_of_them(self, client: httpx.Client, contact: Fields, accounts: list[Fields]) -> None:
        first, second, third = (account["id"] for account in accounts)
        assert found(client, "contacts", filter=f'accountId = "{first}"') == {contact["id"]}
        assert found(client, "contacts", filter=f'accountRoles.accountId = "{second}"') == {contact["id"]}
        either = f'accountId = "{third}" OR accountRoles.accountId = "{third}"'
        assert found(client, "contacts", filter=either) == {contact["id"]}

    def test_stand_in_the_view_of_each_of_them(
        self, client: httpx.Client, contact: Fields, accounts: list[Fields]
    ) -> None:
        for account in accounts:
            view = client.get(f"/v1/accounts/{account['id']}/360").json()
            (section,) = [each for each in view["sections"] if each["name"] == "contacts"]
            assert [shown["id"] for shown in section["data"]["contacts"]] == [contact["id"]]

    def test_may_come_back_to_one_later(self, client: httpx.Client, contact: Fields, accounts: list[Fields]) -> None:
        again = {"accountId": accounts[2]["id"], "startDate": {"year": 2022, "month": 7, "day": 1}}
        answer = client.patch(f"/v1/contacts/{contact['id']}", json={"accountRoles": [*contact["accountRoles"], again]})
        assert answer.json()["accountRoles"] == [*contact["accountRoles"], again]

    @pytest.mark.parametrize(
        ("roles", "field"),
        [
            ([PAST, {"startDate": {"year": 2022, "month": 6, "day": 30}}], "accountRoles[1].accountId"),
            ([{}, PAST], "accountRoles[1].accountId"),
            ([{"startDate": PAST["endDate"], "endDate": PAST["startDate"]}], "accountRoles[0].endDate"),
        ],
    )
    def test_have_one_role_at_a_time_at_each(
        self, client: httpx.Client, accounts: list[Fields], roles: list[Fields], field: str
    ) -> None:
        at = [role | {"accountId": accounts[0]["id"]} for role in roles]
        answer = client.post("/v1/contacts", json={"lastName": "Canarysson", "accountRoles": at})
        assert_problem(answer, 400, naming=[f"contact.{field}" if "contact." in answer.text else field])


class TestPrimaryContact:
    def name(self, client: httpx.Client, account: Fields, contact: Fields) -> httpx.Response:
        return client.patch(f"/v1/accounts/{account['id']}", json={"primaryContactId": contact["id"]})

    def shown(self, client: httpx.Client, account: Fields) -> Any:
        return client.get(f"/v1/accounts/{account['id']}").json().get("primaryContactId")

    def test_belongs_to_the_account_in_any_way(
        self, client: httpx.Client, contact: Fields, accounts: list[Fields]
    ) -> None:
        for account in accounts[:2]:
            answer = self.name(client, account, contact)
            assert answer.status_code == 200, answer.text
            assert answer.json()["primaryContactDisplayName"] == contact["displayName"]

    def test_is_nobody_who_does_not_or_not_any_more(
        self, client: httpx.Client, records: Records, contact: Fields, accounts: list[Fields]
    ) -> None:
        for account in (accounts[2], records.create("customers.account")):
            assert_problem(self.name(client, account, contact), 400, naming=["primaryContactId"])

    def test_of_a_subsidiary_belongs_to_it_too(
        self, client: httpx.Client, records: Records, contact: Fields, accounts: list[Fields]
    ) -> None:
        subsidiary = records.create("customers.account", parentAccountId=accounts[0]["id"])
        assert_problem(self.name(client, subsidiary, contact), 400, naming=["primaryContactId"])
        assert self.shown(client, subsidiary) is None

    def test_ceases_to_be_it_when_he_leaves(
        self, client: httpx.Client, contact: Fields, accounts: list[Fields]
    ) -> None:
        for account in accounts[:2]:
            self.name(client, account, contact).raise_for_status()
        path = f"/v1/contacts/{contact['id']}"
        client.patch(path, json={"accountId": accounts[1]["id"]}).raise_for_status()
        assert self.shown(client, accounts[0]) is None
        assert self.shown(client, accounts[1]) == contact["id"]
        client.patch(path, json={"accountId": None, "accountRoles": []}).raise_for_status()
        assert self.shown(client, accounts[1]) is None

    def test_of_an_account_that_he_leaves_at_this_moment_he_is_not(
        self, client: httpx.Client, records: Records, accounts: list[Fields]
    ) -> None:
        for _ in range(10):
            contact = records.create("customers.contact", accountId=accounts[0]["id"])
            path = f"/v1/contacts/{contact['id']}"
            with ThreadPoolExecutor(2) as pool:
                naming = pool.submit(self.name, client, accounts[0], contact)
                leaving = pool.submit(client.patch, path, json={"accountId": None})
            assert leaving.result().status_code == 200, leaving.result().text
            assert naming.result().status_code in (200, 400), naming.result().text
            assert self.shown(client, accounts[0]) is None

    def test_who_is_deleted_is_not_named(self, client: httpx.Client, contact: Fields, accounts: list[Fields]) -> None:
        self.name(client, accounts[0], contact).raise_for_status()
        client.delete(f"/v1/contacts/{contact['id']}").raise_for_status()
        assert "primaryContactDisplayName" not in client.get(f"/v1/accounts/{accounts[0]['id']}").json()
        client.post(f"/v1/contacts/{contact['id']}:undelete", json={}).raise_for_status()
        shown = client.get(f"/v1/accounts/{accounts[0]['id']}").json()
        assert shown["primaryContactDisplayName"] == contact["displayName"]


class TestTags:
    @pytest.mark.parametrize(("nouns", "body"), [("accounts", {"displayName": "A"}), ("contacts", {"lastName": "B"})])
    def test_find_records(self, client: httpx.Client, nouns: str, body: Fields) -> None:
        made = client.post(f"/v1/{nouns}", json=body | {"tags": [" key customer ", "fair 2026"]}).json()
        assert made["tags"] == ["key customer", "fair 2026"]
        assert made["id"] in found(client, nouns, filter='tags:"key customer"', orderBy="id desc")
        assert made["id"] not in found(client, nouns, filter='tags:"key"', orderBy="id desc")

    @pytest.mark.parametrize(
        ("tags", "field"),
        [(["a", "b", "A"], "tags[2]"), (["a", " "], "tags[1]"), (["x" * 51], "tags[0]"), (["x"] * 101, "tags")],
    )
    def test_are_each_there_once(self, client: httpx.Client, tags: list[str], field: str) -> None:
        answer = client.post("/v1/accounts", json={"displayName": "Tagged", "tags": tags})
        assert_problem(answer, 400, naming=[field])


class TestProfile:
    def test_of_an_individual_has_demographics(self, client: httpx.Client) -> None:
        person = {
            "displayName": "Ada Canarysson",
            "type": "INDIVIDUAL",
            "demographics": {
                "birthDate": {"year": 1990, "month": 2, "day": 28},
                "gender": "female",
                "maritalStatus": "married",
                "occupation": "engineer",
                "householdSize": 3,
            },
        }
        made = client.post("/v1/accounts", json=person).json()
        assert made["demographics"] == person["demographics"]
        query = f'demographics.birthDate < "1991-01-01" AND id = "{made["id"]}"'
        assert found(client, "accounts", filter=query) == {made["id"]}

    def test_of_a_company_has_none(self, client: httpx.Client) -> None:
        body = {"displayName": "Company", "demographics": {"householdSize": 3}}
        assert_problem(client.post("/v1/accounts", json=body), 400, naming=["demographics"])

    def test_stands_in_the_view(self, client: httpx.Client, records: Records) -> None:
        profile: Fields = {
            "sizeClass": "MEDIUM",
            "segment": "machine tools",
            "rating": "HOT",
            "lifecycleStage": "CUSTOMER",
            "preferences": {"channel": "PHONE", "contactTime": "mornings", "payment": "invoice"},
            "serviceExpectations": "An answer within the day.",
            "interests": ["trade fairs", "automation"],
            "ownedProducts": [{"productId": records.shared("sales.product")["id"], "quantity": 2}],
            "tags": ["key customer"],
            "language": "de-AT",
        }
        account = records.create("customers.account", **profile)
        view = client.get(f"/v1/accounts/{account['id']}/360").json()
        (section,) = [each for each in view["sections"] if each["name"] == "profile"]
        assert {name: section["data"][name] for name in profile} == profile

    def test_owned_products_exist(self, client: httpx.Client, records: Records) -> None:
        products = [{"productId": records.shared("customers.account")["id"]}]
        answer = client.post("/v1/accounts", json={"displayName": "Company", "ownedProducts": products})
        assert_problem(answer, 400, naming=["ownedProducts[0].productId"])
