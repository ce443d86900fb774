"""What a close reason must be."""

import pytest

from rotunda_kit.errors import InvalidArgument
from rotunda_sales.close_reasons.model import CLOSED_STATES, CloseReason


def wrong_fields(reason: CloseReason) -> list[str]:
    return [violation.field for violation in reason.violations()]


class TestCode:
    @pytest.mark.parametrize("code", ["PRICE", "NOT_RECORDED", "P2", "A_2_B"])
    def test_it_is_upper_snake(self, code: str) -> None:
        assert wrong_fields(CloseReason(reason_code=code, display_name="Reason")) == []

    @pytest.mark.parametrize(
        "code", ["", "price", "TOO HIGH", "_PRICE", "PRICE_", "TOO__HIGH", "2HIGH", "PREIS_HÖHE", "A\n"]
    )
    def test_it_is_nothing_else(self, code: str) -> None:
        assert wrong_fields(CloseReason(reason_code=code, display_name="Reason")) == ["reason_code"]


class TestStates:
    def test_unless_said_otherwise_it_is_for_all_ways_to_end(self) -> None:
        reason = CloseReason(reason_code="PRICE", display_name="Price")
        assert (tuple(reason.states), reason.active) == (CLOSED_STATES, True)

    def test_it_is_for_at_least_one(self) -> None:
        assert wrong_fields(CloseReason(reason_code="PRICE", display_name="Price", states=[])) == ["states"]

    def test_it_is_not_for_staying_open(self) -> None:
        reason = CloseReason(reason_code="PRICE", display_name="Price", states=["WON", "OPEN"])
        assert wrong_fields(reason) == ["states[1]"]

    @pytest.mark.parametrize("state", CLOSED_STATES)
    def test_it_allows_what_it_is_for(self, state: str) -> None:
        reason = CloseReason(reason_code="PRICE", display_name="Price", states=[state])
        reason.must_allow(state)
        for other in set(CLOSED_STATES) - {state}:
            with pytest.raises(InvalidArgument):
                reason.must_allow(other)
