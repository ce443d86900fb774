"""The methods of campaigns."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from google.type import date_pb2, money_pb2
from sqlalchemy import text

from rotunda.kit.v1 import resource_pb2
from rotunda.marketing.events.v1 import campaign_event_pb2 as events
from rotunda.marketing.v1 import campaign_service_pb2 as pb
from rotunda_kit.errors import AlreadyExists, EtagMismatch, FailedPrecondition, InvalidArgument, NotFound, RotundaError
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.model import new_id
from rotunda_kit.testing.platform import TestPlatform

SERVICE = "rotunda.marketing.v1.CampaignService"
START, END = date_pb2.Date(year=2026, month=3, day=1), date_pb2.Date(year=2026, month=3, day=31)

# The verbs that lead to a state.
WAY: dict[int, list[str]] = {
    pb.CAMPAIGN_STATE_DRAFT: [],
    pb.CAMPAIGN_STATE_PLANNED: ["Plan"],
    pb.CAMPAIGN_STATE_RUNNING: ["Plan", "Start"],
    pb.CAMPAIGN_STATE_PAUSED: ["Plan", "Start", "Pause"],
    pb.CAMPAIGN_STATE_COMPLETED: ["Plan", "Start", "Complete"],
    pb.CAMPAIGN_STATE_CANCELLED: ["Cancel"],
}


async def call(platform: TestPlatform, method: str, **fields: Any) -> Any:
    return await platform.call(f"{SERVICE}.{method}", **fields)


async def create(platform: TestPlatform, **fields: Any) -> pb.Campaign:
    usual = {"display_name": "Spring mailing", "kind": "CAMPAIGN_KIND_EMAIL", "start_date": START, "end_date": END}
    campaign: pb.Campaign = (await call(platform, "CreateCampaign", campaign=usual | fields)).campaign
    return campaign


async def campaign_in(platform: TestPlatform, state: int) -> pb.Campaign:
    campaign = await create(platform)
    for verb in WAY[state]:
        campaign = (await call(platform, f"{verb}Campaign", id=campaign.id)).campaign
    assert campaign.state == state
    return campaign


async def told(platform: TestPlatform, campaign_id: str) -> list[tuple[str, pb.Campaign]]:
    """Verbs of the events about a campaign, each with the campaign as it was after it."""
    async with platform.runtimes["marketing"].database.reading() as connection:
        rows = await connection.execute(
            text("SELECT verb, payload FROM outbox WHERE aggregate_id = :id ORDER BY id"), {"id": UUID(campaign_id)}
        )
        return [(row.verb, events.CampaignEvent.FromString(row.payload).campaign) for row in rows]


class TestCreate:
    async def test_a_new_campaign_is_a_draft_and_the_callers_own(self, platform: TestPlatform) -> None:
        campaign = await create(platform, budget=money_pb2.Money(units=5000, currency_code="EUR"))
        assert campaign.state == pb.CAMPAIGN_STATE_DRAFT
        assert (campaign.owner_id, campaign.member_count) == (platform.subject, 0)
        assert (campaign.start_date, campaign.end_date, campaign.budget.units) == (START, END, 5000)
        assert await told(platform, campaign.id) == [("created", campaign)]

    async def test_someone_else_may_run_it(self, platform: TestPlatform) -> None:
        method = "rotunda.access.v1.UserService.CreateUser"
        user = {"username": new_id().hex, "display_name": "Anna", "role_ids": [ADMINISTRATOR]}
        anna = (await platform.call(method, user=user)).user
        campaign = await create(platform, owner_id=anna.id)
        assert (campaign.owner_id, campaign.owner_display_name) == (anna.id, "Anna")

    async def test_it_names_every_wrong_field_at_once(self, platform: TestPlatform) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await create(
                platform, start_date=END, end_date=START, budget=money_pb2.Money(units=-1, currency_code="EUR")
            )
        wrong = {violation.field for violation in refusal.value.violations}
        assert wrong == {"campaign.end_date", "campaign.budget"}

    async def test_it_needs_a_name_and_a_kind(self, platform: TestPlatform) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await call(platform, "CreateCampaign", campaign={"description": "With a voucher"})
        wrong = {violation.field for violation in refusal.value.violations}
        assert wrong == {"campaign.display_name", "campaign.kind"}

    async def test_an_external_id_names_one_campaign(self, platform: TestPlatform) -> None:
        key = [{"system": "mailer", "id": new_id().hex}]
        await create(platform, external_ids=key)
        with pytest.raises(AlreadyExists) as refusal:
            await create(platform, external_ids=key)
        assert refusal.value.reason == "EXTERNAL_ID_TAKEN"


class TestGet:
    async def test_it_is_as_it_was_answered(self, platform: TestPlatform) -> None:
        campaign = await create(platform)
        assert (await call(platform, "GetCampaign", id=campaign.id)).campaign == campaign

    async def test_there_is_none(self, platform: TestPlatform) -> None:
        with pytest.raises(NotFound) as refusal:
            await call(platform, "GetCampaign", id=str(new_id()))
        assert refusal.value.reason == "CAMPAIGN_NOT_FOUND"


class TestList:
    async def test_the_newest_come_first_and_filters_narrow(self, platform: TestPlatform) -> None:
        name = new_id().hex
        made = [(await create(platform, display_name=name)).id for _ in range(3)]
        await call(platform, "PlanCampaign", id=made[1])
        every = await call(platform, "ListCampaigns", filter=f'display_name = "{name}"')
        drafts = await call(
            platform, "ListCampaigns", filter=f'display_name = "{name}" AND state = DRAFT AND kind = EMAIL'
        )
        assert [campaign.id for campaign in every.campaigns] == made[::-1]
        assert [campaign.id for campaign in drafts.campaigns] == [made[2], made[0]]


class TestUpdate:
    async def test_a_draft_changes_in_every_field(self, platform: TestPlatform) -> None:
        campaign = await create(platform)
        changes = {"id": campaign.id, "display_name": "Summer mailing", "kind": "CAMPAIGN_KIND_LETTER"}
        answer = await call(platform, "UpdateCampaign", campaign=changes)
        assert (answer.campaign.display_name, answer.campaign.kind) == ("Summer mailing", pb.CAMPAIGN_KIND_LETTER)

    async def test_what_people_have_heard_of_stays(self, platform: TestPlatform) -> None:
        campaign = await campaign_in(platform, pb.CAMPAIGN_STATE_RUNNING)
        with pytest.raises(FailedPrecondition) as refusal:
            await call(platform, "UpdateCampaign", campaign={"id": campaign.id, "display_name": "Summer mailing"})
        assert (refusal.value.reason, refusal.value.metadata) == ("CAMPAIGN_STARTED", {"state": "RUNNING"})

    async def test_a_running_campaign_may_last_longer_and_cost_more(self, platform: TestPlatform) -> None:
        campaign = await campaign_in(platform, pb.CAMPAIGN_STATE_RUNNING)
        later, dearer = date_pb2.Date(year=2026, month=4, day=30), money_pb2.Money(units=9, currency_code="EUR")
        changes = {"id": campaign.id, "end_date": later, "budget": dearer, "display_name": campaign.display_name}
        answer = await call(platform, "UpdateCampaign", campaign=changes)
        assert (answer.campaign.end_date, answer.campaign.budget) == (later, dearer)

    async def test_a_planned_campaign_keeps_a_start(self, platform: TestPlatform) -> None:
        campaign = await campaign_in(platform, pb.CAMPAIGN_STATE_PLANNED)
        with pytest.raises(InvalidArgument) as refusal:
            await call(platform, "UpdateCampaign", campaign={"id": campaign.id}, update_mask={"paths": ["start_date"]})
        assert [violation.field for violation in refusal.value.violations] == ["campaign.start_date"]

    async def test_a_stale_write_is_refused(self, platform: TestPlatform) -> None:
        campaign = await create(platform)
        await call(platform, "PlanCampaign", id=campaign.id)
        with pytest.raises(EtagMismatch):
            await call(
                platform,
                "UpdateCampaign",
                campaign={"id": campaign.id, "etag": campaign.etag, "description": "With a voucher"},
            )


class TestBatchCreate:
    async def test_a_load_can_be_repeated_even_when_campaigns_have_started(self, platform: TestPlatform) -> None:
        items: list[dict[str, Any]] = [
            {
                "campaign": {
                    "display_name": f"Mailing {at}",
                    "kind": "CAMPAIGN_KIND_EMAIL",
                    "start_date": START,
                    "external_ids": [{"system": "mailer", "id": new_id().hex}],
                }
            }
            for at in range(3)
        ]
        first = await call(platform, "BatchCreateCampaigns", requests=items, upsert_by="externalIds")
        for result in first.results:
            for verb in WAY[pb.CAMPAIGN_STATE_RUNNING]:
                await call(platform, f"{verb}Campaign", id=result.campaign.id)
        items[1]["campaign"]["display_name"] = "Too late"
        items[2]["campaign"]["description"] = "In time"
        second = await call(platform, "BatchCreateCampaigns", requests=items, upsert_by="externalIds")
        assert [result.outcome for result in second.results] == [
            resource_pb2.BATCH_OUTCOME_UNCHANGED,
            resource_pb2.BATCH_OUTCOME_FAILED,
            resource_pb2.BATCH_OUTCOME_UPDATED,
        ]
        assert second.results[1].error.reason == "CAMPAIGN_STARTED"


class TestVerbs:
    async def test_a_campaign_lives_its_whole_life(self, platform: TestPlatform) -> None:
        campaign = await create(platform)
        for verb in ("Plan", "Start", "Pause", "Resume", "Complete"):
            campaign = (await call(platform, f"{verb}Campaign", id=campaign.id, etag=campaign.etag)).campaign
        assert campaign.state == pb.CAMPAIGN_STATE_COMPLETED
        verbs = [verb for verb, _ in await told(platform, campaign.id)]
        assert verbs == ["created", "planned", "started", "paused", "resumed", "completed"]

    @pytest.mark.parametrize(
        ("verb", "state", "reason"),
        [
            ("Plan", pb.CAMPAIGN_STATE_PLANNED, "CAMPAIGN_NOT_DRAFT"),
            ("Start", pb.CAMPAIGN_STATE_DRAFT, "CAMPAIGN_NOT_PLANNED"),
            ("Pause", pb.CAMPAIGN_STATE_PAUSED, "CAMPAIGN_NOT_RUNNING"),
            ("Resume", pb.CAMPAIGN_STATE_RUNNING, "CAMPAIGN_NOT_PAUSED"),
            ("Complete", pb.CAMPAIGN_STATE_PLANNED, "CAMPAIGN_NOT_RUNNING"),
            ("Cancel", pb.CAMPAIGN_STATE_COMPLETED, "CAMPAIGN_OVER"),
            ("Cancel", pb.CAMPAIGN_STATE_CANCELLED, "CAMPAIGN_OVER"),
        ],
    )
    async def test_a_verb_out_of_turn_is_refused(
        self, platform: TestPlatform, verb: str, state: int, reason: str
    ) -> None:
        campaign = await campaign_in(platform, state)
        with pytest.raises(FailedPrecondition) as refusal:
            await call(platform, f"{verb}Campaign", id=campaign.id)
        name = pb.CampaignState.Name(campaign.state).removeprefix("CAMPAIGN_STATE_")
        assert (refusal.value.reason, refusal.value.metadata) == (reason, {"state": name})

    async def test_a_plan_needs_a_start_date(self, platform: TestPlatform) -> None:
        campaign = await create(platform, start_date=None)
        with pytest.raises(FailedPrecondition) as refusal:
            await call(platform, "PlanCampaign", id=campaign.id)
        assert refusal.value.reason == "CAMPAIGN_HAS_NO_START_DATE"

    async def test_it_keeps_why_it_was_called_off(self, platform: TestPlatform) -> None:
        campaign = await campaign_in(platform, pb.CAMPAIGN_STATE_PAUSED)
        answer = await call(platform, "CancelCampaign", id=campaign.id, reason="Too dear")
        assert (answer.campaign.state, answer.campaign.cancel_reason) == (pb.CAMPAIGN_STATE_CANCELLED, "Too dear")

    async def test_of_twenty_who_start_it_one_succeeds(self, platform: TestPlatform) -> None:
        campaign = await campaign_in(platform, pb.CAMPAIGN_STATE_PLANNED)

        async def start() -> str:
            try:
                await call(platform, "StartCampaign", id=campaign.id)
            except RotundaError as error:
                return error.reason
            return "started"

        outcomes = await asyncio.gather(*(start() for _ in range(20)))
        assert sorted(outcomes) == ["CAMPAIGN_NOT_PLANNED"] * 19 + ["started"]
        assert [verb for verb, _ in await told(platform, campaign.id)] == ["created", "planned", "started"]
