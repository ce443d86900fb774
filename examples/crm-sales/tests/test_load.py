"""The whole load against a platform in memory, which takes what the protos say and nothing else."""

import asyncio
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from google.protobuf.message import Message
from rich.console import Console
from rich.progress import Progress

from crm_sales_loader import api, records, source
from crm_sales_loader.api import Access, ApiError, Client
from crm_sales_loader.loading import Loader, LoadFailed, Noun
from crm_sales_loader.process import ACCOUNTS, load
from crm_sales_loader.verification import Figure, figures
from rotunda.access.v1 import team_service_pb2, user_service_pb2
from rotunda.customers.v1 import account_service_pb2, activity_service_pb2, contact_service_pb2
from rotunda.marketing.v1 import campaign_member_service_pb2, campaign_service_pb2
from rotunda.sales.v1 import opportunity_service_pb2, pipeline_service_pb2, product_service_pb2
from rotunda.service_desk.v1 import ticket_service_pb2
from rotunda.sync.v1 import mailbox_service_pb2, message_service_pb2
from rotunda_kit.json.decode import decoder

DATA = source.read(Path(__file__).parents[1])
ACCESS = Access("http://platform", "admin", "correct horse battery")

BATCHES: dict[str, tuple[str, type[Message]]] = {
    "users": ("user", user_service_pb2.BatchCreateUsersRequest),
    "teams": ("team", team_service_pb2.BatchCreateTeamsRequest),
    "accounts": ("account", account_service_pb2.BatchCreateAccountsRequest),
    "contacts": ("contact", contact_service_pb2.BatchCreateContactsRequest),
    "activities": ("activity", activity_service_pb2.BatchCreateActivitiesRequest),
    "products": ("product", product_service_pb2.BatchCreateProductsRequest),
    "pipelines": ("pipeline", pipeline_service_pb2.BatchCreatePipelinesRequest),
    "opportunities": ("opportunity", opportunity_service_pb2.BatchCreateOpportunitiesRequest),
    "tickets": ("ticket", ticket_service_pb2.BatchCreateTicketsRequest),
    "campaigns": ("campaign", campaign_service_pb2.BatchCreateCampaignsRequest),
    "members": ("member", campaign_member_service_pb2.BatchCreateCampaignMembersRequest),
    "mailboxes": ("mailbox", mailbox_service_pb2.BatchCreateMailboxesRequest),
    "messages": ("message", message_service_pb2.BatchCreateMessagesRequest),
}
VERBS: dict[tuple[str, str], tuple[type[Message], str]] = {
    ("tickets", "assign"): (ticket_service_pb2.AssignTicketRequest, "OPEN"),
    ("tickets", "resolve"): (ticket_service_pb2.ResolveTicketRequest, "RESOLVED"),
    ("tickets", "close"): (ticket_service_pb2.CloseTicketRequest, "CLOSED"),
    ("campaigns", "plan"): (campaign_service_pb2.PlanCampaignRequest, "PLANNED"),
    ("campaigns", "start"): (campaign_service_pb2.StartCampaignRequest, "RUNNING"),
    ("campaigns", "pause"): (campaign_service_pb2.PauseCampaignRequest, "PAUSED"),
    ("campaigns", "complete"): (campaign_service_pb2.CompleteCampaignRequest, "COMPLETED"),
    ("campaigns", "cancel"): (campaign_service_pb2.CancelCampaignRequest, "CANCELLED"),
}
CLOSINGS: dict[str, tuple[type[Message], str]] = {
    "batchWin": (opportunity_service_pb2.BatchWinOpportunitiesRequest, "WON"),
    "batchLose": (opportunity_service_pb2.BatchLoseOpportunitiesRequest, "LOST"),
}
FIRST_STATES = {"opportunity": "OPEN", "ticket": "OPEN", "campaign": "DRAFT"}
STAGES = {id_: stage.value for stage, id_ in records.STAGE_IDS.items()}
PATH = re.compile(r"/v1/(?:campaigns/[^/]+/)?(?P<collection>[a-z]+)(?:/(?P<id>[^/:]+))?(?::(?P<verb>\w+))?")


