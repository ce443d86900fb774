"""The service desk at one glance."""

from rotunda_kit.app import Service, migrations_of
from rotunda_service_desk import references
from rotunda_service_desk.database import Base
from rotunda_service_desk.overview import OverviewService
from rotunda_service_desk.tickets.service import TicketService

app = Service(
    "service_desk",
    metadata=Base.metadata,
    migrations=migrations_of(__file__),
    servicers=[TicketService, OverviewService],
    copies=references.copies,
)
