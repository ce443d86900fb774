"""What a product must be."""

from decimal import Decimal

import pytest

from rotunda_sales.products.model import Product


class TestListPrice:
    @pytest.mark.parametrize(("price", "wrong"), [("-0.01", ["list_price"]), ("0", []), ("9.99", [])])
    def test_nothing_is_sold_for_less_than_nothing(self, price: str, wrong: list[str]) -> None:
        product = Product(display_name="Hinge", list_price=Decimal(price), list_price_currency="EUR")
        assert [violation.field for violation in product.violations()] == wrong

    def test_it_may_be_by_agreement(self) -> None:
        product = Product(display_name="Hinge")
        assert (list(product.violations()), product.active) == ([], True)