class Platform:
    """Keeps records in dictionaries; refuses bodies that do not fit their protos."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, dict[str, Any]]] = {collection: {} for collection in BATCHES}
        self.writes: Counter[str] = Counter()
        self.calls: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/auth/token":
            form = parse_qs(request.content.decode())
            right = form == {"grant_type": ["password"], "username": [ACCESS.username], "password": [ACCESS.password]}
            return httpx.Response(200, json={"access_token": "t"}) if right else httpx.Response(401, json={"code": "X"})
        assert request.headers["Authorization"] == "Bearer t"
        match = PATH.fullmatch(request.url.path)
        assert match, request.url
        collection, verb = match["collection"], match["verb"]
        if request.method == "GET":
            return self._list(collection, request.url.params)
        assert request.headers["Idempotency-Key"]
        body = json.loads(request.content)
        self.calls.append(f"{collection}:{verb}")
        if verb == "batchCreate":
            return self._upsert(collection, body)
        if verb in CLOSINGS:
            return self._close(verb, body)
        kind, state = VERBS[collection, verb]
        self._fits(kind, body)
        record = next(record for record in self.records[collection].values() if record["id"] == match["id"])
        record.update(state=state, **({"assigneeId": body["assigneeId"]} if verb == "assign" else {}))
        self.writes[f"{collection}:{verb}"] += 1
        return httpx.Response(200, json=record)

    def _upsert(self, collection: str, body: dict[str, Any]) -> httpx.Response:
        resource, kind = BATCHES[collection]
        self._fits(kind, body)
        assert len(body["requests"]) <= 1_000
        assert body["upsertBy"] == "externalIds"
        return httpx.Response(
            200, json={"results": [self._upsert_one(collection, resource, item) for item in body["requests"]]}
        )

    def _upsert_one(self, collection: str, resource: str, item: dict[str, Any]) -> dict[str, Any]:
        given, kept = item[resource], self.records[collection]
        key = given["externalIds"][0]["id"]
        if key in kept:
            outcome = "UNCHANGED" if {**kept[key], **given} == kept[key] else "UPDATED"
            kept[key].update(given)
        else:
            outcome = "CREATED"
            kept[key] = {"id": f"{collection}-{len(kept)}", **given}
            if resource in FIRST_STATES:
                kept[key]["state"] = FIRST_STATES[resource]
            if "stageId" in item:
                kept[key]["stageDisplayName"] = STAGES[item["stageId"]]
        if outcome != "UNCHANGED":
            self.writes[f"{collection}:batchCreate"] += 1
        return {"outcome": outcome, resource: kept[key]}

    def _close(self, verb: str, body: dict[str, Any]) -> httpx.Response:
        kind, state = CLOSINGS[verb]
        self._fits(kind, body)
        by_id = {record["id"]: record for record in self.records["opportunities"].values()}
        for item in body["requests"]:
            assert by_id[item["id"]]["state"] == "OPEN"
            by_id[item["id"]].update(state=state, closeDate=item["closeDate"])
        self.writes[f"opportunities:{verb}"] += len(body["requests"])
        return httpx.Response(200, json={"results": [{"outcome": "UPDATED"} for _ in body["requests"]]})

    def _list(self, collection: str, parameters: httpx.QueryParams) -> httpx.Response:
        everything = list(self.records[collection].values())
        start, size = int(parameters["pageToken"] or 0), int(parameters["pageSize"])
        token = str(start + size) if start + size < len(everything) else ""
        return httpx.Response(200, json={collection: everything[start : start + size], "nextPageToken": token})

    @staticmethod
    def _fits(kind: type[Message], body: dict[str, Any]) -> None:
        violations = decoder(kind)(body).violations
        assert not violations, violations[:3]


async def run(platform: Platform) -> tuple[Loader, list[Figure]]:
    async with Client(ACCESS, httpx.MockTransport(platform)) as client:
        loader = Loader(client, Progress(console=Console(quiet=True)))
        await load(loader, DATA)
        return loader, await figures(client, loader.ids["pipeline"][records.PIPELINE])


@pytest.fixture(scope="module")
def loaded() -> Platform:
    platform = Platform()
    asyncio.run(run(platform))
    return platform


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "FIRST_PAUSE", 0.0)


class TestLoading:
    async def test_all_figures_agree(self) -> None:
        loader, found = await run(Platform())
        assert all(figure.agrees for figure in found), found
        assert loader.counts["Opportunities"] == {"CREATED": 8800}
        assert loader.counts["Users"] == {"CREATED": 41}
        assert loader.counts["Teams"] == {"CREATED": 9}

    async def test_loading_again_changes_nothing(self, loaded: Platform) -> None:
        loaded.writes.clear()
        loader, found = await run(loaded)
        assert not loaded.writes
        assert {outcome for counts in loader.counts.values() for outcome in counts} == {"UNCHANGED"}
        assert all(figure.agrees for figure in found)

    async def test_an_interrupted_load_is_completed(self, loaded: Platform) -> None:
        keys = [key for key, record in loaded.records["opportunities"].items() if record["state"] == "WON"]
        for key in keys[:10]:
            loaded.records["opportunities"][key]["state"] = "OPEN"
        del loaded.records["opportunities"][keys[10]]
        loaded.writes.clear()
        _, found = await run(loaded)
        assert loaded.writes == {"opportunities:batchWin": 11, "opportunities:batchCreate": 1}
        assert all(figure.agrees for figure in found)

    async def test_subsidiaries_name_their_parents(self, loaded: Platform) -> None:
        accounts = loaded.records["accounts"]
        assert accounts["Cheers"]["parentAccountId"] == accounts["Massive Dynamic"]["id"]
        assert sum("parentAccountId" in account for account in accounts.values()) == 15

    async def test_figures_that_differ_are_told(self, loaded: Platform) -> None:
        key = next(key for key, record in loaded.records["opportunities"].items() if record["state"] == "LOST")
        kept = dict(loaded.records["opportunities"][key])
        loaded.records["opportunities"][key]["state"] = "CANCELLED"
        _, found = await run(loaded)
        loaded.records["opportunities"][key] = kept
        assert [figure.name for figure in found if not figure.agrees] == ["lost"]


@pytest.mark.usefixtures("_no_pauses")
class TestClient:
    async def test_what_is_unavailable_is_tried_again_under_the_same_key(self) -> None:
        keys: list[str] = []

        def flaky(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/v1/auth/token":
                return httpx.Response(200, json={"access_token": "t"})
            keys.append(request.headers["Idempotency-Key"])
            return httpx.Response(503, json={"code": "UNAVAILABLE"}) if len(keys) < 3 else httpx.Response(200, json={})

        async with Client(ACCESS, httpx.MockTransport(flaky)) as client:
            await client.post("/v1/accounts:batchCreate", {})
        assert len(keys) == 3
        assert len(set(keys)) == 1

    async def test_a_refusal_is_not_tried_again(self) -> None:
        calls: list[str] = []

        def refuse(request: httpx.Request) -> httpx.Response:
            calls.append(request.url.path)
            return httpx.Response(401, json={"code": "UNAUTHENTICATED", "reason": "WRONG_PASSWORD", "detail": "No."})

        with pytest.raises(ApiError, match="WRONG_PASSWORD: No"):
            async with Client(ACCESS, httpx.MockTransport(refuse)):
                pass
        assert len(calls) == 1

    async def test_only_items_that_may_pass_are_sent_again(self) -> None:
        sent: list[list[int]] = []

        def partly(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/v1/auth/token":
                return httpx.Response(200, json={"access_token": "t"})
            numbers = [item["n"] for item in json.loads(request.content)["requests"]]
            sent.append(numbers)
            codes = {1: "UNAVAILABLE" if len(sent) == 1 else None, 2: "INVALID_ARGUMENT"}
            failed = {n: {"outcome": "FAILED", "error": {"code": code}} for n, code in codes.items() if code}
            created = {"outcome": "CREATED", "account": {"id": "x"}}
            return httpx.Response(200, json={"results": [failed.get(n, created) for n in numbers]})

        async with Client(ACCESS, httpx.MockTransport(partly)) as client:
            outcomes = await client.batch("/v1/accounts:batchCreate", "account", [{"n": n} for n in range(4)])
        assert sent == [[0, 1, 2, 3], [1]]
        assert [outcome.outcome for outcome in outcomes] == ["CREATED", "CREATED", "FAILED", "CREATED"]

    async def test_refused_records_end_the_load_and_say_why(self) -> None:
        def refuse(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/v1/auth/token":
                return httpx.Response(200, json={"access_token": "t"})
            error = {"code": "INVALID_ARGUMENT", "reason": "INVALID_FIELDS", "detail": "Wrong input: displayName."}
            return httpx.Response(200, json={"results": [{"outcome": "FAILED", "error": error}]})

        async with Client(ACCESS, httpx.MockTransport(refuse)) as client:
            loader = Loader(client, Progress(console=Console(quiet=True)))
            with pytest.RaisesGroup(pytest.RaisesExc(LoadFailed, match="Wrong input: displayName")):
                async with asyncio.TaskGroup() as group:
                    group.create_task(loader.upsert(Noun("Accounts", ACCOUNTS.path, "account"), [{}]))
