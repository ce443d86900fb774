"""The 360 degree view of an account, from five services of which each may die at any time."""

import asyncio
import time
from typing import Any

import asyncpg
import httpx
import pytest

from rotunda_local.platform import Platform

from .faults import kill
from .ledger import Ledger
from .nouns import new_uuid
from .patience import seconds_until
from .problems import assert_problem
from .records import Fields, Records
from .reflection import Catalogue, Kind
from .rest import Rest

SECTIONS = {
    "profile": "customers",
    "erpFacts": "customers",
    "contacts": "customers",
    "activities": "customers",
    "opportunities": "sales",
    "tickets": "service-desk",
    "campaigns": "marketing",
    "messages": "sync",
}
SERVICES = list(dict.fromkeys(SECTIONS.values()))
# Seconds: of the view itself, and for the way there and back on a busy machine.
DEADLINE, WAY = 2.0, 1.5
RESTART = 30.0


def view(client: httpx.Client, account_id: str) -> httpx.Response:
    """Ask for the view; it must come within its deadline."""
    began = time.monotonic()
    response = client.get(f"/v1/accounts/{account_id}/360")
    assert time.monotonic() - began < DEADLINE + WAY
    return response


def sections(response: httpx.Response) -> dict[str, Any]:
    """The sections of a view by their names."""
    assert response.status_code == 200, response.text
    return {section["name"]: section for section in response.json()["sections"]}


def all_well(client: httpx.Client, account_id: str) -> bool:
    """Whether every section is as it is now."""
    response = view(client, account_id)
    if response.status_code != 200:
        assert_problem(response, 503, "SERVICE_UNAVAILABLE")
        return False
    return {section["status"] for section in response.json()["sections"]} == {"OK"}


def gateway_knows(platform: Platform, account_id: str) -> bool:
    """Whether the gateway has heard of an account."""

    async def ask() -> bool:
        password = platform.home.database_password("access")
        connection = await asyncpg.connect(platform.postgres.url("access", "access", password))
        try:
            found = await connection.fetchval("SELECT count(*) FROM account_reference WHERE id = $1", account_id)
            return bool(found)
        finally:
            await connection.close()

    return asyncio.run(ask())


@pytest.fixture
def account(records: Records) -> Fields:
    return records.create("customers.account")


@pytest.fixture
def all_services(client: httpx.Client, platform: Platform, records: Records) -> None:
    """They answer, whatever the test before has killed."""
    shared = records.shared("customers.account")["id"]
    seconds_until(lambda: all_well(client, shared), RESTART)


@pytest.mark.usefixtures("all_services")
class TestView:
    def test_has_its_sections_in_order(self, client: httpx.Client, account: Fields) -> None:
        response = view(client, account["id"])
        assert response.json()["account"]["id"] == account["id"]
        assert list(sections(response)) == list(SECTIONS)
        assert {section["status"] for section in sections(response).values()} == {"OK"}
        assert all(section["asOf"] for section in sections(response).values())

    def test_shows_what_every_service_knows(
        self, client: httpx.Client, rest: Rest, catalogue: Catalogue, records: Records, account: Fields
    ) -> None:
        names = {"accountId": account["id"]}
        made = {
            "contacts": records.create("customers.contact", **names),
            "activities": records.create("customers.activity", **names),
            "opportunities": records.create("sales.opportunity", **names),
            "tickets": records.create("service_desk.ticket", **names),
            "messages": records.create("sync.message"),
        }
        rest.ok(catalogue.called("AssignMessage"), {"id": made["messages"]["id"]}, names)
        member = records.create("marketing.campaign_member", **names)
        made["campaigns"] = {"id": member["campaignId"]}
        shown = sections(view(client, account["id"]))
        assert shown["profile"]["data"]["type"] == account["type"]
        for name, record in made.items():
            assert [row["id"] for row in shown[name]["data"][name]] == [record["id"]], name

    def test_a_section_is_the_answer_of_its_list(
        self, client: httpx.Client, rest: Rest, catalogue: Catalogue, records: Records, account: Fields
    ) -> None:
        for _ in range(3):
            records.create("sales.opportunity", accountId=account["id"])
        query = {"filter": f'accountId = "{account["id"]}"'}
        listed = rest.ok(catalogue.of("sales.opportunity", Kind.LIST), query=query)
        shown = sections(view(client, account["id"]))["opportunities"]["data"]
        assert {row["id"]: row for row in shown["opportunities"]} == {row["id"]: row for row in listed["opportunities"]}

    def test_of_an_unknown_account_is_not_found(self, client: httpx.Client) -> None:
        assert_problem(view(client, new_uuid()), 404, "ACCOUNT_NOT_FOUND")
        assert_problem(view(client, "x"), 400, naming=["id"])

    def test_of_a_deleted_account_is_not_found(
        self, client: httpx.Client, rest: Rest, catalogue: Catalogue, account: Fields
    ) -> None:
        rest.ok(catalogue.of("customers.account", Kind.DELETE), {"id": account["id"]})
        assert_problem(view(client, account["id"]), 404, "ACCOUNT_NOT_FOUND")

    def test_asks_for_a_token(self, anonymous: httpx.Client, account: Fields) -> None:
        assert_problem(view(anonymous, account["id"]), 401, "TOKEN_MISSING")


