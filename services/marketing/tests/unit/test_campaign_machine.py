"""Campaigns under any sequence of verbs: whatever is refused leaves no trace, and the rest agrees with the state."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rotunda_kit.errors import FailedPrecondition
from rotunda_kit.model import new_id
from rotunda_marketing.campaigns.model import Campaign, CampaignKind, CampaignState

# Where what was told last has led to.
STATES = {
    "planned": CampaignState.PLANNED,
    "started": CampaignState.RUNNING,
    "paused": CampaignState.PAUSED,
    "resumed": CampaignState.RUNNING,
    "completed": CampaignState.COMPLETED,
    "cancelled": CampaignState.CANCELLED,
}


class CampaignMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.campaign = Campaign(display_name="Spring mailing", kind=CampaignKind.EMAIL, owner_id=new_id())
        self.told: list[str] = []

    def facts(self) -> dict[str, object]:
        return {column.name: getattr(self.campaign, column.name) for column in Campaign.__table__.columns}

    @contextmanager
    def all_or_nothing(self, verb: str) -> Iterator[None]:
        before = self.facts()
        try:
            yield
        except FailedPrecondition:
            assert self.facts() == before
            assert self.campaign.take_changes() == []
        else:
            assert [change.verb for change in self.campaign.take_changes()] == [verb]
            self.told.append(verb)

    @precondition(lambda self: self.campaign.state is CampaignState.DRAFT)
    @rule(start=st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31)))
    def fix_the_start(self, start: date | None) -> None:
        self.campaign.change({"start_date": start})
        self.campaign.take_changes()

    @rule()
    def plan(self) -> None:
        with self.all_or_nothing("planned"):
            self.campaign.plan()

    @rule()
    def start(self) -> None:
        with self.all_or_nothing("started"):
            self.campaign.start()

    @rule()
    def pause(self) -> None:
        with self.all_or_nothing("paused"):
            self.campaign.pause()

    @rule()
    def resume(self) -> None:
        with self.all_or_nothing("resumed"):
            self.campaign.resume()

    @rule()
    def complete(self) -> None:
        with self.all_or_nothing("completed"):
            self.campaign.complete()

    @rule(reason=st.none() | st.just("Too dear"))
    def cancel(self, reason: str | None) -> None:
        with self.all_or_nothing("cancelled"):
            self.campaign.cancel(reason)

    @invariant()
    def what_was_told_leads_to_the_state(self) -> None:
        assert self.campaign.state is (STATES[self.told[-1]] if self.told else CampaignState.DRAFT)

    @invariant()
    def nothing_follows_the_end(self) -> None:
        assert not {"completed", "cancelled"} & set(self.told[:-1])

    @invariant()
    def whoever_runs_was_planned_and_started_once(self) -> None:
        if self.campaign.state in {CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.COMPLETED}:
            assert self.told[:2] == ["planned", "started"]
            assert self.told.count("started") == 1

    @invariant()
    def it_keeps_its_own_rules(self) -> None:
        assert list(self.campaign.violations()) == []


CampaignMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestCampaignsUnderAnySequence = CampaignMachine.TestCase
