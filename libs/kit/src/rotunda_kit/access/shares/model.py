"""The rules of shares."""

from collections.abc import Iterator
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Computed, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_kit.db.kit_base import KitBase
from rotunda_kit.errors import FieldViolation
from rotunda_kit.model import Resource, living


class ShareLevel(StrEnum):
    """For what a record is shared."""

    READ = "READ"
    WRITE = "WRITE"


class Share(Resource, KitBase):
    """A record of this service, and whom it is shared with."""

    __noun__ = "kit.share"

    record_type: Mapped[str]
    record_id: Mapped[UUID]
    creator_id: Mapped[UUID]
    user_id: Mapped[UUID | None] = mapped_column(default=None)
    team_id: Mapped[UUID | None] = mapped_column(default=None)
    group_id: Mapped[UUID | None] = mapped_column(default=None)
    level: Mapped[ShareLevel] = mapped_column(default=ShareLevel.READ)
    grantee_id: Mapped[UUID] = mapped_column(
        Computed("coalesce(user_id, team_id, group_id)", persisted=True), init=False
    )

    __table_args__ = (
        living(
            "share_record_grantee_key",
            "record_id",
            "grantee_id",
            "record_type",
            unique=True,
            info={"reason": "SHARE_EXISTS", "field": "record"},
        ),
        Index("share_grantee_idx", "grantee_id", postgresql_where=text("delete_time IS NULL")),
    )

    def violations(self) -> Iterator[FieldViolation]:
        """It is with exactly one."""
        given = [name for name in ("user_id", "team_id", "group_id") if getattr(self, name) is not None]
        if not given:
            yield FieldViolation("user_id", "one of userId, teamId and groupId must be set")
        for name in given[1:]:
            yield FieldViolation(name, "only one of userId, teamId and groupId may be set")