@pytest.mark.usefixtures("all_services")
class TestDeadService:
    @pytest.mark.parametrize("service", SERVICES)
    def test_leaves_a_gap_and_fills_it_by_itself(
        self, service: str, client: httpx.Client, platform: Platform, records: Records, ledger: Ledger
    ) -> None:
        seen, unseen = records.create("customers.account"), records.create("customers.account")
        before = sections(view(client, seen["id"]))
        seconds_until(lambda: gateway_knows(platform, unseen["id"]), 10)
        kill(platform, service)
        killed = time.monotonic()
        stale, empty = sections(view(client, seen["id"])), sections(view(client, unseen["id"]))
        answered = (time.monotonic() - killed) / 2
        assert list(stale) == list(empty) == list(SECTIONS)
        for name, owner in SECTIONS.items():
            if owner == service:
                assert stale[name] == before[name] | {"status": "STALE"}
                assert empty[name] == {"name": name, "status": "UNAVAILABLE", "asOf": None, "data": None}
            else:
                assert (stale[name]["status"], empty[name]["status"]) == ("OK", "OK")
        took = seconds_until(lambda: all_well(client, unseen["id"]), RESTART)
        ledger.measure(
            f"{service} killed: a view takes {answered * 1000:.0f} ms, and is whole again after {took:.1f} s"
        )


@pytest.mark.usefixtures("all_services")
class TestDeadCustomers:
    def test_the_account_is_as_the_gateway_last_heard_of_it(
        self, client: httpx.Client, platform: Platform, rest: Rest, catalogue: Catalogue, account: Fields
    ) -> None:
        seconds_until(lambda: gateway_knows(platform, account["id"]), 10)
        kill(platform, "customers")
        content = view(client, account["id"]).json()
        assert content["accountAsOf"] == account["updateTime"]
        assert content["account"] == account
        response = view(client, new_uuid())
        assert_problem(response, 503, "SERVICE_UNAVAILABLE")
        assert response.headers["retry-after"]
        got = rest.client.get(f"/v1/accounts/{account['id']}")
        assert got.status_code == 200 or assert_problem(got, 503, "SERVICE_UNAVAILABLE")
        seconds_until(lambda: all_well(client, account["id"]), RESTART)
        assert "accountAsOf" not in view(client, account["id"]).json()
        assert rest.ok(catalogue.of("customers.account", Kind.GET), {"id": account["id"]}) == account


@pytest.mark.usefixtures("all_services")
class TestRename:
    def test_a_renamed_account_is_renamed_where_others_show_it(
        self, rest: Rest, catalogue: Catalogue, records: Records, account: Fields, ledger: Ledger
    ) -> None:
        opportunity = records.create("sales.opportunity", accountId=account["id"])
        assert opportunity["accountDisplayName"] == account["displayName"]
        listing = catalogue.of("sales.opportunity", Kind.LIST)
        query = {"filter": f'id = "{opportunity["id"]}"'}

        def renamed() -> bool:
            (row,) = rest.ok(listing, query=query)["opportunities"]
            return bool(row["accountDisplayName"] == "Renamed")

        rest.ok(catalogue.of("customers.account", Kind.UPDATE), {"id": account["id"]}, {"displayName": "Renamed"})
        took = seconds_until(renamed, 5)
        ledger.measure(f"a renamed account is renamed in the list of opportunities after {took:.2f} s")
