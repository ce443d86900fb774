"""This service's own read copies of others' records, kept up from events."""

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from rotunda.access.events.v1 import user_event_pb2
from rotunda.customers.events.v1 import account_event_pb2, contact_event_pb2
from rotunda.sales.events.v1 import opportunity_event_pb2
from rotunda.service_desk.events.v1 import ticket_event_pb2
from rotunda_kit.events.references import Reference, copy_of
from rotunda_sync.database import Base


class UserReference(Reference, Base):
    """Whose a mailbox is."""

    __noun__ = "access.user"

    display_name: Mapped[str]


class AccountReference(Reference, Base):
    """A customer whom a mail is about."""

    __noun__ = "customers.account"

    territory_id: Mapped[UUID | None] = mapped_column(default=None)
    # Unset: the ERP told nothing.
    credit_status: Mapped[str | None] = mapped_column(default=None)


class ContactReference(Reference, Base):
    """A person whom a mail is about."""

    __noun__ = "customers.contact"


class OpportunityReference(Reference, Base):
    """A deal that a mail is about."""

    __noun__ = "sales.opportunity"


class TicketReference(Reference, Base):
    """A ticket that a mail is about."""

    __noun__ = "service_desk.ticket"


copies = [
    copy_of(UserReference, user_event_pb2.UserEvent),
    copy_of(AccountReference, account_event_pb2.AccountEvent),
    copy_of(ContactReference, contact_event_pb2.ContactEvent),
    copy_of(OpportunityReference, opportunity_event_pb2.OpportunityEvent),
    copy_of(TicketReference, ticket_event_pb2.TicketEvent),
]
