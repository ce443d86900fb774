"""The rules of activities: open ones are to be done by someone at some time, closed ones are history."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_customers.database import Base
from rotunda_kit.errors import FailedPrecondition, FieldViolation
from rotunda_kit.model import Resource, living, now, type_json


class ActivityKind(StrEnum):
    """How one deals with the customer."""

    LETTER = "LETTER"
    EMAIL = "EMAIL"
    CALL = "CALL"
    VISIT = "VISIT"
    NOTE = "NOTE"
    TASK = "TASK"


class ActivityState(StrEnum):
    """To be done, or done."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


class ActivityPriority(StrEnum):
    """How much it matters."""

    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"


class Activity(Resource, Base):
    """A letter, an e-mail, a call, a visit, a note or a task."""

    __noun__ = "customers.activity"

    kind: Mapped[ActivityKind]
    display_name: Mapped[str]
    assignee_id: Mapped[UUID] = mapped_column()
    # Of a closed activity without one: when it was completed, so that a list by time has all in their place.
    due_time: Mapped[datetime | None] = mapped_column(default=None)
    description: Mapped[str | None] = mapped_column(default=None)
    state: Mapped[ActivityState] = mapped_column(default=ActivityState.OPEN)
    priority: Mapped[ActivityPriority] = mapped_column(default=ActivityPriority.NORMAL)
    complete_time: Mapped[datetime | None] = mapped_column(default=None)
    outcome: Mapped[str | None] = mapped_column(default=None)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), default=None)
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact.id"), default=None)
    regarding_type: Mapped[str | None] = mapped_column(default=None)
    regarding_id: Mapped[UUID | None] = mapped_column(default=None)
    delegations: Mapped[list[type_json]] = mapped_column(default_factory=list)

    __table_args__ = (
        living("activity_account_idx", "account_id", "due_time", "id"),
        living("activity_contact_idx", "contact_id", "due_time", "id"),
        living("activity_assignee_idx", "assignee_id", "state", "due_time", "id"),
        living("activity_regarding_idx", "regarding_id", "id"),
    )

    def violations(self) -> Iterator[FieldViolation]:
        """An open activity has a due time."""
        if self.due_time is None:
            yield FieldViolation("due_time", "must be set while the activity is open")

    def change(self, values: Mapping[str, Any]) -> bool:
        """Change an open activity.

        Raises:
            FailedPrecondition: ACTIVITY_CLOSED, it is history.
        """
        if any(getattr(self, name) != value for name, value in values.items()):
            self._must_be_open()
        return super().change(values)

    def complete(self, outcome: str | None, at: datetime | None = None) -> None:
        """Close it: from now on it is history.

        Raises:
            FailedPrecondition: ACTIVITY_CLOSED, it is history already.
        """
        self._must_be_open()
        self.state = ActivityState.CLOSED
        self.complete_time = at or now()
        self.due_time = self.due_time or self.complete_time
        self.outcome = outcome
        self.record("completed")

    def delegate(self, to: UUID, comment: str | None) -> None:
        """Hand it on to another user.

        Raises:
            FailedPrecondition: ACTIVITY_CLOSED, or ALREADY_ASSIGNED, it is his already.
        """
        self._must_be_open()
        if to == self.assignee_id:
            raise FailedPrecondition("ALREADY_ASSIGNED", "The activity is assigned to this user already.")
        link = {"from_user_id": str(self.assignee_id), "to_user_id": str(to), "time": now().isoformat()}
        self.delegations = [*self.delegations, link | ({"comment": comment} if comment else {})]
        self.record("delegated", from_assignee_id=str(self.assignee_id))
        self.assignee_id = to

    def _must_be_open(self) -> None:
        if self.state is not ActivityState.OPEN:
            raise FailedPrecondition("ACTIVITY_CLOSED", "The activity is closed; closed activities are history.")
