"""The rules of opportunities."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_kit.custom_fields.model import Customizable
from rotunda_kit.errors import FailedPrecondition, FieldViolation, InvalidArgument
from rotunda_kit.model import Resource, living, new_id, now
from rotunda_sales.close_reasons.model import CloseReason
from rotunda_sales.database import Base
from rotunda_sales.pipelines.model import Stage

# What may still change once a deal is closed.
STILL_OPEN_TO_CHANGE = {"owner_id", "description", "external_ids"}


class OpportunityState(StrEnum):
    """Where an opportunity stands as a whole; its stage says how far it has come."""

    OPEN = "OPEN"
    WON = "WON"
    LOST = "LOST"
    CANCELLED = "CANCELLED"


class Opportunity(Customizable, Resource, Base):
    """A qualified inquiry of a customer, led through stages until it is won, lost or cancelled."""

    __noun__ = "sales.opportunity"

    display_name: Mapped[str]
    owner_id: Mapped[UUID]
    pipeline_id: Mapped[UUID] = mapped_column(ForeignKey("pipeline.id"))
    stage_id: Mapped[UUID] = mapped_column(ForeignKey("stage.id"))
    account_id: Mapped[UUID | None] = mapped_column(default=None)
    state: Mapped[OpportunityState] = mapped_column(default=OpportunityState.OPEN)
    amount: Mapped[Decimal | None] = mapped_column(default=None)
    amount_currency: Mapped[str | None] = mapped_column(default=None)
    engage_date: Mapped[date | None] = mapped_column(default=None)
    expected_close_date: Mapped[date | None] = mapped_column(default=None)
    close_date: Mapped[date | None] = mapped_column(default=None)
    close_reason_reason_code: Mapped[str | None] = mapped_column(default=None)
    close_reason_comment: Mapped[str | None] = mapped_column(default=None)
    product_ids: Mapped[list[UUID]] = mapped_column(default_factory=list)
    description: Mapped[str | None] = mapped_column(default=None)

    __table_args__ = (
        living("opportunity_account_idx", "account_id", "id"),
        living("opportunity_owner_idx", "owner_id", "state", "id"),
        living("opportunity_state_idx", "state", "expected_close_date", "id"),
        living(
            "opportunity_display_name_idx", "display_name", "id", postgresql_ops={"display_name": "text_pattern_ops"}
        ),
        # Over all of them: it serves the foreign key too.
        Index("opportunity_stage_idx", "stage_id", "id"),
        Index("opportunity_pipeline_idx", "pipeline_id", "id"),
        living("opportunity_product_idx", "product_ids", postgresql_using="gin"),
    )

    def violations(self) -> Iterator[FieldViolation]:
        """A deal brings nothing or more."""
        if self.amount is not None and self.amount < 0:
            yield FieldViolation("amount", "must not be negative")

    def change(self, values: Mapping[str, Any]) -> bool:
        """Change it; a closed one only in what does not touch how it ended.

        Raises:
            FailedPrecondition: OPPORTUNITY_CLOSED.
        """
        fixed = values.keys() - STILL_OPEN_TO_CHANGE
        if self.state is not OpportunityState.OPEN and any(getattr(self, name) != values[name] for name in fixed):
            raise FailedPrecondition(
                "OPPORTUNITY_CLOSED", "The opportunity is closed; reopen it first.", {"state": self.state}
            )
        return super().change(values)

    def move_to(self, stage: Stage) -> None:
        """Go on, or back, to another stage of the same pipeline.

        Raises:
            FailedPrecondition: OPPORTUNITY_NOT_OPEN, or ALREADY_IN_STAGE.
            InvalidArgument: on `stage_id`, the stage is of another pipeline.
        """
        self._must_be_open()
        if stage.pipeline_id != self.pipeline_id:
            raise InvalidArgument.of("stage_id", "is a stage of another pipeline")
        if stage.id == self.stage_id:
            raise FailedPrecondition("ALREADY_IN_STAGE", "The opportunity is in this stage already.")
        self.record("moved_to_stage", from_stage_id=str(self.stage_id))
        self.stage_id = stage.id

    def win(self, reason: CloseReason, comment: str | None, on: date) -> None:
        """Close as won.

        Raises:
            FailedPrecondition: OPPORTUNITY_NOT_OPEN, it is closed already.
            InvalidArgument: the reason is not one for winning.
        """
        self._close(OpportunityState.WON, reason, comment, on)
        self.record("won")

    def lose(self, reason: CloseReason, comment: str | None, on: date) -> None:
        """Close as lost.

        Raises:
            FailedPrecondition: OPPORTUNITY_NOT_OPEN, it is closed already.
            InvalidArgument: the reason is not one for losing.
        """
        self._close(OpportunityState.LOST, reason, comment, on)
        self.record("lost")

    def cancel(self, reason: CloseReason, comment: str | None, on: date) -> None:
        """Close without an outcome.

        Raises:
            FailedPrecondition: OPPORTUNITY_NOT_OPEN, it is closed already.
            InvalidArgument: the reason is not one for cancelling.
        """
        self._close(OpportunityState.CANCELLED, reason, comment, on)
        self.record("cancelled")

    def reopen(self) -> None:
        """Go on where it was closed.

        Raises:
            FailedPrecondition: OPPORTUNITY_OPEN.
        """
        if self.state is OpportunityState.OPEN:
            raise FailedPrecondition("OPPORTUNITY_OPEN", "The opportunity is open.", {"state": self.state})
        self.state = OpportunityState.OPEN
        self.close_date = self.close_reason_reason_code = self.close_reason_comment = None
        self.record("reopened")

    def _close(self, state: OpportunityState, reason: CloseReason, comment: str | None, on: date) -> None:
        self._must_be_open()
        reason.must_allow(state)
        self.state = state
        self.close_date = on
        self.close_reason_reason_code = reason.reason_code
        self.close_reason_comment = comment

    def _must_be_open(self) -> None:
        if self.state is not OpportunityState.OPEN:
            raise FailedPrecondition(
                "OPPORTUNITY_NOT_OPEN", "The opportunity is closed already.", {"state": self.state}
            )


class StageMove(Base):
    """One entry of the stage history: written once, never changed, and there longer than the opportunity."""

    __tablename__ = "stage_move"

    opportunity_id: Mapped[UUID] = mapped_column(index=True)
    to_stage_id: Mapped[UUID]
    actor: Mapped[str]
    # None: where it began.
    from_stage_id: Mapped[UUID | None] = mapped_column(default=None)
    time: Mapped[datetime] = mapped_column(default_factory=now)
    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
