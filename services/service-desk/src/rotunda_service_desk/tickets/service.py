"""The methods of tickets."""

from uuid import UUID

from rotunda.service_desk.events.v1 import ticket_event_pb2 as events_pb
from rotunda.service_desk.v1 import ticket_service_pb2 as pb
from rotunda_kit.accounts import is_blocked
from rotunda_kit.resource.collection import Collection
from rotunda_kit.resource.values import moment
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer
from rotunda_service_desk.references import AccountReference, UserReference
from rotunda_service_desk.tickets.model import Ticket

ticket = Ticket.__table__
account = AccountReference.__table__
assignee = UserReference.__table__.alias("assignee")

tickets = Collection(
    Ticket,
    pb.Ticket,
    event=events_pb.TicketEvent,
    derived={
        "account_display_name": account.c.display_name,
        "account_blocked": is_blocked(account),
        "assignee_display_name": assignee.c.display_name,
    },
    joins=[(account, account.c.id == ticket.c.account_id), (assignee, assignee.c.id == ticket.c.assignee_id)],
)


class TicketService(Servicer, service="rotunda.service_desk.v1.TicketService"):
    """What customers complain about, ask for, or want to know."""

    GetTicket = tickets.get()
    ListTickets = tickets.list()
    CreateTicket = tickets.create()
    UpdateTicket = tickets.update()
    DeleteTicket = tickets.delete()
    UndeleteTicket = tickets.undelete()
    BatchCreateTickets = tickets.batch_create()
    BatchUpdateTickets = tickets.batch_update()

    @tickets.verb
    async def AssignTicket(_call: Command, ticket: Ticket, request: pb.AssignTicketRequest) -> None:  # noqa: N805
        """Give it to a user."""
        ticket.assign(UUID(request.assignee_id))

    @tickets.verb
    async def ResolveTicket(_call: Command, ticket: Ticket, request: pb.ResolveTicketRequest) -> None:  # noqa: N805
        """Say what was done about it."""
        at = moment(request.resolve_time) if request.HasField("resolve_time") else None
        ticket.resolve(request.resolution, at)

    @tickets.verb
    async def CloseTicket(_call: Command, ticket: Ticket, request: pb.CloseTicketRequest) -> None:  # noqa: N805
        """Make it history."""
        ticket.close(moment(request.close_time) if request.HasField("close_time") else None)

    @tickets.verb
    async def ReopenTicket(_call: Command, ticket: Ticket, request: pb.ReopenTicketRequest) -> None:  # noqa: N805
        """Take the matter up again."""
        ticket.reopen(request.reason)
