"""The rules of API keys: revoked once, for ever."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_gateway.access.database import Base
from rotunda_kit.errors import FailedPrecondition
from rotunda_kit.model import Resource, living, now


class ApiKey(Resource, Base):
    """What a machine signs in with, in the name of a user."""

    __noun__ = "access.api_key"

    display_name: Mapped[str]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id"))
    scopes: Mapped[list[str]]
    # Of the secret; see `secret.py`.
    prefix: Mapped[str]
    digest: Mapped[bytes]
    expire_time: Mapped[datetime | None] = mapped_column(default=None)
    revoke_time: Mapped[datetime | None] = mapped_column(default=None)
    # Set beside the ORM, without a new version: using a key does not change it.
    last_use_time: Mapped[datetime | None] = mapped_column(default=None)

    __table_args__ = (
        living("api_key_user_idx", "user_id", "id"),
        living("api_key_display_name_idx", "display_name", "id"),
    )

    def revoke(self) -> None:
        """Refuse who has it from now on.

        Raises:
            FailedPrecondition: API_KEY_REVOKED, it is.
        """
        if self.revoke_time is not None:
            raise FailedPrecondition("API_KEY_REVOKED", "The API key is revoked already.")
        self.revoke_time = now()
        self.record("revoked")
