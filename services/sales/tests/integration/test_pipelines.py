"""The methods of pipelines."""

import asyncio
from typing import Any

import orjson
import pytest

from rotunda.kit.v1 import audit_entry_service_pb2 as audit_pb
from rotunda.kit.v1 import resource_pb2
from rotunda.sales.v1 import pipeline_service_pb2 as pb
from rotunda_kit.errors import FailedPrecondition, InvalidArgument, NotFound
from rotunda_kit.model import new_id

from .sales import NEEDS_ANALYSIS, PIPELINE, QUALIFICATION, Sales


async def do(sales: Sales, verb: str, token: str | None = None, **fields: Any) -> pb.Pipeline:
    answer = await sales.call(f"PipelineService.{verb}Pipeline", token, **fields)
    found: pb.Pipeline = answer.pipeline
    return found


async def defaults(sales: Sales) -> list[str]:
    answer = await sales.call("PipelineService.ListPipelines", filter="default_pipeline = true")
    return [pipeline.id for pipeline in answer.pipelines]


async def make_default(sales: Sales, pipeline_id: str) -> pb.Pipeline:
    return await do(sales, "Update", pipeline={"id": pipeline_id, "default_pipeline": True})


def names(pipeline: pb.Pipeline) -> list[str]:
    return [stage.display_name for stage in pipeline.stages]


class TestShipped:
    async def test_one_pipeline_is_there_and_is_the_default(self, sales: Sales) -> None:
        pipeline = await do(sales, "Get", id=PIPELINE)
        assert await defaults(sales) == [PIPELINE]
        assert names(pipeline) == ["Qualification", "Needs analysis", "Proposal", "Negotiation"]
        assert [stage.probability for stage in pipeline.stages] == [10, 25, 50, 75]
        assert [stage.id for stage in pipeline.stages[:2]] == [QUALIFICATION, NEEDS_ANALYSIS]


class TestAuditTrail:
    async def test_tells_of_stages_before_and_after(self, sales: Sales) -> None:
        pipeline = await sales.pipeline("One", "Two")
        stages = [{"id": pipeline.stages[1].id, "display_name": "Two", "probability": 30}]
        await do(sales, "Update", pipeline={"id": pipeline.id, "stages": stages})
        condition = f'record.id = "{pipeline.id}"'
        method = audit_pb.DESCRIPTOR.services_by_name["AuditEntryService"].methods_by_name["ListAuditEntries"]
        request = audit_pb.ListAuditEntriesRequest(filter=condition)
        platform = sales.platform
        answer = await platform.clients.call(method, request, token=platform.token(), service="sales")
        updated, created = (json_of(entry) for entry in answer.audit_entries)
        assert [stage["displayName"] for stage in created["after"]] == ["One", "Two"]
        assert updated["before"] == created["after"]
        told = {"displayName": "Two", "probability": 30, "forecastCategory": "PIPELINE"}
        assert updated["after"] == [{"id": pipeline.stages[1].id, **told}]


def json_of(entry: audit_pb.AuditEntry) -> dict[str, Any]:
    """What an entry tells of stages."""
    (change,) = [change for change in entry.changes if change.field == "stages"]
    return {name: orjson.loads(getattr(change, name) or "null") for name in ("before", "after")}


class TestCreate:
    async def test_its_stages_are_in_their_order(self, sales: Sales) -> None:
        given = [
            {"display_name": "Zero", "probability": 0},
            {"display_name": "All", "probability": 100, "forecast_category": "FORECAST_CATEGORY_COMMIT"},
            {"display_name": "Half", "id": str(new_id()), "probability": 50},
        ]
        pipeline = await sales.pipeline(stages=given)
        assert names(pipeline) == ["Zero", "All", "Half"]
        assert [stage.probability for stage in pipeline.stages] == [0, 100, 50]
        assert [stage.forecast_category for stage in pipeline.stages] == [
            pb.FORECAST_CATEGORY_PIPELINE,
            pb.FORECAST_CATEGORY_COMMIT,
            pb.FORECAST_CATEGORY_PIPELINE,
        ]
        assert pipeline.stages[2].id == given[2]["id"]
        assert len({stage.id for stage in pipeline.stages}) == 3
        assert (pipeline.default_pipeline, pipeline.etag) == (False, "1")
        assert await sales.verbs(pipeline.id) == ["created"]
        assert await do(sales, "Get", id=pipeline.id) == pipeline

    async def test_it_has_a_stage(self, sales: Sales) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await sales.pipeline()
        assert [violation.field for violation in refusal.value.violations] == ["pipeline.stages"]

    async def test_a_probability_is_in_per_cent(self, sales: Sales) -> None:
        stages = [{"display_name": "Low", "probability": -1}, {"display_name": "High", "probability": 101}]
        with pytest.raises(InvalidArgument) as refusal:
            await sales.pipeline(stages=stages)
        named = [violation.field for violation in refusal.value.violations]
        assert named == ["pipeline.stages[0].probability", "pipeline.stages[1].probability"]

    async def test_no_two_stages_have_the_same_name_or_id(self, sales: Sales) -> None:
        stage_id = str(new_id())
        stages = [{"display_name": "One", "id": stage_id}, {"display_name": "One", "id": stage_id}]
        with pytest.raises(InvalidArgument) as refusal:
            await sales.pipeline(stages=stages)
        named = [violation.field for violation in refusal.value.violations]
        assert named == ["pipeline.stages[1].display_name", "pipeline.stages[1].id"]

    async def test_it_takes_no_stage_from_another(self, sales: Sales) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await sales.pipeline(stages=[{"display_name": "Mine", "id": QUALIFICATION}])
        assert [violation.field for violation in refusal.value.violations] == ["pipeline.stages[0].id"]


