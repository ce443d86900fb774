"""This service's own read copies of others' records, kept up from events."""

from sqlalchemy.orm import Mapped, mapped_column

from rotunda.access.events.v1 import user_event_pb2
from rotunda.customers.events.v1 import account_event_pb2, contact_event_pb2
from rotunda_kit.events.references import Reference, copy_of
from rotunda_marketing.database import Base


class AccountReference(Reference, Base):
    """An account that a campaign is for."""

    __noun__ = "customers.account"

    display_name: Mapped[str]
    # Unset: the ERP told nothing.
    credit_status: Mapped[str | None] = mapped_column(default=None)


class ContactReference(Reference, Base):
    """A person that a campaign is for."""

    __noun__ = "customers.contact"

    display_name: Mapped[str]


class UserReference(Reference, Base):
    """Who runs a campaign."""

    __noun__ = "access.user"

    display_name: Mapped[str]


copies = [
    copy_of(AccountReference, account_event_pb2.AccountEvent),
    copy_of(ContactReference, contact_event_pb2.ContactEvent),
    copy_of(UserReference, user_event_pb2.UserEvent),
]
