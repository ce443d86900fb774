"""The rules of products."""

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy.orm import Mapped, mapped_column

from rotunda_kit.errors import FieldViolation
from rotunda_kit.model import Resource, living
from rotunda_sales.database import Base


class Product(Resource, Base):
    """Something that is sold."""

    __noun__ = "sales.product"

    display_name: Mapped[str]
    product_code: Mapped[str | None] = mapped_column(default=None)
    family: Mapped[str | None] = mapped_column(default=None)
    list_price: Mapped[Decimal | None] = mapped_column(default=None)
    list_price_currency: Mapped[str | None] = mapped_column(default=None)
    active: Mapped[bool] = mapped_column(default=True)
    description: Mapped[str | None] = mapped_column(default=None)

    __table_args__ = (
        living("product_product_code_key", "product_code", unique=True),
        living("product_display_name_idx", "display_name", "id"),
    )

    def violations(self) -> Iterator[FieldViolation]:
        """Nothing is sold for less than nothing."""
        if self.list_price is not None and self.list_price < 0:
            yield FieldViolation("list_price", "must not be negative")
