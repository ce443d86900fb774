"""The rules of contacts."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from sqlalchemy import Computed, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_customers.database import Base
from rotunda_customers.profile.model import each_once
from rotunda_kit.custom_fields.model import Customizable
from rotunda_kit.errors import FieldViolation
from rotunda_kit.model import Resource, living, type_json


class Contact(Customizable, Resource, Base):
    """A person that one deals with, at one account, at several, or alone."""

    __noun__ = "customers.contact"

    last_name: Mapped[str]
    first_name: Mapped[str | None] = mapped_column(default=None)
    display_name: Mapped[str] = mapped_column(
        Computed("ltrim(coalesce(first_name, '') || ' ' || last_name)", persisted=True), init=False
    )
    salutation: Mapped[str | None] = mapped_column(default=None)
    job_title: Mapped[str | None] = mapped_column(default=None)
    # The primary one.
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), default=None)
    account_roles: Mapped[list[type_json]] = mapped_column(default_factory=list, server_default="[]")
    owner_id: Mapped[UUID | None] = mapped_column(default=None)
    email: Mapped[str | None] = mapped_column(default=None)
    phones: Mapped[list[type_json]] = mapped_column(default_factory=list)
    addresses: Mapped[list[type_json]] = mapped_column(default_factory=list)
    language: Mapped[str | None] = mapped_column(default=None)
    description: Mapped[str | None] = mapped_column(default=None)
    tags: Mapped[list[str]] = mapped_column(default_factory=list, server_default="{}")

    __table_args__ = (
        living("contact_account_idx", "account_id", "id"),
        living(
            "contact_account_roles_idx",
            "account_roles",
            postgresql_using="gin",
            postgresql_ops={"account_roles": "jsonb_path_ops"},
        ),
        living("contact_owner_idx", "owner_id", "id"),
        living("contact_last_name_idx", "last_name", "id", postgresql_ops={"last_name": "text_pattern_ops"}),
        living("contact_email_idx", "email"),
        living("contact_tags_idx", "tags", postgresql_using="gin"),
    )

    def violations(self) -> Iterator[FieldViolation]:
        """At one account somebody has one role at a time."""
        yield from each_once("tags", self.tags)
        times: dict[str, list[tuple[date, date]]] = {}
        for at, role in enumerate(self.account_roles):
            start, end = _day(role.get("start_date")) or date.min, _day(role.get("end_date")) or date.max
            if end < start:
                yield FieldViolation(f"account_roles[{at}].end_date", "lies before the start date")
            others = times.setdefault(role["account_id"], [])
            if any(start <= last and first <= end for first, last in others):
                yield FieldViolation(f"account_roles[{at}].account_id", "has another role at the same time")
            others.append((start, end))

    def belongs_to(self, account_id: UUID, on: date) -> bool:
        """Whether they belong to an account, as their primary one or another, on a day."""
        return account_id == self.account_id or any(
            role["account_id"] == str(account_id) and (_day(role.get("end_date")) or date.max) >= on
            for role in self.account_roles
        )


def _day(kept: type_json | None) -> date | None:
    return date(kept["year"], kept["month"], kept["day"]) if kept else None
