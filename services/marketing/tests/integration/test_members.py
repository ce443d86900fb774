"""The methods of campaign members."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from rotunda.kit.v1 import resource_pb2
from rotunda.marketing.events.v1 import campaign_member_event_pb2 as events
from rotunda.marketing.v1 import campaign_member_service_pb2 as pb
from rotunda_kit.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, RotundaError
from rotunda_kit.model import new_id
from rotunda_kit.testing.platform import TestPlatform

CAMPAIGNS = "rotunda.marketing.v1.CampaignService"
SERVICE = "rotunda.marketing.v1.CampaignMemberService"

New = Callable[[], Awaitable[str]]


async def call(platform: TestPlatform, method: str, **fields: Any) -> Any:
    return await platform.call(f"{SERVICE}.{method}", **fields)


async def campaign(platform: TestPlatform) -> str:
    usual = {"display_name": "Fair", "kind": "CAMPAIGN_KIND_EVENT", "start_date": {"year": 2026, "month": 3, "day": 1}}
    return str((await platform.call(f"{CAMPAIGNS}.CreateCampaign", campaign=usual)).campaign.id)


async def cancel(platform: TestPlatform, campaign_id: str) -> None:
    await platform.call(f"{CAMPAIGNS}.CancelCampaign", id=campaign_id)


async def create(platform: TestPlatform, campaign_id: str, **fields: Any) -> pb.CampaignMember:
    answer = await call(platform, "CreateCampaignMember", campaign_id=campaign_id, member=fields)
    member: pb.CampaignMember = answer.member
    return member


async def member_count(platform: TestPlatform, campaign_id: str) -> int:
    return int((await platform.call(f"{CAMPAIGNS}.GetCampaign", id=campaign_id)).campaign.member_count)


async def told(platform: TestPlatform, member_id: str) -> list[tuple[str, pb.CampaignMember]]:
    """Verbs of the events about a member, each with the member as it was after it."""
    async with platform.runtimes["marketing"].database.reading() as connection:
        rows = await connection.execute(
            text("SELECT verb, payload FROM outbox WHERE aggregate_id = :id ORDER BY id"), {"id": UUID(member_id)}
        )
        return [(row.verb, events.CampaignMemberEvent.FromString(row.payload).campaign_member) for row in rows]


class TestCreate:
    async def test_a_new_member_is_to_be_contacted(
        self, platform: TestPlatform, new_account: New, new_contact: New
    ) -> None:
        campaign_id, account_id, contact_id = await campaign(platform), await new_account(), await new_contact()
        member = await create(platform, campaign_id, account_id=account_id, contact_id=contact_id)
        assert (member.campaign_id, member.status) == (campaign_id, pb.CAMPAIGN_MEMBER_STATUS_TARGETED)
        assert (member.account_display_name, member.contact_display_name) == ("Acme", "Ada Lovelace")
        assert await told(platform, member.id) == [("created", member)]
        assert await member_count(platform, campaign_id) == 1

    async def test_a_member_is_somebody(self, platform: TestPlatform) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await create(platform, await campaign(platform), status="CAMPAIGN_MEMBER_STATUS_CONTACTED")
        assert [violation.field for violation in refusal.value.violations] == ["member.account_id"]

    async def test_a_member_is_nobody_who_does_not_exist(self, platform: TestPlatform) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await create(platform, await campaign(platform), account_id=str(new_id()), contact_id=str(new_id()))
        wrong = {violation.field for violation in refusal.value.violations}
        assert wrong == {"member.account_id", "member.contact_id"}

    async def test_the_campaign_must_exist(self, platform: TestPlatform, new_account: New) -> None:
        with pytest.raises(NotFound) as refusal:
            await create(platform, str(new_id()), account_id=await new_account())
        assert refusal.value.reason == "CAMPAIGN_NOT_FOUND"

    async def test_the_campaign_must_be_named(self, platform: TestPlatform, new_account: New) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await create(platform, "", account_id=await new_account())
        assert [violation.field for violation in refusal.value.violations] == ["campaign_id"]

    async def test_nobody_joins_when_it_is_over(self, platform: TestPlatform, new_account: New) -> None:
        campaign_id = await campaign(platform)
        await cancel(platform, campaign_id)
        with pytest.raises(FailedPrecondition) as refusal:
            await create(platform, campaign_id, account_id=await new_account())
        assert (refusal.value.reason, refusal.value.metadata) == ("CAMPAIGN_OVER", {"state": "CANCELLED"})


class TestUnique:
    async def test_of_twenty_who_add_a_contact_one_succeeds(self, platform: TestPlatform, new_contact: New) -> None:
        campaign_id, contact_id = await campaign(platform), await new_contact()

        async def add() -> str:
            try:
                return (await create(platform, campaign_id, contact_id=contact_id)).id
            except RotundaError as error:
                return error.reason

        outcomes = await asyncio.gather(*(add() for _ in range(20)))
        assert outcomes.count("CAMPAIGN_ID_CONTACT_ID_TAKEN") == 19
        assert await member_count(platform, campaign_id) == 1

    async def test_twenty_different_ones_are_added_at_a_time(self, platform: TestPlatform, new_contact: New) -> None:
        campaign_id = await campaign(platform)
        contacts = [await new_contact() for _ in range(20)]
        await asyncio.gather(*(create(platform, campaign_id, contact_id=contact) for contact in contacts))
        assert await member_count(platform, campaign_id) == 20

    async def test_an_account_as_a_whole_is_a_member_once(self, platform: TestPlatform, new_account: New) -> None:
        campaign_id, account_id = await campaign(platform), await new_account()
        await create(platform, campaign_id, account_id=account_id)
        with pytest.raises(AlreadyExists) as refusal:
            await create(platform, campaign_id, account_id=account_id)
        assert refusal.value.reason == "CAMPAIGN_ID_ACCOUNT_ID_TAKEN"

    async def test_an_account_and_many_of_its_people_are_members(
        self, platform: TestPlatform, new_account: New, new_contact: New
    ) -> None:
        campaign_id, account_id = await campaign(platform), await new_account()
        await create(platform, campaign_id, account_id=account_id)
        for _ in range(2):
            await create(platform, campaign_id, account_id=account_id, contact_id=await new_contact())
        assert await member_count(platform, campaign_id) == 3

    async def test_who_was_deleted_may_come_back(self, platform: TestPlatform, new_contact: New) -> None:
        campaign_id, contact_id = await campaign(platform), await new_contact()
        member = await create(platform, campaign_id, contact_id=contact_id)
        await call(platform, "DeleteCampaignMember", campaign_id=campaign_id, id=member.id)
        await create(platform, campaign_id, contact_id=contact_id)
        assert await member_count(platform, campaign_id) == 1


class TestGet:
    async def test_it_is_as_it_was_answered(self, platform: TestPlatform, new_account: New) -> None:
        campaign_id = await campaign(platform)
        member = await create(platform, campaign_id, account_id=await new_account())
        assert (await call(platform, "GetCampaignMember", campaign_id=campaign_id, id=member.id)).member == member

    async def test_it_is_in_no_other_campaign(self, platform: TestPlatform, new_account: New) -> None:
        member = await create(platform, await campaign(platform), account_id=await new_account())
        with pytest.raises(NotFound) as refusal:
            await call(platform, "GetCampaignMember", campaign_id=await campaign(platform), id=member.id)
        assert refusal.value.reason == "CAMPAIGN_MEMBER_NOT_FOUND"


class TestList:
    async def test_it_has_the_members_of_one_campaign_newest_first(
        self, platform: TestPlatform, new_account: New
    ) -> None:
        ours, theirs = await campaign(platform), await campaign(platform)
        accounts = [await new_account() for _ in range(3)]
        made = [(await create(platform, ours, account_id=account_id)).id for account_id in accounts]
        await create(platform, theirs, account_id=accounts[0])
        first = await call(platform, "ListCampaignMembers", campaign_id=ours, page_size=2)
        second = await call(
            platform, "ListCampaignMembers", campaign_id=ours, page_size=2, page_token=first.next_page_token
        )
        assert [member.id for member in [*first.members, *second.members]] == made[::-1]

    async def test_it_narrows_by_status(self, platform: TestPlatform, new_account: New) -> None:
        campaign_id = await campaign(platform)
        await create(platform, campaign_id, account_id=await new_account())
        status = "CAMPAIGN_MEMBER_STATUS_RESPONDED"
        responded = await create(platform, campaign_id, account_id=await new_account(), status=status)
        answer = await call(platform, "ListCampaignMembers", campaign_id=campaign_id, filter="status = RESPONDED")
        assert [member.id for member in answer.members] == [responded.id]

    async def test_the_campaign_must_exist(self, platform: TestPlatform) -> None:
        with pytest.raises(NotFound) as refusal:
            await call(platform, "ListCampaignMembers", campaign_id=str(new_id()))
        assert refusal.value.reason == "CAMPAIGN_NOT_FOUND"


class TestUpdate:
    async def test_a_member_responds(self, platform: TestPlatform, new_account: New) -> None:
        campaign_id = await campaign(platform)
        member = await create(platform, campaign_id, account_id=await new_account())
        changes = {"id": member.id, "campaign_id": campaign_id, "status": "CAMPAIGN_MEMBER_STATUS_RESPONDED"}
        answer = await call(platform, "UpdateCampaignMember", member=changes, update_mask={"paths": ["status"]})
        assert answer.member.status == pb.CAMPAIGN_MEMBER_STATUS_RESPONDED
        assert [verb for verb, _ in await told(platform, member.id)] == ["created", "updated"]

    async def test_it_does_not_go_over_to_another_campaign(self, platform: TestPlatform, new_account: New) -> None:
        member = await create(platform, await campaign(platform), account_id=await new_account())
        changes = {"id": member.id, "campaign_id": await campaign(platform)}
        with pytest.raises(NotFound):
            await call(platform, "UpdateCampaignMember", member=changes)

    async def test_nobody_responds_when_it_is_over(self, platform: TestPlatform, new_account: New) -> None:
        campaign_id = await campaign(platform)
        member = await create(platform, campaign_id, account_id=await new_account())
        await cancel(platform, campaign_id)
        changes = {"id": member.id, "campaign_id": campaign_id, "status": "CAMPAIGN_MEMBER_STATUS_RESPONDED"}
        with pytest.raises(FailedPrecondition) as refusal:
            await call(platform, "UpdateCampaignMember", member=changes)
        assert refusal.value.reason == "CAMPAIGN_OVER"

    async def test_an_update_that_changes_nothing_passes_even_then(
        self, platform: TestPlatform, new_account: New
    ) -> None:
        campaign_id = await campaign(platform)
        member = await create(platform, campaign_id, account_id=await new_account())
        await cancel(platform, campaign_id)
        changes = {"id": member.id, "campaign_id": campaign_id, "status": "CAMPAIGN_MEMBER_STATUS_TARGETED"}
        assert (await call(platform, "UpdateCampaignMember", member=changes)).member == member


class TestDelete:
    async def test_it_is_gone(self, platform: TestPlatform, new_account: New) -> None:
        campaign_id = await campaign(platform)
        member = await create(platform, campaign_id, account_id=await new_account())
        await call(platform, "DeleteCampaignMember", campaign_id=campaign_id, id=member.id, etag=member.etag)
        with pytest.raises(NotFound):
            await call(platform, "GetCampaignMember", campaign_id=campaign_id, id=member.id)
        assert await member_count(platform, campaign_id) == 0
        assert [verb for verb, _ in await told(platform, member.id)] == ["created", "deleted"]


class TestDeleteCampaign:
    async def test_its_members_go_with_it(self, platform: TestPlatform, new_account: New) -> None:
        ours, theirs, account_id = await campaign(platform), await campaign(platform), await new_account()
        key = [{"system": "mailer", "id": new_id().hex}]
        gone = await create(platform, ours, account_id=account_id, external_ids=key)
        stays = await create(platform, theirs, account_id=account_id)
        await platform.call(f"{CAMPAIGNS}.DeleteCampaign", id=ours)
        with pytest.raises(NotFound):
            await platform.call(f"{CAMPAIGNS}.GetCampaign", id=ours)
        with pytest.raises(NotFound):
            await call(platform, "GetCampaignMember", campaign_id=ours, id=gone.id)
        assert (await call(platform, "GetCampaignMember", campaign_id=theirs, id=stays.id)).member == stays
        async with platform.runtimes["marketing"].database.reading() as connection:
            noted = text("SELECT action, record_version, actor FROM audit_entry WHERE record_id = :id ORDER BY id")
            rows = (await connection.execute(noted, {"id": gone.id})).all()
        assert [(row.action, row.record_version) for row in rows] == [("created", 1), ("deleted", 2)]
        assert rows[1].actor == platform.subject
        # Their external ids are free again.
        await create(platform, await campaign(platform), account_id=account_id, external_ids=key)

    async def test_nobody_joins_while_it_is_deleted(self, platform: TestPlatform, new_account: New) -> None:
        campaign_id = await campaign(platform)
        accounts = [await new_account() for _ in range(10)]

        async def join(account_id: str) -> str:
            try:
                return (await create(platform, campaign_id, account_id=account_id)).id
            except RotundaError as error:
                return error.reason

        joined = [join(account_id) for account_id in accounts]
        *outcomes, _ = await asyncio.gather(*joined, platform.call(f"{CAMPAIGNS}.DeleteCampaign", id=campaign_id))
        assert len(outcomes) == 10
        async with platform.runtimes["marketing"].database.reading() as connection:
            left = await connection.scalar(
                text("SELECT count(*) FROM campaign_member WHERE campaign_id = :id AND delete_time IS NULL"),
                {"id": UUID(campaign_id)},
            )
        assert left == 0


class TestBatchCreate:
    async def test_a_load_can_be_repeated_even_when_the_campaign_is_over(
        self, platform: TestPlatform, new_account: New
    ) -> None:
        campaign_id = await campaign(platform)
        items: list[dict[str, Any]] = [
            {
                "member": {
                    "account_id": await new_account(),
                    "external_ids": [{"system": "mailer", "id": new_id().hex}],
                }
            }
            for _ in range(2)
        ]
        load: dict[str, Any] = {"campaign_id": campaign_id, "upsert_by": "externalIds"}
        first = await call(platform, "BatchCreateCampaignMembers", requests=items, **load)
        assert [result.outcome for result in first.results] == [resource_pb2.BATCH_OUTCOME_CREATED] * 2
        assert {result.member.campaign_id for result in first.results} == {campaign_id}
        await cancel(platform, campaign_id)
        items[1]["member"]["status"] = "CAMPAIGN_MEMBER_STATUS_RESPONDED"
        second = await call(platform, "BatchCreateCampaignMembers", requests=items, **load)
        assert [result.outcome for result in second.results] == [
            resource_pb2.BATCH_OUTCOME_UNCHANGED,
            resource_pb2.BATCH_OUTCOME_FAILED,
        ]
        assert second.results[1].error.reason == "CAMPAIGN_OVER"

    async def test_who_is_in_it_twice_fails_alone(
        self, platform: TestPlatform, new_account: New, new_contact: New
    ) -> None:
        campaign_id, contact_id = await campaign(platform), await new_contact()
        people: list[dict[str, str]] = [
            {"contact_id": contact_id},
            {"account_id": await new_account()},
            {"contact_id": contact_id},
            {},
        ]
        answer = await call(
            platform,
            "BatchCreateCampaignMembers",
            campaign_id=campaign_id,
            requests=[{"member": person} for person in people],
        )
        reasons = [result.error.reason for result in answer.results]
        assert reasons[:3] == ["", "", "CAMPAIGN_ID_CONTACT_ID_TAKEN"]
        assert answer.results[3].outcome == resource_pb2.BATCH_OUTCOME_FAILED
        assert await member_count(platform, campaign_id) == 2
