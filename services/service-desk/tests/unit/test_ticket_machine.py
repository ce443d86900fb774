"""Tickets under any sequence of verbs: whatever is refused leaves no trace, and what is kept agrees with the state."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rotunda_kit.errors import RotundaError
from rotunda_kit.model import new_id, now
from rotunda_service_desk.tickets.model import Ticket, TicketState

USERS = [new_id(), new_id()]

# Before now, so that some lie before the report and some after it; negative ones lie in the future.
MOMENTS = st.none() | st.integers(min_value=-2, max_value=72).map(lambda hours: now() - timedelta(hours=hours))


class TicketMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ticket = Ticket(display_name="Broken hinge", report_time=now() - timedelta(hours=48))
        self.told: list[str] = []

    def facts(self) -> dict[str, object]:
        return {column.name: getattr(self.ticket, column.name) for column in Ticket.__table__.columns}

    @contextmanager
    def all_or_nothing(self, verb: str) -> Iterator[None]:
        before = self.facts()
        try:
            yield
        except RotundaError:
            assert self.facts() == before
            assert self.ticket.take_changes() == []
        else:
            assert [change.verb for change in self.ticket.take_changes()] == [verb]
            self.told.append(verb)

    @rule(user=st.sampled_from(USERS))
    def assign(self, user: UUID) -> None:
        with self.all_or_nothing("assigned"):
            self.ticket.assign(user)

    @rule(at=MOMENTS)
    def resolve(self, at: datetime | None) -> None:
        with self.all_or_nothing("resolved"):
            self.ticket.resolve("Hinge replaced", at)

    @rule(at=MOMENTS)
    def close(self, at: datetime | None) -> None:
        with self.all_or_nothing("closed"):
            self.ticket.close(at)

    @rule()
    def reopen(self) -> None:
        with self.all_or_nothing("reopened"):
            self.ticket.reopen("Broke again")

    @invariant()
    def what_it_says_agrees_with_its_state(self) -> None:
        ticket = self.ticket
        assert (ticket.resolution is None) is (ticket.state is TicketState.OPEN)
        assert (ticket.resolve_time is None) is (ticket.state is TicketState.OPEN)
        assert (ticket.close_time is not None) is (ticket.state is TicketState.CLOSED)

    @invariant()
    def its_times_are_in_order(self) -> None:
        times = [self.ticket.report_time, self.ticket.resolve_time, self.ticket.close_time, now()]
        known = [time for time in times if time is not None]
        assert known == sorted(known)
        assert list(self.ticket.violations()) == []

    @invariant()
    def what_was_told_leads_to_the_state(self) -> None:
        states = {"resolved": TicketState.RESOLVED, "closed": TicketState.CLOSED, "reopened": TicketState.OPEN}
        moves = [states[verb] for verb in self.told if verb in states]
        assert self.ticket.state is (moves[-1] if moves else TicketState.OPEN)


TicketMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestTicketsUnderAnySequence = TicketMachine.TestCase
