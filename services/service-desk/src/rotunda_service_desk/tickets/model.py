"""The rules of tickets: someone sees to an open one until it is resolved, and a closed one is history."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Sequence, text
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_kit.custom_fields.model import Customizable
from rotunda_kit.errors import FailedPrecondition, FieldViolation, InvalidArgument
from rotunda_kit.model import Resource, living, now
from rotunda_service_desk.database import Base

ticket_number = Sequence("ticket_number", metadata=Base.metadata)

NEXT_NUMBER = text("'T-' || to_char(nextval('ticket_number'), 'FM999999999000000')")


class TicketType(StrEnum):
    """What the customer is after."""

    COMPLAINT = "COMPLAINT"
    REQUEST = "REQUEST"
    QUESTION = "QUESTION"


class TicketState(StrEnum):
    """How far a ticket has come."""

    OPEN = "OPEN"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


class TicketPriority(StrEnum):
    """How much haste is called for."""

    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


class TicketChannel(StrEnum):
    """How a customer got in touch."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    WEB = "WEB"
    CHAT = "CHAT"
    LETTER = "LETTER"
    IN_PERSON = "IN_PERSON"
    OTHER = "OTHER"


class Ticket(Customizable, Resource, Base):
    """A matter that a customer brings up, from its report to its resolution."""

    __noun__ = "service_desk.ticket"

    display_name: Mapped[str]
    ticket_number: Mapped[str] = mapped_column(server_default=NEXT_NUMBER, init=False, unique=True)
    type: Mapped[TicketType] = mapped_column(default=TicketType.REQUEST)
    state: Mapped[TicketState] = mapped_column(default=TicketState.OPEN)
    priority: Mapped[TicketPriority] = mapped_column(default=TicketPriority.NORMAL)
    channel: Mapped[TicketChannel] = mapped_column(default=TicketChannel.OTHER)
    description: Mapped[str | None] = mapped_column(default=None)
    account_id: Mapped[UUID | None] = mapped_column(default=None)
    contact_id: Mapped[UUID | None] = mapped_column(default=None)
    product_id: Mapped[UUID | None] = mapped_column(default=None)
    order_number: Mapped[str | None] = mapped_column(default=None)
    assignee_id: Mapped[UUID | None] = mapped_column(default=None)
    report_time: Mapped[datetime] = mapped_column(default_factory=now)
    resolve_time: Mapped[datetime | None] = mapped_column(default=None)
    close_time: Mapped[datetime | None] = mapped_column(default=None)
    resolution: Mapped[str | None] = mapped_column(default=None)
    reopen_reason: Mapped[str | None] = mapped_column(default=None)

    __table_args__ = (
        living("ticket_account_idx", "account_id", "report_time", "id"),
        living("ticket_contact_idx", "contact_id", "report_time", "id"),
        living("ticket_product_idx", "product_id", "report_time", "id"),
        living("ticket_assignee_idx", "assignee_id", "state", "report_time", "id"),
        living("ticket_state_idx", "state", "report_time", "id"),
        living("ticket_report_time_idx", "report_time", "id"),
        living("ticket_order_number_idx", "order_number", "id"),
    )

    def violations(self) -> Iterator[FieldViolation]:
        """A ticket is reported before now, and before it is resolved."""
        if self.report_time > now():
            yield FieldViolation("report_time", "lies in the future")
        elif self.resolve_time is not None and self.report_time > self.resolve_time:
            yield FieldViolation("report_time", "lies after the ticket was resolved")

    def change(self, values: Mapping[str, Any]) -> bool:
        """Change a ticket that is not closed.

        Raises:
            FailedPrecondition: TICKET_CLOSED, it is history.
        """
        if self.state is TicketState.CLOSED and any(getattr(self, name) != value for name, value in values.items()):
            raise FailedPrecondition("TICKET_CLOSED", "The ticket is closed; closed tickets are history.")
        return super().change(values)

    def assign(self, to: UUID) -> None:
        """Give it to a user.

        Raises:
            FailedPrecondition: TICKET_NOT_OPEN; ALREADY_ASSIGNED, he has it.
        """
        self._must_be_open()
        if to == self.assignee_id:
            raise FailedPrecondition("ALREADY_ASSIGNED", "The ticket is assigned to this user already.")
        before = {"from_assignee_id": str(self.assignee_id)} if self.assignee_id else {}
        self.record("assigned", **before)
        self.assignee_id = to

    def resolve(self, resolution: str, at: datetime | None = None) -> None:
        """Say what was done about it.

        Args:
            resolution: in words.
            at: when that was; now if omitted.

        Raises:
            FailedPrecondition: TICKET_NOT_OPEN.
            InvalidArgument: `at` lies in the future, or before it was reported.
        """
        self._must_be_open()
        self.resolve_time = _between(self.report_time, at, "resolve_time", "the ticket was reported")
        self.state = TicketState.RESOLVED
        self.resolution = resolution
        self.record("resolved")

    def close(self, at: datetime | None = None) -> None:
        """Make it history.

        Args:
            at: when that was; now if omitted.

        Raises:
            FailedPrecondition: TICKET_NOT_RESOLVED.
            InvalidArgument: `at` lies in the future, or before it was resolved.
        """
        if self.state is not TicketState.RESOLVED or self.resolve_time is None:
            raise FailedPrecondition(
                "TICKET_NOT_RESOLVED", "Only a resolved ticket can be closed.", {"state": self.state}
            )
        self.close_time = _between(self.resolve_time, at, "close_time", "the ticket was resolved")
        self.state = TicketState.CLOSED
        self.record("closed")

    def reopen(self, reason: str) -> None:
        """Take the matter up again; what was done about it so far did not settle it.

        Raises:
            FailedPrecondition: TICKET_OPEN, it is open.
        """
        if self.state is TicketState.OPEN:
            raise FailedPrecondition("TICKET_OPEN", "The ticket is open.", {"state": self.state})
        self.state = TicketState.OPEN
        self.resolution = self.resolve_time = self.close_time = None
        self.reopen_reason = reason
        self.record("reopened")

    def _must_be_open(self) -> None:
        if self.state is not TicketState.OPEN:
            raise FailedPrecondition("TICKET_NOT_OPEN", "The ticket is not open.", {"state": self.state})


def _between(earliest: datetime, at: datetime | None, field: str, what_came_before: str) -> datetime:
    present = now()
    if at is None:
        return present
    if at > present:
        raise InvalidArgument.of(field, "lies in the future")
    if at < earliest:
        raise InvalidArgument.of(field, f"lies before {what_came_before}")
    return at
