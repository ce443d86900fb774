"""Contacts have no rules of their own yet."""

from uuid import UUID

from sqlalchemy import Computed, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_customers.database import Base
from rotunda_kit.model import Resource, living, type_json


class Contact(Resource, Base):
    """A person that one deals with, at an account or alone."""

    __noun__ = "customers.contact"

    last_name: Mapped[str]
    first_name: Mapped[str | None] = mapped_column(default=None)
    display_name: Mapped[str] = mapped_column(
        Computed("ltrim(coalesce(first_name, '') || ' ' || last_name)", persisted=True), init=False
    )
    salutation: Mapped[str | None] = mapped_column(default=None)
    job_title: Mapped[str | None] = mapped_column(default=None)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), default=None)
    owner_id: Mapped[UUID | None] = mapped_column(default=None)
    email: Mapped[str | None] = mapped_column(default=None)
    phones: Mapped[list[type_json]] = mapped_column(default_factory=list)
    addresses: Mapped[list[type_json]] = mapped_column(default_factory=list)
    language: Mapped[str | None] = mapped_column(default=None)
    description: Mapped[str | None] = mapped_column(default=None)

    __table_args__ = (
        living("contact_account_idx", "account_id", "id"),
        living("contact_owner_idx", "owner_id", "id"),
        living("contact_last_name_idx", "last_name", "id", postgresql_ops={"last_name": "text_pattern_ops"}),
        living("contact_email_idx", "email"),
    )
