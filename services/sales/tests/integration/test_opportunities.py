"""The standard methods of opportunities."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from rotunda.kit.v1 import resource_pb2
from rotunda.sales.v1 import opportunity_service_pb2 as pb
from rotunda.sales.v1 import pipeline_service_pb2 as pipelines_pb
from rotunda_kit.errors import AlreadyExists, EtagMismatch, FailedPrecondition, InvalidArgument, NotFound
from rotunda_kit.model import new_id
from rotunda_kit.testing.waiting import eventually

from .sales import NEEDS_ANALYSIS, NOT_RECORDED, PIPELINE, QUALIFICATION, Sales

DAY = {"year": 2026, "month": 3, "day": 1}


async def found(sales: Sales, wanted: str, **fields: Any) -> list[str]:
    answer = await sales.call("OpportunityService.ListOpportunities", filter=wanted, **fields)
    return [opportunity.id for opportunity in answer.opportunities]


async def load(sales: Sales, items: list[Any]) -> list[pb.BatchCreateOpportunitiesResult]:
    method = "OpportunityService.BatchCreateOpportunities"
    return list((await sales.call(method, requests=items, upsert_by="externalIds")).results)


class TestCreate:
    async def test_it_is_the_callers_and_begins_where_the_default_pipeline_does(self, sales: Sales) -> None:
        opportunity = await sales.opportunity()
        assert opportunity.owner_id == sales.platform.subject
        assert (opportunity.pipeline_id, opportunity.stage_id) == (PIPELINE, QUALIFICATION)
        assert (opportunity.state, opportunity.stage_display_name) == (pb.OPPORTUNITY_STATE_OPEN, "Qualification")
        assert (opportunity.probability, opportunity.forecast_category) == (10, pipelines_pb.FORECAST_CATEGORY_PIPELINE)
        for name in ("account_id", "owner_display_name", "amount", "close_date", "close_reason"):
            assert not opportunity.HasField(name)
        assert await sales.verbs(opportunity.id) == ["created"]
        assert await sales.moves(opportunity.id) == [(None, QUALIFICATION, sales.platform.subject)]

    async def test_it_keeps_what_is_known(self, sales: Sales) -> None:
        account_id, owner_id, product_id = await sales.account(), await sales.user("Anna"), await sales.product()
        opportunity = await sales.opportunity(
            account_id=account_id,
            owner_id=owner_id,
            product_ids=[product_id],
            amount={"units": 4821, "nanos": 500_000_000, "currency_code": "EUR"},
            engage_date=DAY,
            expected_close_date={"year": 2026, "month": 2, "day": 1},
            description="For a friend",
        )
        assert (opportunity.account_display_name, opportunity.owner_display_name) == ("Acme", "Anna")
        assert (opportunity.amount.units, opportunity.amount.nanos) == (4821, 500_000_000)
        assert (opportunity.expected_close_date.month, list(opportunity.product_ids)) == (2, [product_id])
        assert await sales.do("Get", id=opportunity.id) == opportunity

    async def test_it_begins_in_the_stage_that_is_asked_for(self, sales: Sales) -> None:
        opportunity = await sales.do("Create", opportunity={"display_name": "Deal"}, stage_id=NEEDS_ANALYSIS)
        assert (opportunity.stage_id, opportunity.probability) == (NEEDS_ANALYSIS, 25)

    async def test_it_goes_along_the_pipeline_that_is_asked_for(self, sales: Sales) -> None:
        pipeline = await sales.pipeline("One", "Two")
        opportunity = await sales.opportunity(pipeline_id=pipeline.id)
        assert opportunity.stage_id == pipeline.stages[0].id

    async def test_it_does_not_go_along_a_pipeline_that_is_just_being_deleted(self, sales: Sales) -> None:
        pipeline = await sales.pipeline("First")
        async with sales.database.transaction() as deleting:
            delete = text("UPDATE pipeline SET delete_time = now() WHERE id = :id")
            lock = text("SELECT FROM pipeline WHERE id = :id FOR UPDATE")
            for statement in (lock, delete):
                await deleting.execute(statement, {"id": UUID(pipeline.id)})
            opening = asyncio.create_task(sales.opportunity(pipeline_id=pipeline.id))

            async def waits() -> bool:
                blocked = "SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0"
                async with sales.database.reading() as connection:
                    return bool(await connection.scalar(text(blocked)))

            await eventually(waits)
        with pytest.raises(InvalidArgument) as caught:
            await opening
        assert [violation.field for violation in caught.value.violations] == ["opportunity.pipeline_id"]

    @pytest.mark.parametrize("stage_id", [QUALIFICATION, str(new_id())])
    async def test_its_stage_is_one_of_its_pipeline(self, sales: Sales, stage_id: str) -> None:
        pipeline = await sales.pipeline("One")
        with pytest.raises(InvalidArgument) as refusal:
            await sales.do(
                "Create", opportunity={"display_name": "Deal", "pipeline_id": pipeline.id}, stage_id=stage_id
            )
        assert [violation.field for violation in refusal.value.violations] == ["stage_id"]

    async def test_it_refuses_references_to_nothing(self, sales: Sales) -> None:
        nothing = str(new_id())
        with pytest.raises(InvalidArgument) as refusal:
            await sales.opportunity(account_id=nothing, owner_id=nothing, pipeline_id=nothing, product_ids=[nothing])
        assert {violation.field for violation in refusal.value.violations} == {
            "opportunity.account_id",
            "opportunity.owner_id",
            "opportunity.pipeline_id",
            "opportunity.product_ids[0]",
        }

    async def test_a_deal_brings_nothing_or_more(self, sales: Sales) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await sales.opportunity(amount={"nanos": -1, "currency_code": "EUR"})
        assert [violation.field for violation in refusal.value.violations] == ["opportunity.amount"]

    async def test_an_external_id_names_one_opportunity(self, sales: Sales) -> None:
        key = [{"system": "erp", "id": new_id().hex}]
        await sales.opportunity(external_ids=key)
        with pytest.raises(AlreadyExists) as refusal:
            await sales.opportunity(external_ids=key)
        assert refusal.value.reason == "EXTERNAL_ID_TAKEN"


class TestGet:
    async def test_there_is_none(self, sales: Sales) -> None:
        with pytest.raises(NotFound) as refusal:
            await sales.do("Get", id=str(new_id()))
        assert refusal.value.reason == "OPPORTUNITY_NOT_FOUND"


class TestList:
    async def test_the_newest_come_first_a_page_at_a_time(self, sales: Sales) -> None:
        account_id = await sales.account()
        made = [(await sales.opportunity(account_id=account_id)).id for _ in range(3)]
        request: dict[str, Any] = {"filter": f"account_id = {account_id}", "page_size": 2}
        first = await sales.call("OpportunityService.ListOpportunities", **request)
        assert await found(sales, f"account_id = {account_id}") == made[::-1]
        request["page_token"] = first.next_page_token
        second = await sales.call("OpportunityService.ListOpportunities", **request)
        assert [o.id for o in [*first.opportunities, *second.opportunities]] == made[::-1]
        assert not second.next_page_token

    async def test_it_narrows_by_what_sellers_ask_for(self, sales: Sales) -> None:
        name, product_id = new_id().hex, await sales.product()
        small, big, won = [
            (await sales.opportunity(display_name=name, amount={"units": units, "currency_code": "EUR"})).id
            for units in (10, 2000, 3000)
        ]
        await sales.do("Update", opportunity={"id": big, "product_ids": [product_id]})
        await sales.move(big, NEEDS_ANALYSIS)
        await sales.do("Win", id=won, reason=NOT_RECORDED)
        mine = f'display_name = "{name}" AND '
        assert await found(sales, mine + "state = OPEN AND amount > 1000") == [big]
        assert await found(sales, mine + "amount > 1000", order_by="amount") == [big, won]
        assert await found(sales, f'product_ids:"{product_id}"') == [big]
        assert await found(sales, mine + f"stage_id = {QUALIFICATION} AND state = OPEN") == [small]
        assert await found(sales, mine + 'stage_display_name = "Needs analysis"') == [big]
        assert await found(sales, mine + "probability = 100") == [won]
        assert await found(sales, mine + "forecast_category = COMMIT") == [won]
        assert await found(sales, mine + 'close_reason.reason_code = "NOT_RECORDED"') == [won]
        assert await found(sales, mine + f"owner_id = {sales.platform.subject}", order_by="id") == [small, big, won]


class TestUpdate:
    async def test_it_changes_the_fields_of_the_mask(self, sales: Sales) -> None:
        opportunity = await sales.opportunity(description="For a friend")
        changes = {"id": opportunity.id, "display_name": "Bigger deal", "engage_date": DAY}
        mask = {"paths": ["display_name", "description"]}
        updated = await sales.do("Update", opportunity=changes, update_mask=mask)
        assert updated.display_name == "Bigger deal"
        assert not updated.HasField("description")
        assert not updated.HasField("engage_date")
        assert await sales.verbs(opportunity.id) == ["created", "updated"]

    async def test_neither_state_nor_stage_change_so(self, sales: Sales) -> None:
        opportunity = await sales.opportunity()
        changes = {"id": opportunity.id, "state": "OPPORTUNITY_STATE_WON", "stage_id": NEEDS_ANALYSIS}
        assert await sales.do("Update", opportunity=changes) == opportunity

    async def test_the_pipeline_stays(self, sales: Sales) -> None:
        opportunity, pipeline = await sales.opportunity(), await sales.pipeline("One")
        with pytest.raises(InvalidArgument) as refusal:
            await sales.do("Update", opportunity={"id": opportunity.id, "pipeline_id": pipeline.id})
        assert [violation.field for violation in refusal.value.violations] == ["opportunity.pipeline_id"]

    async def test_somebody_leads_it(self, sales: Sales) -> None:
        opportunity = await sales.opportunity()
        with pytest.raises(InvalidArgument) as refusal:
            await sales.do("Update", opportunity={"id": opportunity.id}, update_mask={"paths": ["owner_id"]})
        assert [violation.field for violation in refusal.value.violations] == ["opportunity.owner_id"]

    async def test_a_stale_write_is_refused(self, sales: Sales) -> None:
        opportunity = await sales.opportunity()
        changes = {"id": opportunity.id, "etag": opportunity.etag, "display_name": "First"}
        await sales.do("Update", opportunity=changes)
        with pytest.raises(EtagMismatch):
            await sales.do("Update", opportunity={**changes, "display_name": "Second"})

    async def test_a_closed_one_gets_another_owner_but_no_other_amount(self, sales: Sales) -> None:
        opportunity, ben = await sales.closed(), await sales.user("Ben")
        changes: dict[str, Any] = {"id": opportunity.id, "owner_id": ben, "display_name": opportunity.display_name}
        assert (await sales.do("Update", opportunity=changes)).owner_display_name == "Ben"
        changes["amount"] = {"units": 1, "currency_code": "EUR"}
        with pytest.raises(FailedPrecondition) as refusal:
            await sales.do("Update", opportunity=changes)
        assert refusal.value.reason == "OPPORTUNITY_CLOSED"


class TestDelete:
    async def test_it_is_gone(self, sales: Sales) -> None:
        opportunity = await sales.opportunity()
        await sales.call("OpportunityService.DeleteOpportunity", id=opportunity.id, etag=opportunity.etag)
        with pytest.raises(NotFound):
            await sales.do("Get", id=opportunity.id)
        assert await sales.verbs(opportunity.id) == ["created", "deleted"]


class TestBatchCreate:
    async def test_a_load_can_be_repeated_even_when_deals_were_closed(self, sales: Sales) -> None:
        items: list[Any] = [
            {
                "opportunity": {
                    "display_name": f"Load {at}",
                    "amount": {"units": at, "nanos": 250_000_000, "currency_code": "EUR"},
                    "engage_date": DAY,
                    "external_ids": [{"system": "crm", "id": new_id().hex}],
                },
                "stage_id": NEEDS_ANALYSIS,
            }
            for at in range(3)
        ]
        first = await load(sales, items)
        assert {result.outcome for result in first} == {resource_pb2.BATCH_OUTCOME_CREATED}
        assert {result.opportunity.stage_id for result in first} == {NEEDS_ANALYSIS}
        for result in first[:2]:
            await sales.do("Win", id=result.opportunity.id, reason=NOT_RECORDED)
        await sales.move(first[2].opportunity.id, QUALIFICATION)
        items[1]["opportunity"]["display_name"] = "Too late"
        items[2]["opportunity"]["display_name"] = "In time"
        second = await load(sales, items)
        assert [result.outcome for result in second] == [
            resource_pb2.BATCH_OUTCOME_UNCHANGED,
            resource_pb2.BATCH_OUTCOME_FAILED,
            resource_pb2.BATCH_OUTCOME_UPDATED,
        ]
        assert second[1].error.reason == "OPPORTUNITY_CLOSED"
        # Where it starts counts for new ones only.
        assert second[2].opportunity.stage_id == QUALIFICATION

    async def test_one_that_is_wrong_does_not_stop_the_others(self, sales: Sales) -> None:
        items: list[Any] = [{"opportunity": {"display_name": f"Load {at}"}} for at in range(3)]
        items[1]["stage_id"] = str(new_id())
        good, bad, fine = await load(sales, items)
        assert [good.outcome, fine.outcome] == [resource_pb2.BATCH_OUTCOME_CREATED] * 2
        assert [error.field for error in bad.error.errors] == ["stageId"]
        assert await sales.moves(good.opportunity.id) == [(None, QUALIFICATION, sales.platform.subject)]

    async def test_it_asks_for_the_pipelines_once(self, sales: Sales) -> None:
        items = [{"opportunity": {"display_name": f"Load {at}"}} for at in range(50)]
        with sales.statements() as statements:
            assert len(await load(sales, items)) == 50
        assert sum("FROM stage JOIN pipeline" in statement for statement in statements) == 1
        assert len(statements) < 20
