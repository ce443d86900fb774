"""The methods of close reasons."""

from typing import Any

import pytest

from rotunda.kit.v1 import resource_pb2
from rotunda.sales.v1 import close_reason_service_pb2 as pb
from rotunda.sales.v1 import opportunity_service_pb2 as opportunities_pb
from rotunda_kit.errors import AlreadyExists, InvalidArgument, NotFound
from rotunda_kit.model import new_id

from .sales import Sales

WON = opportunities_pb.OPPORTUNITY_STATE_WON
LOST = opportunities_pb.OPPORTUNITY_STATE_LOST
CANCELLED = opportunities_pb.OPPORTUNITY_STATE_CANCELLED


async def do(sales: Sales, verb: str, token: str | None = None, **fields: Any) -> pb.CloseReason:
    answer = await sales.call(f"CloseReasonService.{verb}CloseReason", token, **fields)
    found: pb.CloseReason = answer.close_reason
    return found


def new_code() -> str:
    return f"R{new_id().hex.upper()}"


async def create(sales: Sales, **fields: Any) -> pb.CloseReason:
    given = {"reason_code": new_code(), "display_name": "Price too high", **fields}
    return await do(sales, "Create", close_reason=given)


class TestShipped:
    async def test_a_deal_may_end_without_a_noted_reason(self, sales: Sales) -> None:
        wanted = 'reason_code = "NOT_RECORDED"'
        (reason,) = (await sales.call("CloseReasonService.ListCloseReasons", filter=wanted)).close_reasons
        assert (reason.active, list(reason.states), reason.etag) == (True, [WON, LOST, CANCELLED], "1")


class TestCreate:
    async def test_it_is_for_all_ways_to_end_unless_said_otherwise(self, sales: Sales) -> None:
        reason = await create(sales)
        assert (reason.active, list(reason.states)) == (True, [WON, LOST, CANCELLED])
        assert await do(sales, "Get", id=reason.id) == reason
        assert await sales.verbs(reason.id) == ["created"]

    async def test_every_wrong_field_is_named(self, sales: Sales) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await create(sales, reason_code="too high", states=[LOST, opportunities_pb.OPPORTUNITY_STATE_OPEN])
        named = [violation.field for violation in refusal.value.violations]
        assert named == ["close_reason.reason_code", "close_reason.states[1]"]

    async def test_a_code_names_one_reason(self, sales: Sales) -> None:
        reason = await create(sales)
        with pytest.raises(AlreadyExists) as refusal:
            await create(sales, reason_code=reason.reason_code)
        assert refusal.value.reason == "REASON_CODE_TAKEN"


class TestList:
    async def test_it_narrows_by_what_it_is_for(self, sales: Sales) -> None:
        name = new_id().hex
        lost = await create(sales, display_name=name, states=[LOST])
        await create(sales, display_name=name, states=[WON])
        inactive = await create(sales, display_name=name, states=[LOST], active=False)
        wanted = f'display_name = "{name}" AND states:LOST'
        answer = await sales.call("CloseReasonService.ListCloseReasons", filter=wanted)
        assert [reason.id for reason in answer.close_reasons] == [inactive.id, lost.id]
        answer = await sales.call("CloseReasonService.ListCloseReasons", filter=f"{wanted} AND active = true")
        assert [reason.id for reason in answer.close_reasons] == [lost.id]


class TestUpdate:
    async def test_it_ends_to_be_given(self, sales: Sales) -> None:
        reason = await create(sales)
        changes = {"id": reason.id, "active": False}
        updated = await do(sales, "Update", close_reason=changes)
        assert (updated.active, updated.display_name) == (False, "Price too high")
        assert await sales.verbs(reason.id) == ["created", "updated"]

    async def test_its_code_stays(self, sales: Sales) -> None:
        reason = await create(sales)
        with pytest.raises(InvalidArgument) as refusal:
            await do(sales, "Update", close_reason={"id": reason.id, "reason_code": new_code()})
        assert [violation.field for violation in refusal.value.violations] == ["close_reason.reason_code"]


class TestDelete:
    async def test_what_was_closed_for_it_keeps_it(self, sales: Sales) -> None:
        reason = await create(sales)
        opportunity = await sales.opportunity()
        code = reason.reason_code
        closed = await sales.do("Lose", id=opportunity.id, reason={"reason_code": code})
        await sales.call("CloseReasonService.DeleteCloseReason", id=reason.id)
        with pytest.raises(NotFound):
            await do(sales, "Get", id=reason.id)
        assert (await sales.do("Get", id=opportunity.id)).close_reason == closed.close_reason
        with pytest.raises(InvalidArgument) as refusal:
            await sales.do("Lose", id=(await sales.opportunity()).id, reason={"reason_code": code})
        assert refusal.value.reason == "CLOSE_REASON_NOT_USABLE"


class TestBatchCreate:
    async def test_a_load_can_be_repeated(self, sales: Sales) -> None:
        items = [
            {
                "close_reason": {
                    "reason_code": new_code(),
                    "display_name": "Price",
                    "external_ids": [{"system": "crm", "id": new_id().hex}],
                }
            }
            for _ in range(2)
        ]
        method = "CloseReasonService.BatchCreateCloseReasons"
        for outcome in (resource_pb2.BATCH_OUTCOME_CREATED, resource_pb2.BATCH_OUTCOME_UNCHANGED):
            answer = await sales.call(method, requests=items, upsert_by="externalIds")
            assert [result.outcome for result in answer.results] == [outcome] * 2
