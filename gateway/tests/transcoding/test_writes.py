import re
from typing import Any

import httpx
import pytest

from rotunda.customers.v1 import account_service_pb2 as accounts
from rotunda.marketing.v1 import campaign_member_service_pb2 as members
from rotunda.sales.v1 import opportunity_service_pb2 as opportunities

ID = "0198b4c0-0000-7000-8000-000000000001"
OTHER_ID = "0198b4c0-0000-7000-8000-000000000002"
UUID_V7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
CREATED = accounts.CreateAccountResponse(account={"id": ID, "display_name": "Acme", "etag": "e1"})


class TestCreate:
    async def test_the_body_is_the_resource(self, client: httpx.AsyncClient, services: Any) -> None:
        services.answers["CreateAccount"] = CREATED
        response = await client.post(
            "/v1/accounts",
            json={"displayName": "Acme", "type": "COMPANY", "phones": [{"number": "+49 30 12345", "kind": "WORK"}]},
        )
        assert response.status_code == 201
        assert response.json()["id"] == ID
        sent = services.request.account
        assert (sent.display_name, sent.type) == ("Acme", accounts.ACCOUNT_TYPE_COMPANY)
        assert sent.phones[0].number == "+493012345"

    async def test_the_answer_says_where_the_resource_is(self, client: httpx.AsyncClient, services: Any) -> None:
        services.answers["CreateAccount"] = CREATED
        response = await client.post("/v1/accounts", json={"displayName": "Acme"})
        assert response.headers["location"] == f"/v1/accounts/{ID}"
        assert response.headers["etag"] == '"e1"'

    async def test_the_place_of_a_member_names_its_campaign_too(self, client: httpx.AsyncClient, services: Any) -> None:
        member = members.CampaignMember(id=ID, campaign_id=OTHER_ID)
        services.answers["CreateCampaignMember"] = members.CreateCampaignMemberResponse(member=member)
        response = await client.post(f"/v1/campaigns/{OTHER_ID}/members", json={"contactId": ID})
        assert response.status_code == 201, response.text
        assert response.headers["location"] == f"/v1/campaigns/{OTHER_ID}/members/{ID}"

    async def test_fields_beside_the_body_come_by_query(self, client: httpx.AsyncClient, services: Any) -> None:
        response = await client.post(f"/v1/opportunities?stageId={ID}", json={"displayName": "Deal"})
        assert response.status_code == 201
        assert services.request.stage_id == ID

    async def test_what_only_the_server_gives_is_passed_over(self, client: httpx.AsyncClient, services: Any) -> None:
        await client.post("/v1/accounts", json={"displayName": "Acme", "id": OTHER_ID, "createTime": "nonsense"})
        assert services.request.account.id == ""
        assert not services.request.account.HasField("create_time")

    @pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/hal+json", None])
    async def test_json_may_be_called_by_other_names(
        self, client: httpx.AsyncClient, services: Any, content_type: str | None
    ) -> None:
        headers = {"content-type": content_type} if content_type else {}
        response = await client.post("/v1/accounts", content=b'{"displayName": "Acme"}', headers=headers)
        assert response.status_code == 201

    async def test_a_body_may_come_in_chunks(self, client: httpx.AsyncClient, services: Any) -> None:
        async def chunks() -> Any:
            yield b'{"display'
            yield b'Name": "Acme"}'

        response = await client.post("/v1/accounts", content=chunks())
        assert response.status_code == 201
        assert services.request.account.display_name == "Acme"


