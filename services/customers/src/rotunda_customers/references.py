"""This service's own read copies of others' records, kept up from events."""

from rotunda.access.events.v1 import user_event_pb2
from rotunda_kit.events.references import Reference, copy_of
from sqlalchemy.orm import Mapped

from rotunda_customers.database import Base


class UserReference(Reference, Base):
    """Who owns an account, or is to do an activity."""

    __noun__ = "access.user"

    display_name: Mapped[str]


copies = [copy_of(UserReference, user_event_pb2.UserEvent)]