class TestUpdate:
    async def test_stages_are_renamed_moved_added_and_removed_and_keep_their_ids(self, sales: Sales) -> None:
        pipeline = await sales.pipeline("One", "Two", "Three")
        one, _, three = (stage.id for stage in pipeline.stages)
        stages = [
            {"id": three, "display_name": "Three"},
            {"display_name": "Between", "probability": 40},
            {"id": one, "display_name": "Last"},
        ]
        updated = await do(sales, "Update", pipeline={"id": pipeline.id, "stages": stages})
        assert names(updated) == ["Three", "Between", "Last"]
        assert [updated.stages[0].id, updated.stages[2].id] == [three, one]
        assert updated.etag != pipeline.etag
        assert await sales.verbs(pipeline.id) == ["created", "updated"]

    async def test_names_may_be_swapped(self, sales: Sales) -> None:
        pipeline = await sales.pipeline("One", "Two")
        one, two = (stage.id for stage in pipeline.stages)
        stages = [{"id": one, "display_name": "Two"}, {"id": two, "display_name": "One"}]
        updated = await do(sales, "Update", pipeline={"id": pipeline.id, "stages": stages})
        assert [(stage.id, stage.display_name) for stage in updated.stages] == [(one, "Two"), (two, "One")]

    async def test_without_an_id_a_stage_is_known_by_its_name(self, sales: Sales) -> None:
        pipeline = await sales.pipeline("One", "Two")
        stages = [{"display_name": "One"}, {"display_name": "Two"}]
        assert await do(sales, "Update", pipeline={"id": pipeline.id, "stages": stages}) == pipeline
        assert await sales.verbs(pipeline.id) == ["created"]

    async def test_a_name_that_another_stage_leaves_is_free(self, sales: Sales) -> None:
        pipeline = await sales.pipeline("One")
        stages = [{"id": pipeline.stages[0].id, "display_name": "Two"}, {"display_name": "One"}]
        updated = await do(sales, "Update", pipeline={"id": pipeline.id, "stages": stages})
        assert names(updated) == ["Two", "One"]
        assert updated.stages[0].id == pipeline.stages[0].id

    async def test_other_fields_leave_the_stages_alone(self, sales: Sales) -> None:
        pipeline = await sales.pipeline("One", "Two")
        updated = await do(sales, "Update", pipeline={"id": pipeline.id, "display_name": "Upsell"})
        assert (updated.display_name, updated.stages) == ("Upsell", pipeline.stages)

    async def test_it_does_not_lose_all_stages(self, sales: Sales) -> None:
        pipeline = await sales.pipeline("One")
        with pytest.raises(InvalidArgument) as refusal:
            await do(sales, "Update", pipeline={"id": pipeline.id}, update_mask={"paths": ["stages"]})
        assert [violation.field for violation in refusal.value.violations] == ["pipeline.stages"]

    @pytest.mark.parametrize("state", ["open", "won", "deleted"])
    async def test_a_stage_with_opportunities_stays(self, sales: Sales, state: str) -> None:
        pipeline = await sales.pipeline("One", "Two", "Three")
        one, two, three = pipeline.stages
        opportunity = await sales.opportunity(pipeline_id=pipeline.id)
        await sales.move(opportunity.id, two.id)
        if state == "won":
            await sales.do("Win", id=opportunity.id, reason={"reason_code": "NOT_RECORDED"})
        if state == "deleted":
            await sales.call("OpportunityService.DeleteOpportunity", id=opportunity.id)
        with pytest.raises(FailedPrecondition) as refusal:
            await do(sales, "Update", pipeline={"id": pipeline.id, "stages": [one, three]})
        assert refusal.value.reason == "STAGE_IN_USE"
        assert await do(sales, "Get", id=pipeline.id) == pipeline
        # The others may go, even those that opportunities went through.
        assert names(await do(sales, "Update", pipeline={"id": pipeline.id, "stages": [two]})) == ["Two"]


