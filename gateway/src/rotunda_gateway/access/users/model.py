"""The rules of users."""

from uuid import UUID

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
    administrator: Mapped[bool] = mapped_column(default=False)
    team_ids: Mapped[list[UUID]] = mapped_column(default_factory=list)
    active: Mapped[bool] = mapped_column(default=True)
    time_zone: Mapped[str | None] = mapped_column(default=None)
    language: Mapped[str | None] = mapped_column(default=None)

    __table_args__ = (
        living("user_username_key", "username", unique=True),
        living("user_display_name_idx", "display_name", "id"),
    )

    @property
    def may_administer(self) -> bool:
        """Whether he is an administrator who can sign in."""
        return self.administrator and self.active and self.delete_time is None
