"""The rules of ERP facts: one record an account."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_customers.database import Base
from rotunda_customers.profile.model import CreditStatus
from rotunda_kit.errors import FieldViolation
from rotunda_kit.model import Resource, living, type_json


class ErpFacts(Resource, Base):
    """What the ERP tells of an account."""

    __noun__ = "customers.erp_facts"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), unique=True)
    as_of_time: Mapped[datetime]
    credit_status: Mapped[CreditStatus]
    credit_limit: Mapped[Decimal | None] = mapped_column(default=None)
    credit_limit_currency: Mapped[str | None] = mapped_column(default=None)
    payment_terms: Mapped[str | None] = mapped_column(default=None)
    revenue_by_year: Mapped[list[type_json]] = mapped_column(default_factory=list)
    open_invoices: Mapped[list[type_json]] = mapped_column(default_factory=list)

    __table_args__ = (living("erp_facts_credit_status_idx", "credit_status", "id"),)

    def violations(self) -> Iterator[FieldViolation]:
        """Each year, and each invoice, is told of once."""
        for field, key in (("revenue_by_year", "year"), ("open_invoices", "invoice_number")):
            seen = set()
            for at, entry in enumerate(getattr(self, field)):
                if entry[key] in seen:
                    yield FieldViolation(f"{field}[{at}].{key}", "stands there twice")
                seen.add(entry[key])
