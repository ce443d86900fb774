"""The rules of territories: they stand in a tree."""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_gateway.access.database import Base
from rotunda_kit.model import Resource, living


class Territory(Resource, Base):
    """A part of the market, for example a region or an industry."""

    __noun__ = "access.territory"

    display_name: Mapped[str]
    parent_territory_id: Mapped[UUID | None] = mapped_column(ForeignKey("territory.id"), default=None)
    description: Mapped[str | None] = mapped_column(default=None)

    __table_args__ = (
        living("territory_parent_idx", "parent_territory_id", "id"),
        living("territory_display_name_idx", "display_name", "id"),
    )
