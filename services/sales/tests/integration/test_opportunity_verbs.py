"""The verbs of opportunities: moving, closing, reopening, alone and in batches."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest

from rotunda.kit.v1 import resource_pb2
from rotunda.sales.v1 import opportunity_service_pb2 as pb
from rotunda.sales.v1 import pipeline_service_pb2 as pipelines_pb
from rotunda_kit.errors import EtagMismatch, FailedPrecondition, InvalidArgument, NotFound, RotundaError
from rotunda_kit.model import new_id

from .sales import NEEDS_ANALYSIS, NOT_RECORDED, QUALIFICATION, Sales

CLOSING = {
    "Win": (pb.OPPORTUNITY_STATE_WON, "won", 100, pipelines_pb.FORECAST_CATEGORY_COMMIT),
    "Lose": (pb.OPPORTUNITY_STATE_LOST, "lost", 0, pipelines_pb.FORECAST_CATEGORY_OMITTED),
    "Cancel": (pb.OPPORTUNITY_STATE_CANCELLED, "cancelled", 0, pipelines_pb.FORECAST_CATEGORY_OMITTED),
}
every_way_to_close = pytest.mark.parametrize("verb", CLOSING)


async def reason(sales: Sales, **fields: Any) -> dict[str, str]:
    """A new close reason, as a request names it."""
    given = {"reason_code": f"R{new_id().hex.upper()}", "display_name": "Reason", **fields}
    answer = await sales.call("CloseReasonService.CreateCloseReason", close_reason=given)
    return {"reason_code": answer.close_reason.reason_code}


def day_of(opportunity: pb.Opportunity) -> date:
    return date(opportunity.close_date.year, opportunity.close_date.month, opportunity.close_date.day)


class TestMoveToStage:
    async def test_forwards_and_back_and_the_history_keeps_it(self, sales: Sales) -> None:
        opportunity = await sales.opportunity()
        moved = await sales.move(opportunity.id, NEEDS_ANALYSIS, etag=opportunity.etag)
        assert (moved.stage_id, moved.stage_display_name, moved.probability) == (NEEDS_ANALYSIS, "Needs analysis", 25)
        back = await sales.move(opportunity.id, QUALIFICATION)
        who = sales.platform.subject
        assert await sales.moves(opportunity.id) == [
            (None, QUALIFICATION, who),
            (QUALIFICATION, NEEDS_ANALYSIS, who),
            (NEEDS_ANALYSIS, QUALIFICATION, who),
        ]
        created, first, second = await sales.told(opportunity.id)
        assert not created.HasField("detail")
        assert [event.detail.from_stage_id for event in (first, second)] == [QUALIFICATION, NEEDS_ANALYSIS]
        assert (first.opportunity, second.opportunity) == (moved, back)

    async def test_not_into_another_pipeline(self, sales: Sales) -> None:
        opportunity, pipeline = await sales.opportunity(), await sales.pipeline("One")
        with pytest.raises(InvalidArgument) as refusal:
            await sales.move(opportunity.id, pipeline.stages[0].id)
        assert [violation.field for violation in refusal.value.violations] == ["stage_id"]

    async def test_not_to_a_stage_that_is_none(self, sales: Sales) -> None:
        opportunity = await sales.opportunity()
        with pytest.raises(InvalidArgument) as refusal:
            await sales.move(opportunity.id, str(new_id()))
        assert [violation.field for violation in refusal.value.violations] == ["stage_id"]

    async def test_not_to_where_it_is(self, sales: Sales) -> None:
        opportunity = await sales.opportunity()
        with pytest.raises(FailedPrecondition) as refusal:
            await sales.move(opportunity.id, QUALIFICATION)
        assert refusal.value.reason == "ALREADY_IN_STAGE"

    async def test_not_once_it_is_closed(self, sales: Sales) -> None:
        opportunity = await sales.closed()
        with pytest.raises(FailedPrecondition) as refusal:
            await sales.move(opportunity.id, NEEDS_ANALYSIS)
        assert (refusal.value.reason, refusal.value.metadata) == ("OPPORTUNITY_NOT_OPEN", {"state": "WON"})
        assert len(await sales.moves(opportunity.id)) == 1

    async def test_what_the_stage_is_called_now_is_what_it_shows(self, sales: Sales) -> None:
        pipeline = await sales.pipeline("One")
        opportunity = await sales.opportunity(pipeline_id=pipeline.id)
        stages = [{"id": pipeline.stages[0].id, "display_name": "First", "probability": 5}]
        await sales.call("PipelineService.UpdatePipeline", pipeline={"id": pipeline.id, "stages": stages})
        shown = await sales.do("Get", id=opportunity.id)
        assert (shown.stage_display_name, shown.probability) == ("First", 5)


class TestClose:
    @every_way_to_close
    async def test_it_keeps_when_and_why(self, sales: Sales, verb: str) -> None:
        opportunity = await sales.opportunity()
        why, on = {**NOT_RECORDED, "comment": "They were nice"}, {"year": 2026, "month": 3, "day": 1}
        closed = await sales.do(verb, id=opportunity.id, reason=why, close_date=on, etag=opportunity.etag)
        state, told, probability, category = CLOSING[verb]
        assert (closed.state, closed.probability, closed.forecast_category) == (state, probability, category)
        assert (closed.stage_id, day_of(closed)) == (QUALIFICATION, date(2026, 3, 1))
        assert (closed.close_reason.reason_code, closed.close_reason.comment) == ("NOT_RECORDED", "They were nice")
        assert await sales.verbs(opportunity.id) == ["created", told]
        assert (await sales.told(opportunity.id))[-1].opportunity == closed

    @every_way_to_close
    async def test_it_is_closed_today_unless_a_date_is_given(self, sales: Sales, verb: str) -> None:
        before = datetime.now(UTC).date()
        closed = await sales.closed(verb)
        assert before <= day_of(closed) <= datetime.now(UTC).date()
        assert not closed.close_reason.HasField("comment")

    @every_way_to_close
    async def test_only_an_open_one_is_closed(self, sales: Sales, verb: str) -> None:
        for first in CLOSING:
            opportunity = await sales.closed(first)
            with pytest.raises(FailedPrecondition) as refusal:
                await sales.do(verb, id=opportunity.id, reason=NOT_RECORDED)
            assert refusal.value.reason == "OPPORTUNITY_NOT_OPEN"
            assert await sales.do("Get", id=opportunity.id) == opportunity

    @every_way_to_close
    async def test_the_reason_is_one_of_the_list_active_and_for_this(self, sales: Sales, verb: str) -> None:
        opportunity = await sales.opportunity()
        others = [state for other, (state, *_) in CLOSING.items() if other != verb]
        unusable = [
            {"reason_code": "NO_SUCH_REASON"},
            await reason(sales, active=False),
            await reason(sales, states=others),
        ]
        for why in unusable:
            with pytest.raises(InvalidArgument) as refusal:
                await sales.do(verb, id=opportunity.id, reason=why)
            assert refusal.value.reason == "CLOSE_REASON_NOT_USABLE"
            assert [violation.field for violation in refusal.value.violations] == ["reason.reason_code"]
        usable = await reason(sales, states=[CLOSING[verb][0]])
        closed = await sales.do(verb, id=opportunity.id, reason=usable)
        assert closed.close_reason.reason_code == usable["reason_code"]

    @every_way_to_close
    async def test_it_needs_a_reason(self, sales: Sales, verb: str) -> None:
        opportunity = await sales.opportunity()
        with pytest.raises(InvalidArgument) as refusal:
            await sales.do(verb, id=opportunity.id)
        assert [violation.field for violation in refusal.value.violations] == ["reason"]

    async def test_a_stale_one_is_refused(self, sales: Sales) -> None:
        opportunity = await sales.opportunity()
        await sales.do("Update", opportunity={"id": opportunity.id, "display_name": "Bigger deal"})
        with pytest.raises(EtagMismatch):
            await sales.do("Win", id=opportunity.id, reason=NOT_RECORDED, etag=opportunity.etag)

    async def test_one_that_is_deleted_is_gone(self, sales: Sales) -> None:
        opportunity = await sales.opportunity()
        await sales.call("OpportunityService.DeleteOpportunity", id=opportunity.id)
        with pytest.raises(NotFound):
            await sales.do("Win", id=opportunity.id, reason=NOT_RECORDED)

    async def test_of_twenty_who_win_it_one_succeeds(self, sales: Sales) -> None:
        opportunity = await sales.opportunity()

        async def win(by: int) -> str:
            try:
                await sales.do("Win", id=opportunity.id, reason={**NOT_RECORDED, "comment": f"By {by}"})
            except RotundaError as error:
                return error.reason
            return "won"

        outcomes = await asyncio.gather(*(win(by) for by in range(20)))
        assert sorted(outcomes) == ["OPPORTUNITY_NOT_OPEN"] * 19 + ["won"]
        winner = await sales.do("Get", id=opportunity.id)
        assert winner.close_reason.comment == f"By {outcomes.index('won')}"
        assert await sales.verbs(opportunity.id) == ["created", "won"]


class TestReopen:
    @every_way_to_close
    async def test_it_goes_on_where_it_was_closed(self, sales: Sales, verb: str) -> None:
        opportunity = await sales.opportunity()
        await sales.move(opportunity.id, NEEDS_ANALYSIS)
        await sales.do(verb, id=opportunity.id, reason={**NOT_RECORDED, "comment": "They were nice"})
        reopened = await sales.do("Reopen", id=opportunity.id)
        assert (reopened.state, reopened.stage_id) == (pb.OPPORTUNITY_STATE_OPEN, NEEDS_ANALYSIS)
        assert reopened.probability == 25
        assert not reopened.HasField("close_date")
        assert not reopened.HasField("close_reason")
        assert (await sales.verbs(opportunity.id))[-1] == "reopened"

    async def test_an_open_one_is_open(self, sales: Sales) -> None:
        opportunity = await sales.opportunity()
        with pytest.raises(FailedPrecondition) as refusal:
            await sales.do("Reopen", id=opportunity.id)
        assert refusal.value.reason == "OPPORTUNITY_OPEN"


class TestBatch:
    @pytest.mark.parametrize("verb", ["Win", "Lose"])
    async def test_each_is_closed_for_itself(self, sales: Sales, verb: str) -> None:
        fine, closed, why, gone, last = [(await sales.opportunity()).id for _ in range(5)]
        await sales.do("Cancel", id=closed, reason=NOT_RECORDED)
        await sales.call("OpportunityService.DeleteOpportunity", id=gone)
        items = [{"id": one, "reason": NOT_RECORDED} for one in (fine, closed, why, gone, last)]
        items[2] = {"id": why, "reason": {"reason_code": "NO_SUCH_REASON"}}
        answer = await sales.call(f"OpportunityService.Batch{verb}Opportunities", requests=items)
        outcomes = [(result.outcome, result.error.reason) for result in answer.results]
        assert outcomes == [
            (resource_pb2.BATCH_OUTCOME_UPDATED, ""),
            (resource_pb2.BATCH_OUTCOME_FAILED, "OPPORTUNITY_NOT_OPEN"),
            (resource_pb2.BATCH_OUTCOME_FAILED, "CLOSE_REASON_NOT_USABLE"),
            (resource_pb2.BATCH_OUTCOME_FAILED, "OPPORTUNITY_NOT_FOUND"),
            (resource_pb2.BATCH_OUTCOME_UPDATED, ""),
        ]
        assert [error.field for error in answer.results[2].error.errors] == ["reason.reasonCode"]
        assert answer.results[0].opportunity == await sales.do("Get", id=fine)
        assert answer.results[0].opportunity.state == CLOSING[verb][0]
        assert (await sales.do("Get", id=why)).state == pb.OPPORTUNITY_STATE_OPEN
        assert [await sales.verbs(one) for one in (fine, why)] == [["created", CLOSING[verb][1]], ["created"]]

    async def test_it_reads_the_reasons_once(self, sales: Sales) -> None:
        items = [{"opportunity": {"display_name": f"Load {at}"}} for at in range(50)]
        made = await sales.call("OpportunityService.BatchCreateOpportunities", requests=items)
        wins = [{"id": result.opportunity.id, "reason": NOT_RECORDED} for result in made.results]
        with sales.statements() as statements:
            answer = await sales.call("OpportunityService.BatchWinOpportunities", requests=wins)
        assert {result.outcome for result in answer.results} == {resource_pb2.BATCH_OUTCOME_UPDATED}
        assert sum("FROM close_reason" in statement for statement in statements) == 1
        assert len(statements) < 20
