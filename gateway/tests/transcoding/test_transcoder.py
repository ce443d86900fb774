import re
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from google.protobuf.timestamp_pb2 import Timestamp

from rotunda.customers.v1 import account_service_pb2 as accounts
from rotunda.marketing.v1 import campaign_member_service_pb2 as members
from rotunda_gateway.transcoding.transcoder import Transcoder, install_transcoder
from rotunda_kit.errors import (
    EtagMismatch,
    FieldViolation,
    IdempotencyKeyReused,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unavailable,
)

ID = "0198b4c0-0000-7000-8000-000000000001"


async def anyone(_headers: Any) -> str:
    return "token"


def account(**fields: Any) -> accounts.Account:
    return accounts.Account(
        **{"id": ID, "display_name": "Acme", "type": accounts.ACCOUNT_TYPE_COMPANY, "etag": "e1", **fields}
    )


class TestGet:
    async def test_the_resource_itself_is_the_answer(self, client: httpx.AsyncClient, services: Any) -> None:
        services.answers["GetAccount"] = accounts.GetAccountResponse(account=account(create_time=Timestamp(seconds=0)))
        response = await client.get(f"/v1/accounts/{ID}")
        assert response.status_code == 200
        assert response.json() == {
            "id": ID, "displayName": "Acme", "type": "COMPANY", "accountNumber": "", "etag": "e1", "addresses": [],
            "phones": [], "emails": [], "externalIds": [], "tags": [], "interests": [], "ownedProducts": [],
            "createTime": "1970-01-01T00:00:00Z",
        }  # fmt: skip
        assert services.request == accounts.GetAccountRequest(id=ID)

    async def test_headers_name_the_state_and_keep_it_out_of_caches(
        self, client: httpx.AsyncClient, services: Any
    ) -> None:
        services.answers["GetAccount"] = accounts.GetAccountResponse(account=account())
        response = await client.get(f"/v1/accounts/{ID}")
        assert response.headers["content-type"] == "application/json"
        assert response.headers["etag"] == '"e1"'
        assert response.headers["cache-control"] == "no-store"
        assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])

    async def test_the_service_gets_the_callers_token_and_a_deadline(
        self, client: httpx.AsyncClient, services: Any
    ) -> None:
        await client.get(f"/v1/accounts/{ID}")
        assert services.tokens == ["internal token of ada"]
        assert services.timeouts == [7.5]

    async def test_a_client_may_bring_its_trace(self, client: httpx.AsyncClient) -> None:
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        response = await client.get("/v1/accounts", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        assert response.headers["x-request-id"] == trace

    async def test_head_answers_as_get_without_a_body(self, client: httpx.AsyncClient, services: Any) -> None:
        services.answers["GetAccount"] = accounts.GetAccountResponse(account=account())
        got = await client.get(f"/v1/accounts/{ID}")
        head = await client.head(f"/v1/accounts/{ID}")
        assert head.status_code == 200
        assert head.content == b""
        assert head.headers["content-length"] == str(len(got.content))
        assert head.headers["etag"] == '"e1"'

    async def test_head_of_a_problem_has_no_body_either(self, client: httpx.AsyncClient) -> None:
        head = await client.head("/v1/nothing")
        assert (head.status_code, head.content) == (404, b"")

    async def test_headers_for_writes_mean_nothing_to_a_read(self, client: httpx.AsyncClient, services: Any) -> None:
        response = await client.get(f"/v1/accounts/{ID}", headers={"idempotency-key": "k", "if-match": '"e1"'})
        assert response.status_code == 200
        assert services.request == accounts.GetAccountRequest(id=ID)


class TestList:
    @pytest.mark.parametrize(
        "query", ["pageSize=10&orderBy=displayName%20desc", "page_size=10&order_by=displayName+desc"]
    )
    async def test_query_parameters_come_in_both_spellings(
        self, client: httpx.AsyncClient, services: Any, query: str
    ) -> None:
        response = await client.get(f"/v1/accounts?{query}")
        assert response.status_code == 200
        assert services.request == accounts.ListAccountsRequest(page_size=10, order_by="displayName desc")

    async def test_a_filter_comes_through_as_it_is(self, client: httpx.AsyncClient, services: Any) -> None:
        text = 'displayName = "Müller & Söhne" AND annualRevenue > 100+1'
        await client.get("/v1/accounts", params={"filter": text})
        assert services.request.filter == text

    async def test_without_a_response_body_the_whole_response_is_the_answer(
        self, client: httpx.AsyncClient, services: Any
    ) -> None:
        services.answers["ListAccounts"] = accounts.ListAccountsResponse(accounts=[account()], next_page_token="n")
        response = await client.get("/v1/accounts")
        assert response.json()["nextPageToken"] == "n"
        assert response.json()["accounts"][0]["displayName"] == "Acme"
        assert "etag" not in response.headers

    async def test_path_variables_may_stand_in_the_middle(self, client: httpx.AsyncClient, services: Any) -> None:
        await client.get(f"/v1/campaigns/{ID}/members?pageSize=3")
        assert services.request == members.ListCampaignMembersRequest(campaign_id=ID, page_size=3)


class TestQueries:
    async def test_nested_fields_are_reached_with_dots(self, readings_client: httpx.AsyncClient, services: Any) -> None:
        response = await readings_client.get("/v1/readings?period.startTime=1970-01-01T00:01:00Z&period.day_count=3")
        assert response.status_code == 200, response.text
        assert services.request.period.start_time == Timestamp(seconds=60)
        assert services.request.period.day_count == 3

    async def test_lists_come_by_repetition(self, readings_client: httpx.AsyncClient, services: Any) -> None:
        response = await readings_client.get(
            "/v1/readings?kinds=HEAT&kinds=READING_KIND_WATER&dayCounts=7&day_counts=8"
        )
        assert response.status_code == 200, response.text
        assert list(services.request.kinds) == [1, 2]
        assert list(services.request.day_counts) == [7, 8]

    async def test_booleans_wrappers_and_masks_are_read(
        self, readings_client: httpx.AsyncClient, services: Any
    ) -> None:
        response = await readings_client.get("/v1/readings?withGaps=true&least=0&readMask=meter,withGaps")
        assert response.status_code == 200, response.text
        assert services.request.with_gaps is True
        assert services.request.HasField("least")
        assert list(services.request.read_mask.paths) == ["meter", "with_gaps"]

    async def test_all_bindings_lead_to_the_method(self, readings_client: httpx.AsyncClient, services: Any) -> None:
        await readings_client.get("/v1/meters/a%2Fb%20%C3%BC/readings?withGaps=true")
        await readings_client.post("/v1/readings:list?meter=m", json={"dayCount": 4})
        first, second = services.requests
        assert (first.meter, first.with_gaps) == ("a/b ü", True)
        assert (second.meter, second.period.day_count) == ("m", 4)

    async def test_wrong_values_are_named_by_their_parameters(self, readings_client: httpx.AsyncClient) -> None:
        response = await readings_client.get(
            "/v1/readings?kinds=GAS&withGaps=yes&period.dayCount=x&period.startTime=now&least=&meter=a&meter=b&periods=1"
        )
        assert response.status_code == 400
        assert {error["field"] for error in response.json()["errors"]} == {
            "kinds", "withGaps", "period.dayCount", "period.startTime", "least", "meter", "periods",
        }  # fmt: skip

    async def test_what_stands_in_the_path_or_the_body_is_no_query_parameter(
        self, readings_client: httpx.AsyncClient
    ) -> None:
        of_meter = await readings_client.get("/v1/meters/m/readings?meter=n")
        assert of_meter.json()["errors"] == [{"field": "meter", "description": "stands in the path already"}]
        listing = await readings_client.post("/v1/readings:list?period.dayCount=3", json={})
        assert "takes its input from the body" in listing.json()["errors"][0]["description"]


class TestErrorsOfServices:
    async def test_wrong_fields_are_named_as_the_caller_knows_them(
        self, client: httpx.AsyncClient, services: Any
    ) -> None:
        services.answers["UpdateAccount"] = InvalidArgument(
            [
                FieldViolation("account.parent_account_id", "does not exist"),
                FieldViolation("account.phones[1].number", "is taken"),
                FieldViolation("account.id", "is wrong"),
                FieldViolation("update_mask", "is wrong"),
                FieldViolation("account", "is wrong"),
            ]
        )
        response = await client.patch(f"/v1/accounts/{ID}", json={"industry": "retail"})
        assert response.status_code == 400
        problem = response.json()
        assert [error["field"] for error in problem["errors"]] == [
            "parentAccountId", "phones[1].number", "id", "updateMask", "",
        ]  # fmt: skip
        assert problem["detail"] == "Wrong input: parentAccountId, phones[1].number, id, updateMask."

    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (NotFound("ACCOUNT_NOT_FOUND", "There is no such account."), 404, "NOT_FOUND"),
            (EtagMismatch("e2"), 412, "FAILED_PRECONDITION"),
            (IdempotencyKeyReused(), 422, "INVALID_ARGUMENT"),
            (ResourceExhausted("TOO_MANY", "Too many."), 429, "RESOURCE_EXHAUSTED"),
            (Unavailable("SERVICE_UNAVAILABLE", "Down.", {"service": "customers"}), 503, "UNAVAILABLE"),
        ],
    )
    async def test_errors_are_problems(
        self, client: httpx.AsyncClient, services: Any, error: Any, status: int, code: str
    ) -> None:
        services.answers["GetAccount"] = error
        response = await client.get(f"/v1/accounts/{ID}")
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json"
        assert (response.status_code, problem["status"]) == (status, status)
        assert (problem["code"], problem["reason"], problem["detail"]) == (code, error.reason, error.detail)
        assert problem.get("metadata", {}) == error.metadata
        assert problem["traceId"] == response.headers["x-request-id"]
        assert response.headers.get("retry-after") == ("1" if status in (429, 503) else None)

    async def test_an_unexpected_error_tells_nothing(self, client: httpx.AsyncClient, services: Any) -> None:
        services.answers["GetAccount"] = RuntimeError("the password is hunter2")
        response = await client.get(f"/v1/accounts/{ID}")
        assert response.status_code == 500
        assert (response.json()["code"], response.json()["reason"]) == ("INTERNAL", "INTERNAL")
        assert "hunter2" not in response.text


