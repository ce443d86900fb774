"""What an opportunity allows in which state."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from rotunda_kit.errors import FailedPrecondition, InvalidArgument
from rotunda_kit.model import new_id
from rotunda_sales.close_reasons.model import CloseReason
from rotunda_sales.opportunities.model import Opportunity, OpportunityState
from rotunda_sales.pipelines.model import ForecastCategory, Stage

PIPELINE, ANNA, BEN = new_id(), new_id(), new_id()
TODAY = date(2026, 3, 1)
PRICE = CloseReason(reason_code="PRICE", display_name="Price")

OPEN, WON, LOST, CANCELLED = OpportunityState


def stage(position: int, **fields: Any) -> Stage:
    usual = {"pipeline_id": PIPELINE, "probability": 10, "forecast_category": ForecastCategory.PIPELINE}
    return Stage(**{**usual, "position": position, "display_name": f"Stage {position}", **fields})


FIRST, SECOND = stage(0), stage(1)


def opportunity_in(state: OpportunityState) -> Opportunity:
    opportunity = Opportunity(display_name="Big deal", owner_id=ANNA, pipeline_id=PIPELINE, stage_id=FIRST.id)
    closing = {WON: opportunity.win, LOST: opportunity.lose, CANCELLED: opportunity.cancel}
    if state in closing:
        closing[state](PRICE, "Too dear", TODAY)
    opportunity.take_changes()
    return opportunity


VERBS: dict[str, Callable[[Opportunity], None]] = {
    "moved_to_stage": lambda opportunity: opportunity.move_to(SECOND),
    "won": lambda opportunity: opportunity.win(PRICE, None, TODAY),
    "lost": lambda opportunity: opportunity.lose(PRICE, None, TODAY),
    "cancelled": lambda opportunity: opportunity.cancel(PRICE, None, TODAY),
    "reopened": lambda opportunity: opportunity.reopen(),
}

NOT_OPEN = "OPPORTUNITY_NOT_OPEN"

# Verb, state, and the new state or the reason why not.
TRANSITIONS = [
    ("moved_to_stage", OPEN, OPEN),
    ("moved_to_stage", WON, NOT_OPEN),
    ("moved_to_stage", LOST, NOT_OPEN),
    ("moved_to_stage", CANCELLED, NOT_OPEN),
    ("won", OPEN, WON),
    ("won", WON, NOT_OPEN),
    ("won", LOST, NOT_OPEN),
    ("won", CANCELLED, NOT_OPEN),
    ("lost", OPEN, LOST),
    ("lost", WON, NOT_OPEN),
    ("lost", LOST, NOT_OPEN),
    ("lost", CANCELLED, NOT_OPEN),
    ("cancelled", OPEN, CANCELLED),
    ("cancelled", WON, NOT_OPEN),
    ("cancelled", LOST, NOT_OPEN),
    ("cancelled", CANCELLED, NOT_OPEN),
    ("reopened", OPEN, "OPPORTUNITY_OPEN"),
    ("reopened", WON, OPEN),
    ("reopened", LOST, OPEN),
    ("reopened", CANCELLED, OPEN),
]


class TestTransitions:
    @pytest.mark.parametrize(("verb", "state", "outcome"), TRANSITIONS)
    def test_every_verb_in_every_state(self, verb: str, state: OpportunityState, outcome: str) -> None:
        opportunity = opportunity_in(state)
        if isinstance(outcome, OpportunityState):
            VERBS[verb](opportunity)
            assert opportunity.state is outcome
            assert [change.verb for change in opportunity.take_changes()] == [verb]
        else:
            with pytest.raises(FailedPrecondition) as refusal:
                VERBS[verb](opportunity)
            assert (refusal.value.reason, refusal.value.metadata) == (outcome, {"state": state})
            assert opportunity.state is state
            assert opportunity.take_changes() == []

    def test_the_table_names_them_all(self) -> None:
        assert {(verb, state) for verb, state, _ in TRANSITIONS} == {(v, s) for v in VERBS for s in OpportunityState}


class TestMove:
    def test_forwards_and_back_each_time_telling_where_from(self) -> None:
        opportunity = opportunity_in(OPEN)
        opportunity.move_to(SECOND)
        opportunity.move_to(FIRST)
        assert opportunity.stage_id == FIRST.id
        details = [change.detail for change in opportunity.take_changes()]
        assert details == [{"from_stage_id": str(FIRST.id)}, {"from_stage_id": str(SECOND.id)}]

    def test_not_into_another_pipeline(self) -> None:
        opportunity = opportunity_in(OPEN)
        with pytest.raises(InvalidArgument) as refusal:
            opportunity.move_to(stage(1, pipeline_id=new_id()))
        assert [violation.field for violation in refusal.value.violations] == ["stage_id"]
        assert opportunity.stage_id == FIRST.id

    def test_not_to_where_it_is(self) -> None:
        with pytest.raises(FailedPrecondition) as refusal:
            opportunity_in(OPEN).move_to(FIRST)
        assert refusal.value.reason == "ALREADY_IN_STAGE"


class TestClose:
    @pytest.mark.parametrize("verb", ["win", "lose", "cancel"])
    def test_it_keeps_when_and_why(self, verb: str) -> None:
        opportunity = opportunity_in(OPEN)
        getattr(opportunity, verb)(PRICE, "Too dear", TODAY)
        assert (opportunity.close_date, opportunity.stage_id) == (TODAY, FIRST.id)
        assert (opportunity.close_reason_reason_code, opportunity.close_reason_comment) == ("PRICE", "Too dear")

    @pytest.mark.parametrize(("verb", "state"), [("win", WON), ("lose", LOST), ("cancel", CANCELLED)])
    def test_a_reason_is_given_for_what_it_is_meant_for(self, verb: str, state: OpportunityState) -> None:
        others: list[str] = [other for other in (WON, LOST, CANCELLED) if other is not state]
        for_others = CloseReason(reason_code="OTHER", display_name="Other", states=others)
        opportunity = opportunity_in(OPEN)
        with pytest.raises(InvalidArgument) as refusal:
            getattr(opportunity, verb)(for_others, None, TODAY)
        assert refusal.value.reason == "CLOSE_REASON_NOT_USABLE"
        assert [violation.field for violation in refusal.value.violations] == ["reason.reason_code"]
        assert (opportunity.state, opportunity.close_date) == (OPEN, None)
        getattr(opportunity, verb)(CloseReason(reason_code="X", display_name="X", states=[state]), None, TODAY)
        assert opportunity.state is state

    def test_a_reason_that_is_not_active_is_not_given_any_more(self) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            opportunity_in(OPEN).win(CloseReason(reason_code="OLD", display_name="Old", active=False), None, TODAY)
        assert refusal.value.reason == "CLOSE_REASON_NOT_USABLE"


class TestReopen:
    @pytest.mark.parametrize("state", [WON, LOST, CANCELLED])
    def test_when_and_why_it_was_closed_are_forgotten(self, state: OpportunityState) -> None:
        opportunity = opportunity_in(state)
        opportunity.reopen()
        assert (opportunity.close_date, opportunity.stage_id) == (None, FIRST.id)
        assert (opportunity.close_reason_reason_code, opportunity.close_reason_comment) == (None, None)


class TestChange:
    @pytest.mark.parametrize("state", OpportunityState)
    def test_owner_description_and_external_ids_change_in_every_state(self, state: OpportunityState) -> None:
        opportunity = opportunity_in(state)
        keys = [{"system": "erp", "id": "4711"}]
        assert opportunity.change({"owner_id": BEN, "description": "For a friend", "external_ids": keys})
        assert (opportunity.owner_id, opportunity.external_ids) == (BEN, keys)

    @pytest.mark.parametrize("state", [WON, LOST, CANCELLED])
    @pytest.mark.parametrize(
        "values",
        [
            {"display_name": "Bigger deal"},
            {"account_id": ANNA},
            {"amount": Decimal(1), "amount_currency": "EUR"},
            {"engage_date": TODAY},
            {"expected_close_date": TODAY},
            {"product_ids": [ANNA]},
        ],
        ids=lambda values: next(iter(values)),
    )
    def test_nothing_else_changes_once_it_is_closed(self, state: OpportunityState, values: dict[str, Any]) -> None:
        opportunity = opportunity_in(state)
        with pytest.raises(FailedPrecondition) as refusal:
            opportunity.change({"owner_id": BEN, **values})
        assert (refusal.value.reason, refusal.value.metadata) == ("OPPORTUNITY_CLOSED", {"state": state})
        assert opportunity.owner_id == ANNA
        assert opportunity_in(OPEN).change(values)

    def test_an_update_of_a_closed_one_that_changes_nothing_passes(self) -> None:
        opportunity = opportunity_in(WON)
        assert not opportunity.change({"display_name": "Big deal", "amount": None, "product_ids": []})
        assert opportunity.take_changes() == []


class TestViolations:
    @pytest.mark.parametrize(("amount", "wrong"), [("-0.000000001", ["amount"]), ("0", []), ("1", [])])
    def test_a_deal_brings_nothing_or_more(self, amount: str, wrong: list[str]) -> None:
        opportunity = opportunity_in(OPEN)
        opportunity.change({"amount": Decimal(amount), "amount_currency": "EUR"})
        assert [violation.field for violation in opportunity.violations()] == wrong

    def test_it_may_be_expected_to_close_before_the_talks_begin(self) -> None:
        opportunity = opportunity_in(OPEN)
        opportunity.change({"engage_date": TODAY, "expected_close_date": date(2026, 2, 1)})
        assert list(opportunity.violations()) == []
