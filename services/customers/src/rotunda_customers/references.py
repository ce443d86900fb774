"""This service's own read copies of others' records, kept up from events."""

from sqlalchemy.orm import Mapped

from rotunda.access.events.v1 import territory_event_pb2, user_event_pb2
from rotunda.sales.events.v1 import product_event_pb2
from rotunda_customers.database import Base
from rotunda_kit.events.references import Reference, copy_of


class UserReference(Reference, Base):
    """Who owns an account, or is to do an activity."""

    __noun__ = "access.user"

    display_name: Mapped[str]


class TerritoryReference(Reference, Base):
    """Where an account is."""

    __noun__ = "access.territory"


class ProductReference(Reference, Base):
    """What an account has."""

    __noun__ = "sales.product"


copies = [
    copy_of(ProductReference, product_event_pb2.ProductEvent),
    copy_of(UserReference, user_event_pb2.UserEvent),
    copy_of(TerritoryReference, territory_event_pb2.TerritoryEvent),
]
