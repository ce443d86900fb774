"""This service's own read copies of others' records, kept up from events."""

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from rotunda.access.events.v1 import user_event_pb2
from rotunda.customers.events.v1 import account_event_pb2
from rotunda_kit.events.references import Reference, copy_of
from rotunda_sales.database import Base


class AccountReference(Reference, Base):
    """Who may buy."""

    __noun__ = "customers.account"

    display_name: Mapped[str]
    territory_id: Mapped[UUID | None] = mapped_column(default=None)
    # Unset: the ERP told nothing.
    credit_status: Mapped[str | None] = mapped_column(default=None)


class UserReference(Reference, Base):
    """Who leads a deal."""

    __noun__ = "access.user"

    display_name: Mapped[str]


copies = [
    copy_of(AccountReference, account_event_pb2.AccountEvent),
    copy_of(UserReference, user_event_pb2.UserEvent),
]
