"""This service's section of the 360 degree view."""

from rotunda.service_desk.v1 import ticket_service_pb2
from rotunda_kit.overview import list_section, overview_servicer
from rotunda_service_desk.tickets.service import ticket, tickets

OverviewService = overview_servicer(
    list_section(
        "tickets",
        tickets,
        ticket_service_pb2.ListTicketsResponse,
        order_by=[ticket.c.report_time.desc(), ticket.c.id.desc()],
    ),
)
