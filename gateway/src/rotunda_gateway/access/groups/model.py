"""The rules of groups."""

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from rotunda_gateway.access.database import Base
from rotunda_kit.model import Resource, living, now


class Group(Resource, Base):
    """Users who get the same roles, or are shared the same records."""

    __noun__ = "access.group"

    display_name: Mapped[str]
    description: Mapped[str | None] = mapped_column(default=None)
    role_ids: Mapped[list[UUID]] = mapped_column(default_factory=list)

    __table_args__ = (living("group_display_name_idx", "display_name", "id"),)

    def membership_changed(self) -> None:
        """Take note of a change that the users keep: it is one of the group, too."""
        self.update_time = now()
