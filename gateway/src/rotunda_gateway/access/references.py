"""The gateway's own read copies of others' records, kept up from events."""

from uuid import UUID

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from rotunda.customers.events.v1 import account_event_pb2
from rotunda_gateway.access.database import Base
from rotunda_kit.events.references import Reference, copy_of


class AccountReference(Reference, Base):
    """What the 360 degree view shows of an account while the customers service is away."""

    __noun__ = "customers.account"

    owner_id: Mapped[UUID | None] = mapped_column(default=None)
    territory_id: Mapped[UUID | None] = mapped_column(default=None)
    # Unset: the ERP told nothing.
    credit_status: Mapped[str | None] = mapped_column(default=None)
    snapshot: Mapped[bytes] = mapped_column(LargeBinary)


copies = [copy_of(AccountReference, account_event_pb2.AccountEvent)]
