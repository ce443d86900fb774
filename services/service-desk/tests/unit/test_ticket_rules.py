"""What a ticket allows in which state."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from rotunda_kit.errors import FailedPrecondition, InvalidArgument
from rotunda_kit.model import new_id, now
from rotunda_service_desk.tickets.model import Ticket, TicketChannel, TicketPriority, TicketState, TicketType

ANNA, BEN = new_id(), new_id()
REPORTED = datetime(2026, 3, 1, 9, tzinfo=UTC)
RESOLVED = datetime(2026, 3, 2, 9, tzinfo=UTC)
CLOSED = datetime(2026, 3, 3, 9, tzinfo=UTC)

OPEN_STATE, RESOLVED_STATE, CLOSED_STATE = TicketState.OPEN, TicketState.RESOLVED, TicketState.CLOSED


def ticket_in(state: TicketState) -> Ticket:
    ticket = Ticket(display_name="Broken hinge", report_time=REPORTED, assignee_id=ANNA)
    if state is not TicketState.OPEN:
        ticket.resolve("Hinge replaced", RESOLVED)
    if state is TicketState.CLOSED:
        ticket.close(CLOSED)
    ticket.take_changes()
    return ticket


VERBS: dict[str, Callable[[Ticket], None]] = {
    "assign": lambda ticket: ticket.assign(BEN),
    "resolve": lambda ticket: ticket.resolve("Hinge replaced"),
    "close": lambda ticket: ticket.close(),
    "reopen": lambda ticket: ticket.reopen("Broke again"),
}

# Verb, state, and the new state or the reason why not.
TRANSITIONS = [
    ("assign", OPEN_STATE, OPEN_STATE),
    ("assign", RESOLVED_STATE, "TICKET_NOT_OPEN"),
    ("assign", CLOSED_STATE, "TICKET_NOT_OPEN"),
    ("resolve", OPEN_STATE, RESOLVED_STATE),
    ("resolve", RESOLVED_STATE, "TICKET_NOT_OPEN"),
    ("resolve", CLOSED_STATE, "TICKET_NOT_OPEN"),
    ("close", OPEN_STATE, "TICKET_NOT_RESOLVED"),
    ("close", RESOLVED_STATE, CLOSED_STATE),
    ("close", CLOSED_STATE, "TICKET_NOT_RESOLVED"),
    ("reopen", OPEN_STATE, "TICKET_OPEN"),
    ("reopen", RESOLVED_STATE, OPEN_STATE),
    ("reopen", CLOSED_STATE, OPEN_STATE),
]


class TestTransitions:
    @pytest.mark.parametrize(("verb", "state", "outcome"), TRANSITIONS)
    def test_every_verb_in_every_state(self, verb: str, state: TicketState, outcome: TicketState | str) -> None:
        ticket = ticket_in(state)
        if isinstance(outcome, TicketState):
            VERBS[verb](ticket)
            assert ticket.state is outcome
            assert len(ticket.take_changes()) == 1
        else:
            with pytest.raises(FailedPrecondition) as refusal:
                VERBS[verb](ticket)
            assert (refusal.value.reason, refusal.value.metadata) == (outcome, {"state": state})
            assert ticket.state is state
            assert ticket.take_changes() == []

    def test_the_table_names_them_all(self) -> None:
        assert {(verb, state) for verb, state, _ in TRANSITIONS} == {(v, s) for v in VERBS for s in TicketState}


class TestCreate:
    def test_a_new_ticket_is_open_and_nobodys_yet(self) -> None:
        before = now()
        ticket = Ticket(display_name="Broken hinge")
        assert (ticket.state, ticket.assignee_id) == (TicketState.OPEN, None)
        assert before <= ticket.report_time <= now()

    def test_what_is_not_said_of_it_is_usual(self) -> None:
        ticket = Ticket(display_name="Broken hinge")
        assert (ticket.type, ticket.priority, ticket.channel) == (
            TicketType.REQUEST,
            TicketPriority.NORMAL,
            TicketChannel.OTHER,
        )

    def test_nobody_reports_in_the_future(self) -> None:
        ticket = Ticket(display_name="Broken hinge", report_time=now() + timedelta(minutes=1))
        assert [violation.field for violation in ticket.violations()] == ["report_time"]


class TestAssign:
    def test_it_tells_who_had_it_before(self) -> None:
        ticket = ticket_in(TicketState.OPEN)
        ticket.assign(BEN)
        (change,) = ticket.take_changes()
        assert (change.verb, change.detail) == ("assigned", {"from_assignee_id": str(ANNA)})
        assert ticket.assignee_id == BEN

    def test_the_first_one_takes_it_from_nobody(self) -> None:
        ticket = Ticket(display_name="Broken hinge")
        ticket.assign(BEN)
        (change,) = ticket.take_changes()
        assert change.detail == {}

    def test_nobody_gets_what_he_has(self) -> None:
        ticket = ticket_in(TicketState.OPEN)
        with pytest.raises(FailedPrecondition) as refusal:
            ticket.assign(ANNA)
        assert refusal.value.reason == "ALREADY_ASSIGNED"
        assert ticket.take_changes() == []


class TestTimes:
    def test_a_ticket_is_resolved_now_unless_said_otherwise(self) -> None:
        ticket, before = ticket_in(TicketState.OPEN), now()
        ticket.resolve("Hinge replaced")
        assert ticket.resolve_time is not None
        assert before <= ticket.resolve_time <= now()

    @pytest.mark.parametrize("at", [REPORTED - timedelta(microseconds=1), datetime(2999, 1, 1, tzinfo=UTC)])
    def test_it_is_resolved_neither_before_its_report_nor_in_the_future(self, at: datetime) -> None:
        ticket = ticket_in(TicketState.OPEN)
        with pytest.raises(InvalidArgument) as refusal:
            ticket.resolve("Hinge replaced", at)
        assert [violation.field for violation in refusal.value.violations] == ["resolve_time"]
        assert (ticket.state, ticket.resolution, ticket.resolve_time) == (TicketState.OPEN, None, None)

    @pytest.mark.parametrize("at", [RESOLVED - timedelta(microseconds=1), datetime(2999, 1, 1, tzinfo=UTC)])
    def test_it_is_closed_neither_before_its_resolution_nor_in_the_future(self, at: datetime) -> None:
        ticket = ticket_in(TicketState.RESOLVED)
        with pytest.raises(InvalidArgument) as refusal:
            ticket.close(at)
        assert [violation.field for violation in refusal.value.violations] == ["close_time"]
        assert (ticket.state, ticket.close_time) == (TicketState.RESOLVED, None)

    def test_a_report_does_not_move_behind_the_resolution(self) -> None:
        ticket = ticket_in(TicketState.RESOLVED)
        ticket.change({"report_time": RESOLVED + timedelta(hours=1)})
        assert [violation.field for violation in ticket.violations()] == ["report_time"]


class TestReopen:
    def test_what_was_done_about_it_is_forgotten_and_the_reason_kept(self) -> None:
        ticket = ticket_in(TicketState.CLOSED)
        ticket.reopen("Broke again")
        assert (ticket.resolution, ticket.resolve_time, ticket.close_time) == (None, None, None)
        assert (ticket.reopen_reason, ticket.assignee_id) == ("Broke again", ANNA)


class TestChange:
    @pytest.mark.parametrize("state", [TicketState.OPEN, TicketState.RESOLVED])
    def test_a_ticket_changes_until_it_is_closed(self, state: TicketState) -> None:
        ticket = ticket_in(state)
        assert ticket.change({"display_name": "Broken door", "priority": TicketPriority.URGENT})
        assert ticket.display_name == "Broken door"

    def test_a_closed_ticket_is_history(self) -> None:
        ticket = ticket_in(TicketState.CLOSED)
        with pytest.raises(FailedPrecondition) as refusal:
            ticket.change({"display_name": "Broken hinge", "priority": TicketPriority.URGENT})
        assert refusal.value.reason == "TICKET_CLOSED"
        assert ticket.priority is TicketPriority.NORMAL

    def test_an_update_of_a_closed_ticket_that_changes_nothing_passes(self) -> None:
        ticket = ticket_in(TicketState.CLOSED)
        assert not ticket.change({"display_name": "Broken hinge", "report_time": REPORTED})
        assert ticket.take_changes() == []
