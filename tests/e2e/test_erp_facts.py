"""What the ERP tells of accounts: taken in as often as it comes, written by nobody else, heard everywhere."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from rotunda_gateway.access.roles.shipped import SHIPPED
from rotunda_kit.testing.waiting import eventually

from .cast import Cast, Relation
from .nouns import erp_facts, new_uuid
from .problems import assert_problem
from .records import Fields, Records
from .reflection import Catalogue, Kind, Method
from .rest import Rest
from .walk import each

UPSERT = "/v1/accounts:upsertErpFacts"
FACTS: Fields = {
    "asOfTime": "2026-01-31T08:00:00Z",
    "creditStatus": "WARNING",
    "creditLimit": {"currencyCode": "EUR", "units": "50000", "nanos": 0},
    "paymentTerms": "30 days net",
    "revenueByYear": [
        {"year": 2024, "amount": {"currencyCode": "EUR", "units": "120000", "nanos": 500_000_000}},
        {"year": 2025, "amount": {"currencyCode": "EUR", "units": "98000", "nanos": 0}},
    ],
    "openInvoices": [
        {
            "invoiceNumber": "R-1",
            "invoiceDate": {"year": 2026, "month": 1, "day": 2},
            "dueDate": {"year": 2026, "month": 2, "day": 1},
            "amount": {"currencyCode": "EUR", "units": "1190", "nanos": 0},
            "openAmount": {"currencyCode": "EUR", "units": "190", "nanos": 0},
        }
    ],
}


@pytest.fixture
def external_id() -> Fields:
    return {"system": "erp", "id": new_uuid()}


@pytest.fixture
def account(records: Records, external_id: Fields) -> Fields:
    return records.create("customers.account", externalIds=[external_id])


@pytest.fixture(scope="module")
def cast(anonymous: httpx.Client, rest: Rest, records: Records, catalogue: Catalogue) -> Cast:
    return Cast(anonymous, rest, records, catalogue)


def tell(client: httpx.Client, external_id: Fields, facts: Fields) -> Any:
    """What became of what the ERP told of one account."""
    answer = client.post(UPSERT, json={"requests": [{"externalId": external_id, "erpFacts": facts}]})
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["results"]
    return result


class TestUpsert:
    @each(Kind.UPSERT)
    def test_keeps_all_that_it_is_told(self, method: Method, rest: Rest, account: Fields, external_id: Fields) -> None:
        body = {"requests": [{"externalId": external_id, "erpFacts": FACTS}]}
        (result,) = rest.ok(method, {}, body)["results"]
        assert result["outcome"] == "CREATED"
        shown = rest.client.get(f"/v1/accounts/{account['id']}/erpFacts").json()
        assert shown == result["erpFacts"]
        assert {name: shown[name] for name in FACTS} == FACTS
        assert (shown["accountId"], shown["accountDisplayName"]) == (account["id"], account["displayName"])

    @each(Kind.UPSERT)
    def test_the_same_again_changes_nothing(
        self, method: Method, rest: Rest, account: Fields, external_id: Fields
    ) -> None:
        first = tell(rest.client, external_id, FACTS)
        before = rest.client.get(f"/v1/accounts/{account['id']}").json()
        second = tell(rest.client, external_id, FACTS | {"asOfTime": "2026-02-01T08:00:00Z"})
        assert second["outcome"] == "UNCHANGED"
        assert second["erpFacts"]["etag"] == first["erpFacts"]["etag"]
        assert rest.client.get(f"/v1/accounts/{account['id']}").json() == before

    def test_what_is_not_told_again_is_gone(self, client: httpx.Client, account: Fields, external_id: Fields) -> None:
        tell(client, external_id, FACTS)
        told = tell(client, external_id, {"asOfTime": "2026-02-01T08:00:00Z", "creditStatus": "OK"})
        assert told["outcome"] == "UPDATED"
        assert "creditLimit" not in told["erpFacts"]
        assert told["erpFacts"]["openInvoices"] == []

    def test_what_was_overtaken_on_its_way_changes_nothing(
        self, client: httpx.Client, account: Fields, external_id: Fields
    ) -> None:
        latest = {"asOfTime": "2026-02-03T08:00:00Z", "creditStatus": "BLOCKED"}
        tell(client, external_id, {"asOfTime": "2026-02-01T08:00:00Z", "creditStatus": "BLOCKED"})
        tell(client, external_id, latest)
        late = tell(client, external_id, {"asOfTime": "2026-02-02T08:00:00Z", "creditStatus": "OK"})
        assert late["outcome"] == "UNCHANGED"
        assert client.get(f"/v1/accounts/{account['id']}").json()["creditStatus"] == "BLOCKED"

    def test_each_item_is_for_itself(self, client: httpx.Client, account: Fields, external_id: Fields) -> None:
        unknown = {"system": "erp", "id": new_uuid()}
        twice = FACTS | {"revenueByYear": [FACTS["revenueByYear"][0]] * 2}
        items = [(unknown, FACTS), (external_id, twice), (external_id, {}), (external_id, FACTS)]
        body = {"requests": [{"externalId": name, "erpFacts": facts} for name, facts in items]}
        answer = client.post(UPSERT, json=body)
        assert answer.status_code == 200, answer.text
        results = answer.json()["results"]
        assert [result["outcome"] for result in results] == ["FAILED", "FAILED", "FAILED", "CREATED"]
        assert results[0]["error"]["reason"] == "ACCOUNT_NOT_FOUND"
        assert [error["field"] for error in results[0]["error"]["errors"]] == ["externalId"]
        assert [error["field"] for error in results[1]["error"]["errors"]] == ["revenueByYear[1].year"]
        wrong = {error["field"] for error in results[2]["error"]["errors"]}
        assert wrong == {"asOfTime", "creditStatus"}

    def test_many_at_once_leave_the_newest(self, client: httpx.Client, account: Fields, external_id: Fields) -> None:
        told = [
            {"asOfTime": f"2026-03-{day:02}T08:00:00Z", "creditStatus": "OK" if day % 2 else "WARNING"}
            for day in range(1, 21)
        ]
        with ThreadPoolExecutor(8) as threads:
            outcomes = list(threads.map(lambda facts: tell(client, external_id, facts)["outcome"], told))
        assert "FAILED" not in outcomes
        assert outcomes.count("CREATED") == 1
        shown = client.get(f"/v1/accounts/{account['id']}/erpFacts").json()
        assert (shown["asOfTime"], shown["creditStatus"]) == ("2026-03-20T08:00:00Z", "WARNING")

    def test_the_account_shows_its_credit_and_takes_it_from_nobody_else(
        self, client: httpx.Client, account: Fields, external_id: Fields
    ) -> None:
        tell(client, external_id, FACTS)
        path = f"/v1/accounts/{account['id']}"
        changed = client.patch(path, json={"creditStatus": "OK", "segment": "key accounts"})
        assert (changed.status_code, changed.json()["creditStatus"]) == (200, "WARNING")
        query = {"filter": f'creditStatus = WARNING AND id = "{account["id"]}"'}
        assert len(client.get("/v1/accounts", params=query).json()["accounts"]) == 1

    def test_facts_go_and_come_back_with_their_account(
        self, client: httpx.Client, account: Fields, external_id: Fields
    ) -> None:
        tell(client, external_id, FACTS)
        path = f"/v1/accounts/{account['id']}"
        client.delete(path).raise_for_status()
        assert_problem(client.get(f"{path}/erpFacts"), 404, "ERP_FACTS_NOT_FOUND")
        assert tell(client, external_id, FACTS)["error"]["reason"] == "ACCOUNT_NOT_FOUND"
        client.post(f"{path}:undelete", json={}).raise_for_status()
        assert client.get(f"{path}/erpFacts").json()["creditStatus"] == "WARNING"


class TestGet:
    @each(Kind.GET_SINGLETON)
    def test_what_was_never_told_is_not_found(self, method: Method, rest: Rest, account: Fields) -> None:
        for account_id in (account["id"], new_uuid()):
            assert_problem(rest.send(method, {"account_id": account_id}), 404, "ERP_FACTS_NOT_FOUND")

    @each(Kind.GET_SINGLETON)
    def test_a_malformed_id_is_named(self, method: Method, rest: Rest) -> None:
        assert_problem(rest.send(method, {"account_id": "x"}), 400, naming=["accountId"])


class TestBlocked:
    async def test_every_service_that_shows_the_account_knows(
        self, client: httpx.Client, records: Records, account: Fields, external_id: Fields
    ) -> None:
        its = {"accountId": account["id"]}
        opportunity = records.create("sales.opportunity", **its)
        ticket = records.create("service_desk.ticket", **its)
        member = records.create("marketing.campaign_member", **its)
        paths = [
            f"/v1/opportunities/{opportunity['id']}",
            f"/v1/tickets/{ticket['id']}",
            f"/v1/campaigns/{member['campaignId']}/members/{member['id']}",
        ]

        def blocked() -> Sequence[bool]:
            return [client.get(path).json()["accountBlocked"] for path in paths]

        async def all_know() -> bool:
            return all(blocked())

        async def none_knows() -> bool:
            return not any(blocked())

        assert not any(blocked())
        tell(client, external_id, {"asOfTime": "2026-01-01T00:00:00Z", "creditStatus": "BLOCKED"})
        await eventually(all_know, 10)
        tell(client, external_id, {"asOfTime": "2026-01-02T00:00:00Z", "creditStatus": "OK"})
        await eventually(none_knows, 10)


class TestAccess:
    @pytest.mark.parametrize("role", [role.display_name for role in SHIPPED])
    def test_the_integration_alone_tells(self, role: str, cast: Cast, records: Records, rest: Rest) -> None:
        member = cast.member(*(shipped.id for shipped in SHIPPED if shipped.display_name == role))
        external_id = {"system": "erp", "id": new_uuid()}
        owner = cast.owners[Relation.MATE]
        records.create("customers.account", externalIds=[external_id], ownerId=owner)
        body = {"requests": [{"externalId": external_id, "erpFacts": FACTS}]}
        answer = rest.client.post(UPSERT, json=body, headers={"Authorization": f"Bearer {member.token}"})
        if role in ("Administrator", "Integration"):
            assert answer.json()["results"][0]["outcome"] == "CREATED"
        else:
            assert_problem(answer, 403, "PERMISSION_MISSING")

    def test_who_sees_the_account_by_his_team_sees_its_facts(self, cast: Cast, records: Records, rest: Rest) -> None:
        role = next(shipped.id for shipped in SHIPPED if shipped.display_name == "Sales representative")
        member = cast.member(role)
        headers = {"Authorization": f"Bearer {member.token}"}
        for relation, status in ((Relation.MATE, 200), (Relation.STRANGER, 404)):
            facts = erp_facts(records, **FACTS)
            owned = rest.client.patch(f"/v1/accounts/{facts['accountId']}", json={"ownerId": cast.owners[relation]})
            assert owned.status_code == 200
            shown = rest.client.get(f"/v1/accounts/{facts['accountId']}/erpFacts", headers=headers)
            assert shown.status_code == status, shown.text


class TestView:
    def test_has_what_the_erp_tells(self, client: httpx.Client, account: Fields, external_id: Fields) -> None:
        def section() -> Any:
            view = client.get(f"/v1/accounts/{account['id']}/360").json()
            return next(each for each in view["sections"] if each["name"] == "erpFacts")

        assert section()["status"] == "OK"
        tell(client, external_id, FACTS)
        assert section()["data"]["openInvoices"] == FACTS["openInvoices"]
