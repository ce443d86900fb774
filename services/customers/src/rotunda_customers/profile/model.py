"""The fields of a profile, and their rules."""

from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum

from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from rotunda_kit.errors import FieldViolation
from rotunda_kit.model import type_json


class SizeClass(StrEnum):
    """How many people a company has."""

    MICRO = "MICRO"
    SMALL = "SMALL"
    MEDIUM = "MEDIUM"
    LARGE = "LARGE"


class AccountRating(StrEnum):
    """How promising a customer is."""

    COLD = "COLD"
    WARM = "WARM"
    HOT = "HOT"


class LifecycleStage(StrEnum):
    """How far someone has come on the way to a customer, and beyond."""

    SUBSCRIBER = "SUBSCRIBER"
    LEAD = "LEAD"
    MARKETING_QUALIFIED_LEAD = "MARKETING_QUALIFIED_LEAD"
    SALES_QUALIFIED_LEAD = "SALES_QUALIFIED_LEAD"
    OPPORTUNITY = "OPPORTUNITY"
    CUSTOMER = "CUSTOMER"
    EVANGELIST = "EVANGELIST"
    FORMER_CUSTOMER = "FORMER_CUSTOMER"


class PreferredChannel(StrEnum):
    """By what one gets in touch."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    LETTER = "LETTER"
    VISIT = "VISIT"


class CreditStatus(StrEnum):
    """What the ERP says of a customer's credit."""

    OK = "OK"
    WARNING = "WARNING"
    BLOCKED = "BLOCKED"


class Profile(MappedAsDataclass, kw_only=True, eq=False, repr=False):
    """The profile of an account; `demographics_…` is of individuals only."""

    size_class: Mapped[SizeClass | None] = mapped_column(default=None)
    segment: Mapped[str | None] = mapped_column(default=None)
    rating: Mapped[AccountRating | None] = mapped_column(default=None)
    lifecycle_stage: Mapped[LifecycleStage | None] = mapped_column(default=None)
    demographics_birth_date: Mapped[date | None] = mapped_column(default=None)
    demographics_gender: Mapped[str | None] = mapped_column(default=None)
    demographics_marital_status: Mapped[str | None] = mapped_column(default=None)
    demographics_occupation: Mapped[str | None] = mapped_column(default=None)
    demographics_household_size: Mapped[int | None] = mapped_column(default=None)
    preferences_channel: Mapped[PreferredChannel | None] = mapped_column(default=None)
    preferences_contact_time: Mapped[str | None] = mapped_column(default=None)
    preferences_payment: Mapped[str | None] = mapped_column(default=None)
    preferences_delivery: Mapped[str | None] = mapped_column(default=None)
    service_expectations: Mapped[str | None] = mapped_column(default=None)
    interests: Mapped[list[str]] = mapped_column(default_factory=list, server_default="{}")
    owned_products: Mapped[list[type_json]] = mapped_column(default_factory=list, server_default="[]")
    # Set by the ERP facts alone.
    credit_status: Mapped[CreditStatus | None] = mapped_column(default=None)

    @property
    def has_demographics(self) -> bool:
        """Whether any of them is known."""
        names = ("birth_date", "gender", "marital_status", "occupation", "household_size")
        return any(getattr(self, f"demographics_{name}") is not None for name in names)


def each_once(field: str, texts: Sequence[str]) -> Iterator[FieldViolation]:
    """Violations of a list of words of which some are empty, or stand there twice, in whatever case."""
    seen: set[str] = set()
    for at, text in enumerate(texts):
        if not text:
            yield FieldViolation(f"{field}[{at}]", "is empty")
        elif text.casefold() in seen:
            yield FieldViolation(f"{field}[{at}]", "stands there twice")
        seen.add(text.casefold())
