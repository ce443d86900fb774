"""The rules of users."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_gateway.access.database import Base
from rotunda_kit.model import Resource, living


class User(Resource, Base):
    """Someone who works with the platform."""

    __noun__ = "access.user"

    username: Mapped[str]
    display_name: Mapped[str]
    email: Mapped[str | None] = mapped_column(default=None)
    # argon2id; None if he can't sign in by password.
    password_hash: Mapped[str | None] = mapped_column(default=None)
    role_ids: Mapped[list[UUID]] = mapped_column(default_factory=list)
    group_ids: Mapped[list[UUID]] = mapped_column(default_factory=list)
    team_ids: Mapped[list[UUID]] = mapped_column(default_factory=list)
    territory_ids: Mapped[list[UUID]] = mapped_column(default_factory=list)
    active: Mapped[bool] = mapped_column(default=True)
    time_zone: Mapped[str | None] = mapped_column(default=None)
    language: Mapped[str | None] = mapped_column(default=None)

    __table_args__ = (
        living("user_username_key", "username", unique=True),
        living("user_display_name_idx", "display_name", "id"),
        # Finds who is in a group, or has a role.
        Index("user_group_ids_idx", "group_ids", postgresql_using="gin"),
        Index("user_role_ids_idx", "role_ids", postgresql_using="gin"),
    )

    def change(self, values: Mapping[str, Any]) -> bool:
        """Set fields; usernames are kept in lower case, so that nobody can look like another."""
        if "username" in values:
            values = {**values, "username": values["username"].lower()}
        return super().change(values)
