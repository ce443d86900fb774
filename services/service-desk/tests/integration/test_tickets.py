"""The methods of tickets."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from rotunda.kit.v1 import resource_pb2
from rotunda.service_desk.events.v1 import ticket_event_pb2 as events
from rotunda.service_desk.v1 import ticket_service_pb2 as pb
from rotunda_kit.errors import AlreadyExists, EtagMismatch, FailedPrecondition, InvalidArgument, NotFound, RotundaError
from rotunda_kit.model import new_id, now
from rotunda_kit.testing.platform import TestPlatform

SERVICE = "rotunda.service_desk.v1.TicketService"
# Ids by names, see the fixture.
Known = dict[str, str]

YESTERDAY = now() - timedelta(days=1)


async def call(platform: TestPlatform, method: str, **fields: Any) -> Any:
    return await platform.call(f"{SERVICE}.{method}", **fields)


async def create(platform: TestPlatform, **fields: Any) -> pb.Ticket:
    answer = await call(platform, "CreateTicket", ticket={"display_name": "Broken hinge", **fields})
    ticket: pb.Ticket = answer.ticket
    return ticket


async def resolved(platform: TestPlatform) -> pb.Ticket:
    ticket = await create(platform, report_time=YESTERDAY)
    answer = await call(platform, "ResolveTicket", id=ticket.id, resolution="Hinge replaced")
    return answer.ticket  # type: ignore[no-any-return]


async def closed(platform: TestPlatform) -> pb.Ticket:
    return (await call(platform, "CloseTicket", id=(await resolved(platform)).id)).ticket  # type: ignore[no-any-return]


async def told(platform: TestPlatform, ticket_id: str) -> list[tuple[str, events.TicketEvent]]:
    """Verbs and payloads of the events about a ticket."""
    async with platform.runtimes["service_desk"].database.reading() as connection:
        rows = await connection.execute(
            text("SELECT verb, payload FROM outbox WHERE aggregate_id = :id ORDER BY id"), {"id": UUID(ticket_id)}
        )
        return [(row.verb, events.TicketEvent.FromString(row.payload)) for row in rows]


class TestCreate:
    async def test_a_new_ticket_is_open_and_has_a_number(self, platform: TestPlatform) -> None:
        before = now()
        ticket = await create(platform)
        assert re.fullmatch(r"T-\d{6}", ticket.ticket_number)
        assert (ticket.state, ticket.type, ticket.priority, ticket.channel) == (
            pb.TICKET_STATE_OPEN,
            pb.TICKET_TYPE_REQUEST,
            pb.TICKET_PRIORITY_NORMAL,
            pb.TICKET_CHANNEL_OTHER,
        )
        assert before <= ticket.report_time.ToDatetime(tzinfo=UTC) <= now()
        assert not ticket.HasField("assignee_id")
        assert [verb for verb, _ in await told(platform, ticket.id)] == ["created"]

    async def test_numbers_differ_however_many_come_at_a_time(self, platform: TestPlatform) -> None:
        tickets = await asyncio.gather(*(create(platform) for _ in range(20)))
        assert len({ticket.ticket_number for ticket in tickets}) == 20

    async def test_it_knows_its_account_contact_and_product(self, platform: TestPlatform, known: Known) -> None:
        ticket = await create(
            platform,
            account_id=known["account"],
            contact_id=known["contact"],
            product_id=known["product"],
            order_number="4711",
            report_time=YESTERDAY,
        )
        assert ticket.account_display_name == "Acme"
        assert (ticket.contact_id, ticket.product_id) == (known["contact"], known["product"])
        assert ticket.report_time.ToDatetime(tzinfo=UTC) == YESTERDAY

    async def test_it_refuses_references_to_nothing(self, platform: TestPlatform) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await create(platform, account_id=str(new_id()), contact_id=str(new_id()))
        assert {violation.field for violation in refusal.value.violations} == {"ticket.account_id", "ticket.contact_id"}

    async def test_nobody_reports_in_the_future(self, platform: TestPlatform) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await create(platform, report_time=now() + timedelta(hours=1))
        assert [violation.field for violation in refusal.value.violations] == ["ticket.report_time"]

    async def test_an_external_id_names_one_ticket(self, platform: TestPlatform) -> None:
        key = [{"system": "erp", "id": new_id().hex}]
        await create(platform, external_ids=key)
        with pytest.raises(AlreadyExists) as refusal:
            await create(platform, external_ids=key)
        assert refusal.value.reason == "EXTERNAL_ID_TAKEN"

    async def test_a_repeated_request_gives_the_same_ticket(self, platform: TestPlatform) -> None:
        request: dict[str, Any] = {"ticket": {"display_name": "Broken hinge"}, "request_id": new_id().hex}
        first = await call(platform, "CreateTicket", **request)
        assert await call(platform, "CreateTicket", **request) == first


class TestGet:
    async def test_it_is_as_it_was_answered(self, platform: TestPlatform, known: Known) -> None:
        ticket = await create(platform, account_id=known["account"], description="It squeaks")
        assert (await call(platform, "GetTicket", id=ticket.id)).ticket == ticket

    async def test_there_is_none(self, platform: TestPlatform) -> None:
        with pytest.raises(NotFound) as refusal:
            await call(platform, "GetTicket", id=str(new_id()))
        assert refusal.value.reason == "TICKET_NOT_FOUND"


class TestList:
    async def test_the_newest_come_first_a_page_at_a_time(self, platform: TestPlatform) -> None:
        order = new_id().hex
        made = [(await create(platform, order_number=order)).id for _ in range(3)]
        first = await call(platform, "ListTickets", filter=f'order_number = "{order}"', page_size=2)
        second = await call(
            platform,
            "ListTickets",
            filter=f'order_number = "{order}"',
            page_size=2,
            page_token=first.next_page_token,
        )
        assert [ticket.id for ticket in [*first.tickets, *second.tickets]] == made[::-1]
        assert not second.next_page_token

    async def test_it_narrows_by_state_priority_and_assignee(self, platform: TestPlatform, known: Known) -> None:
        order = new_id().hex
        urgent = await create(platform, order_number=order, priority="TICKET_PRIORITY_URGENT")
        await create(platform, order_number=order)
        await call(platform, "AssignTicket", id=urgent.id, assignee_id=known["anna"])
        anna = known["anna"]
        wanted = f'order_number = "{order}" AND state = OPEN AND priority = URGENT AND assignee_id = {anna}'
        answer = await call(platform, "ListTickets", filter=wanted, order_by="report_time desc")
        assert [ticket.id for ticket in answer.tickets] == [urgent.id]


class TestUpdate:
    async def test_it_changes_the_fields_of_the_mask(self, platform: TestPlatform) -> None:
        ticket = await create(platform, description="It squeaks")
        changes = {"id": ticket.id, "type": "TICKET_TYPE_COMPLAINT", "display_name": "Ignored"}
        answer = await call(platform, "UpdateTicket", ticket=changes, update_mask={"paths": ["type", "description"]})
        assert (answer.ticket.type, answer.ticket.display_name) == (pb.TICKET_TYPE_COMPLAINT, "Broken hinge")
        assert not answer.ticket.HasField("description")
        assert [verb for verb, _ in await told(platform, ticket.id)] == ["created", "updated"]

    async def test_neither_state_nor_assignee_change_so(self, platform: TestPlatform, known: Known) -> None:
        ticket = await create(platform)
        changes = {"id": ticket.id, "state": "TICKET_STATE_CLOSED", "assignee_id": known["anna"]}
        answer = await call(platform, "UpdateTicket", ticket=changes)
        assert answer.ticket == ticket

    async def test_a_stale_write_is_refused(self, platform: TestPlatform) -> None:
        ticket = await create(platform)
        changes = {"id": ticket.id, "etag": ticket.etag, "display_name": "First"}
        await call(platform, "UpdateTicket", ticket=changes)
        with pytest.raises(EtagMismatch):
            await call(platform, "UpdateTicket", ticket={**changes, "display_name": "Second"})

    async def test_a_closed_ticket_is_history(self, platform: TestPlatform) -> None:
        ticket = await closed(platform)
        with pytest.raises(FailedPrecondition) as refusal:
            await call(platform, "UpdateTicket", ticket={"id": ticket.id, "display_name": "Broken door"})
        assert refusal.value.reason == "TICKET_CLOSED"

    async def test_an_update_of_a_closed_ticket_that_changes_nothing_passes(self, platform: TestPlatform) -> None:
        ticket = await closed(platform)
        changes = {"id": ticket.id, "display_name": ticket.display_name}
        assert (await call(platform, "UpdateTicket", ticket=changes)).ticket == ticket


class TestDelete:
    async def test_it_is_gone(self, platform: TestPlatform) -> None:
        ticket = await create(platform)
        await call(platform, "DeleteTicket", id=ticket.id, etag=ticket.etag)
        with pytest.raises(NotFound):
            await call(platform, "GetTicket", id=ticket.id)
        assert [verb for verb, _ in await told(platform, ticket.id)] == ["created", "deleted"]


class TestBatchCreate:
    async def test_a_load_can_be_repeated_even_when_tickets_were_closed(self, platform: TestPlatform) -> None:
        keys = [[{"system": "desk", "id": new_id().hex}] for _ in range(3)]
        items = [
            {"ticket": {"display_name": f"Load {at}", "external_ids": key, "report_time": YESTERDAY}}
            for at, key in enumerate(keys)
        ]
        first = await call(platform, "BatchCreateTickets", requests=items, upsert_by="externalIds")
        assert {result.outcome for result in first.results} == {resource_pb2.BATCH_OUTCOME_CREATED}
        for result in first.results[:2]:
            await call(platform, "ResolveTicket", id=result.ticket.id, resolution="Done")
            await call(platform, "CloseTicket", id=result.ticket.id)
        items[1]["ticket"]["display_name"] = "Too late"
        items[2]["ticket"]["display_name"] = "In time"
        second = await call(platform, "BatchCreateTickets", requests=items, upsert_by="externalIds")
        assert [result.outcome for result in second.results] == [
            resource_pb2.BATCH_OUTCOME_UNCHANGED,
            resource_pb2.BATCH_OUTCOME_FAILED,
            resource_pb2.BATCH_OUTCOME_UPDATED,
        ]
        assert second.results[1].error.reason == "TICKET_CLOSED"


class TestAssign:
    async def test_a_user_gets_it_and_the_event_says_from_whom(self, platform: TestPlatform, known: Known) -> None:
        ticket = await create(platform)
        await call(platform, "AssignTicket", id=ticket.id, assignee_id=known["anna"])
        answer = await call(platform, "AssignTicket", id=ticket.id, assignee_id=known["ben"])
        assert (answer.ticket.assignee_id, answer.ticket.assignee_display_name) == (known["ben"], "Ben")
        (_, first), (_, second) = [event for event in await told(platform, ticket.id) if event[0] == "assigned"]
        assert (first.HasField("detail"), second.detail.from_assignee_id) == (False, known["anna"])
        assert second.ticket == answer.ticket

    async def test_nobody_gets_what_he_has(self, platform: TestPlatform, known: Known) -> None:
        ticket = await create(platform)
        await call(platform, "AssignTicket", id=ticket.id, assignee_id=known["anna"])
        with pytest.raises(FailedPrecondition) as refusal:
            await call(platform, "AssignTicket", id=ticket.id, assignee_id=known["anna"])
        assert refusal.value.reason == "ALREADY_ASSIGNED"

    async def test_only_open_tickets_are_assigned(self, platform: TestPlatform, known: Known) -> None:
        ticket = await resolved(platform)
        with pytest.raises(FailedPrecondition) as refusal:
            await call(platform, "AssignTicket", id=ticket.id, assignee_id=known["anna"])
        assert refusal.value.reason == "TICKET_NOT_OPEN"
        assert refusal.value.metadata == {"state": "RESOLVED"}

    async def test_the_assignee_must_exist(self, platform: TestPlatform) -> None:
        ticket = await create(platform)
        with pytest.raises(InvalidArgument) as refusal:
            await call(platform, "AssignTicket", id=ticket.id, assignee_id=str(new_id()))
        assert [violation.field for violation in refusal.value.violations] == ["assignee_id"]


class TestResolve:
    async def test_it_keeps_what_was_done_and_when(self, platform: TestPlatform) -> None:
        ticket = await create(platform, report_time=YESTERDAY)
        at = YESTERDAY + timedelta(hours=3)
        answer = await call(platform, "ResolveTicket", id=ticket.id, resolution="Hinge replaced", resolve_time=at)
        assert (answer.ticket.state, answer.ticket.resolution) == (pb.TICKET_STATE_RESOLVED, "Hinge replaced")
        assert answer.ticket.resolve_time.ToDatetime(tzinfo=UTC) == at

    @pytest.mark.parametrize("at", [YESTERDAY - timedelta(seconds=1), datetime(2999, 1, 1, tzinfo=UTC)])
    async def test_neither_before_the_report_nor_in_the_future(self, platform: TestPlatform, at: datetime) -> None:
        ticket = await create(platform, report_time=YESTERDAY)
        with pytest.raises(InvalidArgument) as refusal:
            await call(platform, "ResolveTicket", id=ticket.id, resolution="Hinge replaced", resolve_time=at)
        assert [violation.field for violation in refusal.value.violations] == ["resolve_time"]

    async def test_it_says_what_was_done(self, platform: TestPlatform) -> None:
        ticket = await create(platform)
        with pytest.raises(InvalidArgument) as refusal:
            await call(platform, "ResolveTicket", id=ticket.id)
        assert [violation.field for violation in refusal.value.violations] == ["resolution"]

    async def test_of_twenty_who_resolve_it_one_succeeds(self, platform: TestPlatform) -> None:
        ticket = await create(platform)

        async def resolve(by: int) -> str:
            try:
                await call(platform, "ResolveTicket", id=ticket.id, resolution=f"By {by}")
            except RotundaError as error:
                return error.reason
            return "resolved"

        outcomes = await asyncio.gather(*(resolve(by) for by in range(20)))
        assert sorted(outcomes) == ["TICKET_NOT_OPEN"] * 19 + ["resolved"]
        winner = (await call(platform, "GetTicket", id=ticket.id)).ticket
        assert winner.resolution == f"By {outcomes.index('resolved')}"
        assert [verb for verb, _ in await told(platform, ticket.id)] == ["created", "resolved"]


class TestClose:
    async def test_a_resolved_ticket_becomes_history(self, platform: TestPlatform) -> None:
        ticket = await closed(platform)
        assert ticket.state == pb.TICKET_STATE_CLOSED
        assert ticket.close_time.ToDatetime() >= ticket.resolve_time.ToDatetime()

    async def test_an_open_ticket_is_resolved_first(self, platform: TestPlatform) -> None:
        ticket = await create(platform)
        with pytest.raises(FailedPrecondition) as refusal:
            await call(platform, "CloseTicket", id=ticket.id)
        assert refusal.value.reason == "TICKET_NOT_RESOLVED"

    async def test_not_before_it_was_resolved(self, platform: TestPlatform) -> None:
        ticket = await resolved(platform)
        with pytest.raises(InvalidArgument) as refusal:
            await call(platform, "CloseTicket", id=ticket.id, close_time=YESTERDAY)
        assert [violation.field for violation in refusal.value.violations] == ["close_time"]


class TestReopen:
    async def test_a_closed_ticket_is_open_again(self, platform: TestPlatform) -> None:
        ticket = await closed(platform)
        answer = await call(platform, "ReopenTicket", id=ticket.id, reason="Broke again")
        assert (answer.ticket.state, answer.ticket.reopen_reason) == (pb.TICKET_STATE_OPEN, "Broke again")
        for name in ("resolution", "resolve_time", "close_time"):
            assert not answer.ticket.HasField(name)
        assert [verb for verb, _ in await told(platform, ticket.id)] == ["created", "resolved", "closed", "reopened"]

    async def test_an_open_ticket_is_open(self, platform: TestPlatform) -> None:
        ticket = await create(platform)
        with pytest.raises(FailedPrecondition) as refusal:
            await call(platform, "ReopenTicket", id=ticket.id, reason="Broke again")
        assert refusal.value.reason == "TICKET_OPEN"