class TestAuthentication:
    async def test_who_is_not_known_is_told_how_to_be(self, client: httpx.AsyncClient, services: Any) -> None:
        response = await client.get("/v1/accounts", headers={"authorization": "Bearer eve"})
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["reason"] == "TOKEN_MISSING"
        assert services.requests == []

    async def test_his_input_is_not_looked_at(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/v1/accounts", content=b"{", headers={"authorization": ""})
        assert response.status_code == 401


class TestPaths:
    async def test_an_unknown_path_is_not_found(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/v1/nothing")
        assert response.status_code == 404
        assert response.json()["reason"] == "ROUTE_NOT_FOUND"

    async def test_another_method_is_not_allowed(self, client: httpx.AsyncClient) -> None:
        response = await client.put(f"/v1/accounts/{ID}", json={})
        assert response.status_code == 405
        assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
        assert response.json()["reason"] == "METHOD_NOT_ALLOWED"

    async def test_options_tells_the_methods(self, client: httpx.AsyncClient) -> None:
        response = await client.options(f"/v1/opportunities/{ID}:win", headers={"authorization": ""})
        assert response.status_code == 204
        assert response.headers["allow"] == "OPTIONS, POST"
        assert (await client.options("/v1/nothing")).status_code == 404

    async def test_an_apps_own_routes_go_first(self, services: Any, routes: Any) -> None:
        app = FastAPI()
        install_transcoder(app, Transcoder(services.call, anyone, routes))

        @app.get("/v1/accounts/{id}/360")
        async def overview(id: str) -> dict[str, str]:  # noqa: A002
            return {"own": id}

        router = APIRouter(prefix="/v1/accounts")

        @router.get("/{id}/history")
        async def history(id: str) -> dict[str, str]:  # noqa: A002
            return {"included": id}

        app.include_router(router)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
            assert (await client.get("/v1/accounts/7/360")).json() == {"own": "7"}
            assert (await client.get("/v1/accounts/7/history")).json() == {"included": "7"}
            assert (await client.get(f"/v1/accounts/{ID}")).status_code == 200
            # No redirect to the path without its last slash.
            assert (await client.get("/v1/accounts/7/360/")).status_code == 404

    async def test_a_prefix_of_a_proxy_is_passed_over(self, services: Any, routes: Any) -> None:
        transport = httpx.ASGITransport(Transcoder(services.call, anyone, routes), root_path="/crm")
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            assert (await client.get(f"/crm/v1/accounts/{ID}")).status_code == 200
