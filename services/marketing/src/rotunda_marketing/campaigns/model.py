"""The rules of campaigns: drafted, planned, run, perhaps paused, and over when completed or cancelled."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from rotunda_kit.errors import FailedPrecondition, FieldViolation
from rotunda_kit.model import Resource, living
from rotunda_marketing.database import Base


class CampaignKind(StrEnum):
    """By what a campaign reaches people."""

    EMAIL = "EMAIL"
    LETTER = "LETTER"
    PHONE = "PHONE"
    EVENT = "EVENT"
    ADVERTISEMENT = "ADVERTISEMENT"
    OTHER = "OTHER"


class CampaignState(StrEnum):
    """How far a campaign has come."""

    DRAFT = "DRAFT"
    PLANNED = "PLANNED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


BEFORE_START = {CampaignState.DRAFT, CampaignState.PLANNED}
OVER = {CampaignState.COMPLETED, CampaignState.CANCELLED}

# What may still change when people have heard of the campaign.
NEVER_FROZEN = {"end_date", "budget", "budget_currency", "owner_id", "description", "external_ids"}


class Campaign(Resource, Base):
    """A mailing, a round of calls, an event or an advertisement for a group of customers."""

    __noun__ = "marketing.campaign"

    display_name: Mapped[str]
    kind: Mapped[CampaignKind]
    state: Mapped[CampaignState] = mapped_column(default=CampaignState.DRAFT)
    start_date: Mapped[date | None] = mapped_column(default=None)
    end_date: Mapped[date | None] = mapped_column(default=None)
    budget: Mapped[Decimal | None] = mapped_column(default=None)
    budget_currency: Mapped[str | None] = mapped_column(default=None)
    owner_id: Mapped[UUID] = mapped_column()
    description: Mapped[str | None] = mapped_column(default=None)
    cancel_reason: Mapped[str | None] = mapped_column(default=None)

    __table_args__ = (
        living("campaign_owner_idx", "owner_id", "state", "id"),
        living("campaign_state_idx", "state", "start_date", "id"),
        living("campaign_start_date_idx", "start_date", "id"),
    )

    def violations(self) -> Iterator[FieldViolation]:
        """A campaign ends no earlier than it starts, and costs no less than nothing; once planned it has a start."""
        if self.start_date is not None and self.end_date is not None and self.end_date < self.start_date:
            yield FieldViolation("end_date", "lies before the start date")
        if self.start_date is None and self.state not in {CampaignState.DRAFT, CampaignState.CANCELLED}:
            yield FieldViolation("start_date", "must be set once the campaign is planned")
        if self.budget is not None and self.budget < 0:
            yield FieldViolation("budget", "must not be negative")

    def change(self, values: Mapping[str, Any]) -> bool:
        """Change a campaign; what people have heard of stays.

        Raises:
            FailedPrecondition: CAMPAIGN_STARTED, it has started or was called off, and this field is frozen.
        """
        frozen = [name for name, value in values.items() if name not in NEVER_FROZEN and getattr(self, name) != value]
        if frozen and self.state not in BEFORE_START:
            raise FailedPrecondition(
                "CAMPAIGN_STARTED",
                "The campaign has started or was called off: only its end date, budget, owner and description change.",
                {"state": self.state},
            ).at(*(FieldViolation(name, "is frozen since the campaign started") for name in frozen))
        return super().change(values)

    def plan(self) -> None:
        """Fix what it is.

        Raises:
            FailedPrecondition: CAMPAIGN_NOT_DRAFT; CAMPAIGN_HAS_NO_START_DATE.
        """
        self._must_be(CampaignState.DRAFT)
        if self.start_date is None:
            raise FailedPrecondition("CAMPAIGN_HAS_NO_START_DATE", "A planned campaign needs a start date.")
        self._become(CampaignState.PLANNED, "planned")

    def start(self) -> None:
        """Let people hear of it.

        Raises:
            FailedPrecondition: CAMPAIGN_NOT_PLANNED.
        """
        self._must_be(CampaignState.PLANNED)
        self._become(CampaignState.RUNNING, "started")

    def pause(self) -> None:
        """Stop for a while.

        Raises:
            FailedPrecondition: CAMPAIGN_NOT_RUNNING.
        """
        self._must_be(CampaignState.RUNNING)
        self._become(CampaignState.PAUSED, "paused")

    def resume(self) -> None:
        """Go on after a pause.

        Raises:
            FailedPrecondition: CAMPAIGN_NOT_PAUSED.
        """
        self._must_be(CampaignState.PAUSED)
        self._become(CampaignState.RUNNING, "resumed")

    def complete(self) -> None:
        """End it as planned, from a pause too.

        Raises:
            FailedPrecondition: CAMPAIGN_NOT_RUNNING.
        """
        self._must_be(CampaignState.RUNNING, CampaignState.PAUSED)
        self._become(CampaignState.COMPLETED, "completed")

    def cancel(self, reason: str | None) -> None:
        """Call it off.

        Raises:
            FailedPrecondition: CAMPAIGN_OVER.
        """
        self.must_not_be_over()
        self.cancel_reason = reason
        self._become(CampaignState.CANCELLED, "cancelled")

    def must_not_be_over(self) -> None:
        """Refuse what makes no sense any more when it is over.

        Raises:
            FailedPrecondition: CAMPAIGN_OVER, it is completed or cancelled.
        """
        if self.state in OVER:
            raise FailedPrecondition("CAMPAIGN_OVER", "The campaign is completed or cancelled.", {"state": self.state})

    def _must_be(self, wanted: CampaignState, *others: CampaignState) -> None:
        if self.state not in {wanted, *others}:
            raise FailedPrecondition(
                f"CAMPAIGN_NOT_{wanted}", f"The campaign is not {wanted.lower()}.", {"state": self.state}
            )

    def _become(self, state: CampaignState, verb: str) -> None:
        self.state = state
        self.record(verb)
