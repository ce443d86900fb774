"""The rules of accounts."""

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Sequence, text
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_customers.database import Base
from rotunda_customers.profile.model import Profile, each_once
from rotunda_kit.custom_fields.model import Customizable
from rotunda_kit.errors import FieldViolation
from rotunda_kit.model import Resource, living, type_json

account_number = Sequence("account_number", metadata=Base.metadata)

NEXT_NUMBER = text("'A-' || to_char(nextval('account_number'), 'FM999999999000000')")


class AccountType(StrEnum):
    """What an account is."""

    COMPANY = "COMPANY"
    INDIVIDUAL = "INDIVIDUAL"


class Account(Profile, Customizable, Resource, Base):
    """A company or an individual that buys, or may buy."""

    __noun__ = "customers.account"

    display_name: Mapped[str]
    type: Mapped[AccountType] = mapped_column(default=AccountType.COMPANY)
    account_number: Mapped[str] = mapped_column(server_default=NEXT_NUMBER, init=False, unique=True)
    owner_id: Mapped[UUID | None] = mapped_column(default=None)
    territory_id: Mapped[UUID | None] = mapped_column(default=None)
    parent_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), default=None)
    first_name: Mapped[str | None] = mapped_column(default=None)
    last_name: Mapped[str | None] = mapped_column(default=None)
    industry: Mapped[str | None] = mapped_column(default=None)
    website: Mapped[str | None] = mapped_column(default=None)
    founded_year: Mapped[int | None] = mapped_column(default=None)
    employee_count: Mapped[int | None] = mapped_column(default=None)
    annual_revenue: Mapped[Decimal | None] = mapped_column(default=None)
    annual_revenue_currency: Mapped[str | None] = mapped_column(default=None)
    description: Mapped[str | None] = mapped_column(default=None)
    addresses: Mapped[list[type_json]] = mapped_column(default_factory=list)
    phones: Mapped[list[type_json]] = mapped_column(default_factory=list)
    emails: Mapped[list[type_json]] = mapped_column(default_factory=list)
    language: Mapped[str | None] = mapped_column(default=None)
    tags: Mapped[list[str]] = mapped_column(default_factory=list, server_default="{}")
    # Contacts refer to accounts by a foreign key; this is the way back, without one.
    primary_contact_id: Mapped[UUID | None] = mapped_column(default=None)

    __table_args__ = (
        living("account_display_name_idx", "display_name", "id", postgresql_ops={"display_name": "text_pattern_ops"}),
        living("account_owner_idx", "owner_id", "id"),
        living("account_territory_idx", "territory_id", "id"),
        living("account_parent_idx", "parent_account_id", "id"),
        living("account_industry_idx", "industry", "id"),
        living("account_tags_idx", "tags", postgresql_using="gin"),
        living("account_primary_contact_idx", "primary_contact_id"),
        living("account_segment_idx", "segment", "id"),
        living("account_lifecycle_stage_idx", "lifecycle_stage", "id"),
    )

    def violations(self) -> Iterator[FieldViolation]:
        """Individuals belong to no group of companies, and companies are nobody of flesh and blood."""
        yield from each_once("tags", self.tags)
        yield from each_once("interests", self.interests)
        if self.type is AccountType.INDIVIDUAL:
            if self.parent_account_id is not None:
                yield FieldViolation("parent_account_id", "an individual is nobody's subsidiary")
            return
        for name, is_set in {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "demographics": self.has_demographics,
        }.items():
            if is_set:
                yield FieldViolation(name, "is of individuals only")
        if self.parent_account_id == self.id:
            yield FieldViolation("parent_account_id", "is the account itself")
