import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotunda_gateway.stream.positions import Position, positions_of, text_of
from rotunda_kit.errors import InvalidArgument

positions = st.lists(
    st.builds(Position, st.integers(0, 2**40), st.integers(0, 2**53)),
    min_size=1,
    max_size=8,
)


class TestPositions:
    @given(positions)
    def test_a_client_gives_back_what_it_got(self, given: list[Position]) -> None:
        assert positions_of(text_of(given)) == given

    @pytest.mark.parametrize(
        "text", ["", "1", "1.", ".1", "1.1-", "1.1--1.1", "g.1", "1.1\n", "A.1", "-1.1", "1" * 99, "é.1", "\0"]
    )
    def test_what_is_nearly_one_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidArgument) as refused:
            positions_of(text)
        assert [violation.field for violation in refused.value.violations] == ["lastEventId"]