class TestDefault:
    async def test_a_new_default_takes_the_place_of_the_old_one(self, sales: Sales) -> None:
        pipeline = await sales.pipeline("One", default_pipeline=True)
        try:
            assert await defaults(sales) == [pipeline.id]
            assert (await sales.opportunity()).stage_id == pipeline.stages[0].id
            assert (await sales.verbs(PIPELINE))[-1] == "updated"
        finally:
            await make_default(sales, PIPELINE)
        assert await defaults(sales) == [PIPELINE]
        assert not (await do(sales, "Get", id=pipeline.id)).default_pipeline

    async def test_one_stays(self, sales: Sales) -> None:
        changes = {"id": PIPELINE, "default_pipeline": False}
        with pytest.raises(FailedPrecondition) as refusal:
            await do(sales, "Update", pipeline=changes, update_mask={"paths": ["default_pipeline"]})
        assert refusal.value.reason == "PIPELINE_IS_DEFAULT"

    async def test_however_many_are_made_the_default_at_a_time_one_is(self, sales: Sales) -> None:
        pipelines = await asyncio.gather(*(sales.pipeline("One") for _ in range(4)))
        try:
            outcomes = await asyncio.gather(*(make_default(sales, pipeline.id) for pipeline in pipelines))
            assert all(outcome.default_pipeline for outcome in outcomes)
            assert len(await defaults(sales)) == 1
        finally:
            await make_default(sales, PIPELINE)

    async def test_in_a_batch_the_last_one_is(self, sales: Sales) -> None:
        keys = [[{"system": "crm", "id": new_id().hex}] for _ in range(2)]
        items: list[Any] = [
            {"pipeline": {"display_name": "Load", "stages": [{"display_name": "One"}], "external_ids": key}}
            for key in keys
        ]
        method = "PipelineService.BatchCreatePipelines"
        await sales.call(method, requests=items, upsert_by="externalIds")
        for item in items:
            item["pipeline"]["default_pipeline"] = True
        try:
            answer = await sales.call(method, requests=items, upsert_by="externalIds")
            assert await defaults(sales) == [answer.results[-1].pipeline.id]
        finally:
            await make_default(sales, PIPELINE)


class TestDelete:
    async def test_it_is_gone(self, sales: Sales) -> None:
        pipeline = await sales.pipeline("One")
        await sales.call("PipelineService.DeletePipeline", id=pipeline.id)
        with pytest.raises(NotFound):
            await do(sales, "Get", id=pipeline.id)
        with pytest.raises(InvalidArgument) as refusal:
            await sales.opportunity(pipeline_id=pipeline.id)
        assert [violation.field for violation in refusal.value.violations] == ["opportunity.pipeline_id"]
        assert await sales.verbs(pipeline.id) == ["created", "deleted"]

    async def test_not_while_opportunities_go_along_it(self, sales: Sales) -> None:
        pipeline = await sales.pipeline("One")
        opportunity = await sales.opportunity(pipeline_id=pipeline.id)
        with pytest.raises(FailedPrecondition) as refusal:
            await sales.call("PipelineService.DeletePipeline", id=pipeline.id)
        assert refusal.value.reason == "PIPELINE_IN_USE"
        await sales.call("OpportunityService.DeleteOpportunity", id=opportunity.id)
        await sales.call("PipelineService.DeletePipeline", id=pipeline.id)

    async def test_not_the_default(self, sales: Sales) -> None:
        with pytest.raises(FailedPrecondition) as refusal:
            await do(sales, "Delete", id=PIPELINE)
        assert refusal.value.reason == "PIPELINE_IS_DEFAULT"


class TestBatchCreate:
    async def test_a_load_can_be_repeated(self, sales: Sales) -> None:
        items: list[Any] = [
            {
                "pipeline": {
                    "display_name": f"Load {at}",
                    "stages": [{"display_name": "One"}, {"display_name": "Two", "probability": 50}],
                    "external_ids": [{"system": "crm", "id": new_id().hex}],
                }
            }
            for at in range(3)
        ]
        method = "PipelineService.BatchCreatePipelines"
        first = await sales.call(method, requests=items, upsert_by="externalIds")
        assert {result.outcome for result in first.results} == {resource_pb2.BATCH_OUTCOME_CREATED}
        items[1]["pipeline"]["stages"][1]["probability"] = 60
        items[2]["pipeline"]["stages"][1]["display_name"] = "One"
        second = await sales.call(method, requests=items, upsert_by="externalIds")
        assert [result.outcome for result in second.results] == [
            resource_pb2.BATCH_OUTCOME_UNCHANGED,
            resource_pb2.BATCH_OUTCOME_UPDATED,
            resource_pb2.BATCH_OUTCOME_FAILED,
        ]
        assert second.results[1].pipeline.stages[1].id == first.results[1].pipeline.stages[1].id
        assert [error.field for error in second.results[2].error.errors] == ["stages[1].displayName"]