class TestUpdate:
    async def test_without_a_mask_the_keys_of_the_body_are_changed(
        self, client: httpx.AsyncClient, services: Any
    ) -> None:
        response = await client.patch(f"/v1/accounts/{ID}", json={"displayName": "New", "industry": None})
        assert response.status_code == 200, response.text
        assert list(services.request.update_mask.paths) == ["display_name", "industry"]
        assert services.request.account.display_name == "New"
        assert not services.request.account.HasField("industry")
        assert services.request.account.id == ID

    async def test_an_empty_body_changes_nothing(self, client: httpx.AsyncClient, services: Any) -> None:
        assert (await client.patch(f"/v1/accounts/{ID}", json={})).status_code == 200
        assert services.request.HasField("update_mask")
        assert not services.request.update_mask.paths

    async def test_a_mask_says_what_is_changed(self, client: httpx.AsyncClient, services: Any) -> None:
        response = await client.patch(
            f"/v1/accounts/{ID}?updateMask=displayName,owner_id", json={"displayName": "New", "industry": "retail"}
        )
        assert response.status_code == 200, response.text
        assert list(services.request.update_mask.paths) == ["display_name", "owner_id"]

    async def test_a_star_means_all_fields(self, client: httpx.AsyncClient, services: Any) -> None:
        response = await client.patch(f"/v1/accounts/{ID}?updateMask=*", json={"displayName": "New"})
        assert response.status_code == 200, response.text
        assert list(services.request.update_mask.paths) == ["*"]

    async def test_an_unknown_path_in_the_mask_is_refused(self, client: httpx.AsyncClient) -> None:
        response = await client.patch(f"/v1/accounts/{ID}?updateMask=displayNam", json={})
        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == "updateMask"

    async def test_required_fields_may_be_absent_but_not_cleared(
        self, client: httpx.AsyncClient, services: Any
    ) -> None:
        assert (await client.patch(f"/v1/accounts/{ID}", json={"industry": "retail"})).status_code == 200
        refused = await client.patch(f"/v1/accounts/{ID}", json={"displayName": None})
        assert [error["field"] for error in refused.json()["errors"]] == ["displayName"]

    async def test_the_id_in_the_body_does_not_count(self, client: httpx.AsyncClient, services: Any) -> None:
        response = await client.patch(f"/v1/accounts/{ID}", json={"id": OTHER_ID, "industry": "retail"})
        assert response.status_code == 200
        assert services.request.account.id == ID
        assert list(services.request.update_mask.paths) == ["industry"]

    @pytest.mark.parametrize("header", ['"e1"', "e1", 'W/"e1"'])
    async def test_if_match_is_the_etag_of_the_resource(
        self, client: httpx.AsyncClient, services: Any, header: str
    ) -> None:
        await client.patch(f"/v1/accounts/{ID}", json={"industry": "retail"}, headers={"if-match": header})
        assert services.request.account.etag == "e1"
        assert list(services.request.update_mask.paths) == ["industry"]

    async def test_the_etag_of_the_body_is_no_change(self, client: httpx.AsyncClient, services: Any) -> None:
        await client.patch(f"/v1/accounts/{ID}", json={"industry": "retail", "etag": "e1"})
        assert services.request.account.etag == "e1"
        assert list(services.request.update_mask.paths) == ["industry"]

    async def test_any_state_matches_a_star(self, client: httpx.AsyncClient, services: Any) -> None:
        await client.patch(f"/v1/accounts/{ID}", json={"industry": "retail"}, headers={"if-match": "*"})
        assert services.request.account.etag == ""

    async def test_two_etags_must_agree(self, client: httpx.AsyncClient, services: Any) -> None:
        headers = {"if-match": '"e2"'}
        response = await client.patch(f"/v1/accounts/{ID}", json={"etag": "e1"}, headers=headers)
        assert response.json()["errors"] == [{"field": "If-Match", "description": "differs from etag"}]
        agreed = await client.patch(f"/v1/accounts/{ID}", json={"etag": "e2"}, headers=headers)
        assert agreed.status_code == 200


class TestDelete:
    async def test_nothing_is_left_to_answer_with(self, client: httpx.AsyncClient, services: Any) -> None:
        response = await client.delete(f"/v1/accounts/{ID}", headers={"if-match": '"e1"'})
        assert (response.status_code, response.json()) == (200, {})
        assert (services.request.id, services.request.etag) == (ID, "e1")

    async def test_the_etag_may_come_by_query(self, client: httpx.AsyncClient, services: Any) -> None:
        assert (await client.delete(f"/v1/accounts/{ID}?etag=e1")).status_code == 200
        assert services.request.etag == "e1"


