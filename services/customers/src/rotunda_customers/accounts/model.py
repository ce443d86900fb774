"""The rules of accounts."""

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Sequence, text
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_customers.database import Base
from rotunda_kit.errors import FieldViolation
from rotunda_kit.model import Resource, living, type_json

account_number = Sequence("account_number", metadata=Base.metadata)

NEXT_NUMBER = text("'A-' || to_char(nextval('account_number'), 'FM999999999000000')")


class AccountType(StrEnum):
    """What an account is."""

    COMPANY = "COMPANY"
    INDIVIDUAL = "INDIVIDUAL"


class Account(Resource, Base):
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

    __table_args__ = (
        living("account_display_name_idx", "display_name", "id", postgresql_ops={"display_name": "text_pattern_ops"}),
        living("account_owner_idx", "owner_id", "id"),
        living("account_territory_idx", "territory_id", "id"),
        living("account_parent_idx", "parent_account_id", "id"),
        living("account_industry_idx", "industry", "id"),
    )

    def violations(self) -> Iterator[FieldViolation]:
        """Individuals belong to no group of companies, and companies have no first name."""
        if self.type is AccountType.INDIVIDUAL:
            if self.parent_account_id is not None:
                yield FieldViolation("parent_account_id", "an individual is nobody's subsidiary")
            return
        for name in ("first_name", "last_name"):
            if getattr(self, name):
                yield FieldViolation(name, "is of individuals only")
        if self.parent_account_id == self.id:
            yield FieldViolation("parent_account_id", "is the account itself")
