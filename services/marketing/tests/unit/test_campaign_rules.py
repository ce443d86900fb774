"""What a campaign allows in which state."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from rotunda_kit.errors import FailedPrecondition
from rotunda_kit.model import new_id
from rotunda_marketing.campaigns.model import Campaign, CampaignKind, CampaignState
from rotunda_marketing.members.model import CampaignMember, CampaignMemberStatus

DRAFT, PLANNED, RUNNING, PAUSED, COMPLETED, CANCELLED = CampaignState

VERBS: dict[str, Callable[[Campaign], None]] = {
    "plan": Campaign.plan,
    "start": Campaign.start,
    "pause": Campaign.pause,
    "resume": Campaign.resume,
    "complete": Campaign.complete,
    "cancel": lambda campaign: campaign.cancel("Too dear"),
}

# The states from which a verb leads on, to which, how that is told, and the reason where it does not.
LEGAL = {
    "plan": ({DRAFT}, PLANNED, "planned", "CAMPAIGN_NOT_DRAFT"),
    "start": ({PLANNED}, RUNNING, "started", "CAMPAIGN_NOT_PLANNED"),
    "pause": ({RUNNING}, PAUSED, "paused", "CAMPAIGN_NOT_RUNNING"),
    "resume": ({PAUSED}, RUNNING, "resumed", "CAMPAIGN_NOT_PAUSED"),
    "complete": ({RUNNING, PAUSED}, COMPLETED, "completed", "CAMPAIGN_NOT_RUNNING"),
    "cancel": ({DRAFT, PLANNED, RUNNING, PAUSED}, CANCELLED, "cancelled", "CAMPAIGN_OVER"),
}


def campaign_in(state: CampaignState) -> Campaign:
    return Campaign(
        display_name="Spring mailing",
        kind=CampaignKind.EMAIL,
        state=state,
        start_date=date(2026, 3, 1),
        end_date=date(2026, 3, 31),
        owner_id=new_id(),
    )


class TestTransitions:
    @pytest.mark.parametrize("state", CampaignState)
    @pytest.mark.parametrize("verb", VERBS)
    def test_every_verb_in_every_state(self, verb: str, state: CampaignState) -> None:
        campaign = campaign_in(state)
        legal, then, told, reason = LEGAL[verb]
        if state in legal:
            VERBS[verb](campaign)
            assert campaign.state is then
            assert [change.verb for change in campaign.take_changes()] == [told]
        else:
            with pytest.raises(FailedPrecondition) as refusal:
                VERBS[verb](campaign)
            assert (refusal.value.reason, refusal.value.metadata) == (reason, {"state": state})
            assert campaign.state is state
            assert campaign.take_changes() == []

    def test_a_plan_needs_a_start_date(self) -> None:
        campaign = campaign_in(DRAFT)
        campaign.start_date = None
        with pytest.raises(FailedPrecondition) as refusal:
            campaign.plan()
        assert refusal.value.reason == "CAMPAIGN_HAS_NO_START_DATE"

    def test_it_keeps_why_it_was_called_off(self) -> None:
        campaign = campaign_in(RUNNING)
        campaign.cancel("Too dear")
        assert campaign.cancel_reason == "Too dear"

    def test_nobody_must_say_why(self) -> None:
        campaign = campaign_in(RUNNING)
        campaign.cancel(None)
        assert campaign.cancel_reason is None


class TestViolations:
    def test_it_does_not_end_before_it_starts(self) -> None:
        campaign = campaign_in(DRAFT)
        campaign.end_date = date(2026, 2, 28)
        assert [violation.field for violation in campaign.violations()] == ["end_date"]

    def test_it_may_last_one_day(self) -> None:
        campaign = campaign_in(DRAFT)
        campaign.end_date = campaign.start_date
        assert list(campaign.violations()) == []

    @pytest.mark.parametrize(("budget", "wrong"), [("-0.01", ["budget"]), ("0", []), ("5000", [])])
    def test_it_costs_no_less_than_nothing(self, budget: str, wrong: list[str]) -> None:
        campaign = campaign_in(DRAFT)
        campaign.budget = Decimal(budget)
        assert [violation.field for violation in campaign.violations()] == wrong

    @pytest.mark.parametrize("state", CampaignState)
    def test_only_what_was_never_planned_may_lack_a_start(self, state: CampaignState) -> None:
        campaign = campaign_in(state)
        campaign.start_date = None
        wrong = [] if state in {DRAFT, CANCELLED} else ["start_date"]
        assert [violation.field for violation in campaign.violations()] == wrong


class TestChange:
    FROZEN: tuple[dict[str, Any], ...] = (
        {"display_name": "Summer mailing"},
        {"kind": CampaignKind.LETTER},
        {"start_date": date(2026, 3, 2)},
    )
    FREE: tuple[dict[str, Any], ...] = (
        {"end_date": date(2026, 4, 30)},
        {"budget": Decimal(7), "budget_currency": "EUR"},
        {"owner_id": new_id()},
        {"description": "With a voucher"},
        {"external_ids": [{"system": "erp", "id": "1"}]},
    )

    @pytest.mark.parametrize("values", [*FROZEN, *FREE])
    @pytest.mark.parametrize("state", [DRAFT, PLANNED])
    def test_all_of_it_changes_before_it_starts(self, state: CampaignState, values: dict[str, Any]) -> None:
        campaign = campaign_in(state)
        assert campaign.change(values)
        assert {name: getattr(campaign, name) for name in values} == values

    @pytest.mark.parametrize("values", FROZEN)
    @pytest.mark.parametrize("state", [RUNNING, PAUSED, COMPLETED, CANCELLED])
    def test_what_people_have_heard_of_stays(self, state: CampaignState, values: dict[str, Any]) -> None:
        campaign = campaign_in(state)
        with pytest.raises(FailedPrecondition) as refusal:
            campaign.change({**values, "description": "With a voucher"})
        assert (refusal.value.reason, refusal.value.metadata) == ("CAMPAIGN_STARTED", {"state": state})
        assert [violation.field for violation in refusal.value.violations] == list(values)
        assert campaign.description is None

    @pytest.mark.parametrize("values", FREE)
    @pytest.mark.parametrize("state", [RUNNING, PAUSED, COMPLETED, CANCELLED])
    def test_the_rest_changes_ever_after(self, state: CampaignState, values: dict[str, Any]) -> None:
        assert campaign_in(state).change(values)

    def test_what_does_not_differ_passes(self) -> None:
        campaign = campaign_in(COMPLETED)
        assert not campaign.change({"display_name": "Spring mailing", "kind": CampaignKind.EMAIL})
        assert campaign.take_changes() == []


class TestMembers:
    def test_a_member_is_somebody(self) -> None:
        assert [violation.field for violation in CampaignMember(campaign_id=new_id()).violations()] == ["account_id"]

    @pytest.mark.parametrize(("account_id", "contact_id"), [(new_id(), None), (None, new_id()), (new_id(), new_id())])
    def test_a_member_is_an_account_or_a_contact_or_both(
        self, account_id: UUID | None, contact_id: UUID | None
    ) -> None:
        member = CampaignMember(campaign_id=new_id(), account_id=account_id, contact_id=contact_id)
        assert list(member.violations()) == []
        assert member.status is CampaignMemberStatus.TARGETED
