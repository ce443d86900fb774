"""Did the walk through the conventions leave anything out? It runs before, as its name comes first."""

import pytest

from .ledger import Ledger
from .reflection import Catalogue, Kind, built


class TestCoverage:
    @pytest.fixture(autouse=True)
    def walked(self, ledger: Ledger) -> None:
        if not ledger.checks:
            pytest.skip("the walk was not asked for")

    def test_the_servers_have_the_methods_of_the_protos(self, catalogue: Catalogue) -> None:
        assert set(catalogue.methods) == set(built().methods)

    def test_every_method_has_a_known_kind(self, catalogue: Catalogue) -> None:
        assert not [method.name for method in catalogue.methods.values() if method.kind is Kind.UNKNOWN]

    def test_every_method_was_called_over_rest(self, catalogue: Catalogue, ledger: Ledger) -> None:
        assert not catalogue.methods.keys() - ledger.visited

    def test_every_method_was_checked_as_its_kind_asks(self, catalogue: Catalogue, ledger: Ledger) -> None:
        walked = {name for name, method in catalogue.methods.items() if method.kind is not Kind.CONTRACT}
        assert not {name for name in walked if not ledger.groups[name] - {"TestEveryMethod"}}