class TestVerbs:
    async def test_the_body_is_the_request(self, client: httpx.AsyncClient, services: Any) -> None:
        won = opportunities.Opportunity(id=ID, state=opportunities.OPPORTUNITY_STATE_WON, etag="e2")
        services.answers["WinOpportunity"] = opportunities.WinOpportunityResponse(opportunity=won)
        response = await client.post(
            f"/v1/opportunities/{ID}:win",
            json={"reason": {"reasonCode": "PRICE"}, "closeDate": {"year": 2026, "month": 3, "day": 1}},
            headers={"if-match": '"e1"', "idempotency-key": "once"},
        )
        assert response.status_code == 200, response.text
        assert response.json()["state"] == "WON"
        assert response.headers["etag"] == '"e2"'
        sent = services.request
        assert (sent.id, sent.etag, sent.request_id, sent.reason.reason_code) == (ID, "e1", "once", "PRICE")

    async def test_a_verb_may_go_without_a_body(self, client: httpx.AsyncClient, services: Any) -> None:
        assert (await client.post(f"/v1/opportunities/{ID}:reopen")).status_code == 200
        assert services.request.id == ID

    async def test_an_id_in_the_body_must_be_that_of_the_path(self, client: httpx.AsyncClient) -> None:
        same = await client.post(f"/v1/opportunities/{ID}:reopen", json={"id": ID})
        assert same.status_code == 200
        other = await client.post(f"/v1/opportunities/{ID}:reopen", json={"id": OTHER_ID})
        assert other.json()["errors"] == [{"field": "id", "description": "differs from the one in the path"}]

    async def test_an_etag_cannot_guard_what_has_none(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/v1/accounts", json={"displayName": "A"}, headers={"if-match": '"e1"'})
        assert response.json()["errors"] == [{"field": "If-Match", "description": "is not supported by this method"}]


class TestIdempotency:
    async def test_the_header_is_the_request_id(self, client: httpx.AsyncClient, services: Any) -> None:
        await client.post("/v1/accounts", json={"displayName": "A"}, headers={"idempotency-key": "first"})
        assert services.request.request_id == "first"

    async def test_without_one_the_gateway_gives_one(self, client: httpx.AsyncClient, services: Any) -> None:
        for _ in range(2):
            await client.post("/v1/accounts", json={"displayName": "A"})
        first, second = (request.request_id for request in services.requests)
        assert UUID_V7.fullmatch(first)
        assert UUID_V7.fullmatch(second)
        assert first != second

    async def test_it_may_come_by_query_or_body_too(self, client: httpx.AsyncClient, services: Any) -> None:
        await client.post("/v1/accounts?requestId=q", json={"displayName": "A"})
        await client.post(f"/v1/opportunities/{ID}:reopen", json={"requestId": "b"})
        assert [request.request_id for request in services.requests] == ["q", "b"]

    async def test_both_must_agree(self, client: httpx.AsyncClient) -> None:
        response = await client.post(
            "/v1/accounts?requestId=q", json={"displayName": "A"}, headers={"idempotency-key": "h"}
        )
        assert response.json()["errors"] == [{"field": "Idempotency-Key", "description": "differs from requestId"}]


class TestBatches:
    async def test_items_are_left_to_the_service(self, client: httpx.AsyncClient, services: Any) -> None:
        response = await client.post(
            "/v1/accounts:batchCreate", json={"requests": [{"account": {"displayName": "A"}}, {"account": {}}]}
        )
        assert response.status_code == 200, response.text
        assert len(services.request.requests) == 2

    async def test_the_size_of_a_batch_is_not(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/v1/accounts:batchCreate", json={"requests": [{}] * 1001})
        assert [error["field"] for error in response.json()["errors"]] == ["requests"]
