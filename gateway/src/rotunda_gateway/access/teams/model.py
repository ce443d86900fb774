"""The rules of teams: they stand in a tree."""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_gateway.access.database import Base
from rotunda_kit.model import Resource, living


class Team(Resource, Base):
    """People who work together, for example an office, or those of one manager."""

    __noun__ = "access.team"

    display_name: Mapped[str]
    parent_team_id: Mapped[UUID | None] = mapped_column(ForeignKey("team.id"), default=None)
    lead_id: Mapped[UUID | None] = mapped_column(ForeignKey("user.id"), default=None)

    __table_args__ = (
        living("team_parent_idx", "parent_team_id", "id"),
        living("team_display_name_idx", "display_name", "id"),
    )
