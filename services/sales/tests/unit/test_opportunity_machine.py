"""Opportunities under any sequence of verbs: what is refused leaves no trace, what is kept agrees with the state."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rotunda_kit.errors import RotundaError
from rotunda_kit.model import new_id
from rotunda_sales.close_reasons.model import CLOSED_STATES, CloseReason
from rotunda_sales.opportunities.model import STILL_OPEN_TO_CHANGE, Opportunity, OpportunityState
from rotunda_sales.pipelines.model import ForecastCategory, Stage

PIPELINE, OTHER_PIPELINE = new_id(), new_id()
STAGES = [
    Stage(
        pipeline_id=pipeline_id,
        position=position,
        display_name=f"Stage {position}",
        probability=10 * position,
        forecast_category=ForecastCategory.PIPELINE,
    )
    for pipeline_id in (PIPELINE, OTHER_PIPELINE)
    for position in range(3)
]

REASONS = st.builds(
    CloseReason,
    reason_code=st.sampled_from(["PRICE", "NOT_RECORDED"]),
    display_name=st.just("Reason"),
    states=st.lists(st.sampled_from(CLOSED_STATES), unique=True),
    active=st.booleans(),
)
COMMENTS = st.none() | st.just("They were nice")
DATES = st.dates(date(2026, 1, 1), date(2026, 12, 31))
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "display_name": st.sampled_from(["Big deal", "Bigger deal"]),
        "description": st.none() | st.just("For a friend"),
        "owner_id": st.sampled_from([PIPELINE, OTHER_PIPELINE]),
        "amount": st.none() | st.sampled_from([Decimal(1), Decimal(2)]),
        "expected_close_date": st.none() | DATES,
    },
)
STATES = {
    "won": OpportunityState.WON,
    "lost": OpportunityState.LOST,
    "cancelled": OpportunityState.CANCELLED,
    "reopened": OpportunityState.OPEN,
}


class OpportunityMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.opportunity = Opportunity(
            display_name="Big deal", owner_id=PIPELINE, pipeline_id=PIPELINE, stage_id=STAGES[0].id
        )
        self.told: list[str] = []

    def facts(self) -> dict[str, object]:
        return {column.name: getattr(self.opportunity, column.name) for column in Opportunity.__table__.columns}

    @contextmanager
    def all_or_nothing(self, verb: str) -> Iterator[None]:
        before = self.facts()
        try:
            yield
        except RotundaError:
            assert self.facts() == before
            assert self.opportunity.take_changes() == []
        else:
            assert [change.verb for change in self.opportunity.take_changes()] == [verb]
            self.told.append(verb)

    @rule(stage=st.sampled_from(STAGES))
    def move(self, stage: Stage) -> None:
        with self.all_or_nothing("moved_to_stage"):
            self.opportunity.move_to(stage)

    @rule(reason=REASONS, comment=COMMENTS, on=DATES)
    def win(self, reason: CloseReason, comment: str | None, on: date) -> None:
        with self.all_or_nothing("won"):
            self.opportunity.win(reason, comment, on)

    @rule(reason=REASONS, comment=COMMENTS, on=DATES)
    def lose(self, reason: CloseReason, comment: str | None, on: date) -> None:
        with self.all_or_nothing("lost"):
            self.opportunity.lose(reason, comment, on)

    @rule(reason=REASONS, comment=COMMENTS, on=DATES)
    def cancel(self, reason: CloseReason, comment: str | None, on: date) -> None:
        with self.all_or_nothing("cancelled"):
            self.opportunity.cancel(reason, comment, on)

    @rule()
    def reopen(self) -> None:
        with self.all_or_nothing("reopened"):
            self.opportunity.reopen()

    @rule(values=CHANGES)
    def change(self, values: dict[str, Any]) -> None:
        before = self.facts()
        differing = {name for name, value in values.items() if before[name] != value}
        may = self.opportunity.state is OpportunityState.OPEN or differing <= STILL_OPEN_TO_CHANGE
        try:
            assert self.opportunity.change(values) is bool(differing)
        except RotundaError:
            assert not may
            assert self.facts() == before
        else:
            assert may
        assert [change.verb for change in self.opportunity.take_changes()] == ["updated"] * bool(may and differing)

    @invariant()
    def what_it_says_agrees_with_its_state(self) -> None:
        opportunity, still_open = self.opportunity, self.opportunity.state is OpportunityState.OPEN
        assert (opportunity.close_date is None) is still_open
        assert (opportunity.close_reason_reason_code is None) is still_open
        assert not (still_open and opportunity.close_reason_comment)

    @invariant()
    def it_never_leaves_its_pipeline(self) -> None:
        assert self.opportunity.pipeline_id == PIPELINE
        assert self.opportunity.stage_id in {stage.id for stage in STAGES if stage.pipeline_id == PIPELINE}

    @invariant()
    def what_was_told_leads_to_the_state(self) -> None:
        reached = [STATES[verb] for verb in self.told if verb in STATES]
        assert self.opportunity.state is (reached[-1] if reached else OpportunityState.OPEN)


OpportunityMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestOpportunitiesUnderAnySequence = OpportunityMachine.TestCase
