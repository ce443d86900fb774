"""The rules of close reasons."""

import re
from collections.abc import Iterator

from sqlalchemy.orm import Mapped, mapped_column

from rotunda_kit.errors import FieldViolation, InvalidArgument
from rotunda_kit.model import Resource, living
from rotunda_sales.database import Base

CLOSED_STATES = ("WON", "LOST", "CANCELLED")

_UPPER_SNAKE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")


class CloseReason(Resource, Base):
    """Why an opportunity may be closed."""

    __noun__ = "sales.close_reason"

    reason_code: Mapped[str]
    display_name: Mapped[str]
    states: Mapped[list[str]] = mapped_column(default_factory=lambda: list(CLOSED_STATES))
    active: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (living("close_reason_reason_code_key", "reason_code", unique=True),)

    def violations(self) -> Iterator[FieldViolation]:
        """The code is for machines, and it is given for closing."""
        if not _UPPER_SNAKE.fullmatch(self.reason_code):
            yield FieldViolation("reason_code", "is not in UPPER_SNAKE, for example PRICE_TOO_HIGH")
        if not self.states:
            yield FieldViolation("states", "must name at least one of WON, LOST, CANCELLED")
        for at, state in enumerate(self.states):
            if state not in CLOSED_STATES:
                yield FieldViolation(f"states[{at}]", "must be one of WON, LOST, CANCELLED")

    def must_allow(self, state: str) -> None:
        """Refuse to be given for a state that it is not meant for.

        Raises:
            InvalidArgument: CLOSE_REASON_NOT_USABLE, on `reason.reason_code`.
        """
        if not self.active:
            raise not_usable("is not given any more")
        if state not in self.states:
            raise not_usable(f"is not a reason for {state}")


def not_usable(why: str) -> InvalidArgument:
    """The error for a code that an opportunity can't be closed with."""
    return InvalidArgument.of("reason.reason_code", why, "CLOSE_REASON_NOT_USABLE")
