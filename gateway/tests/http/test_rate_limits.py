"""Token buckets."""

import math
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotunda_gateway.http import rate_limits as module
from rotunda_gateway.http.errors import TooManyRequests
from rotunda_gateway.http.rate_limits import BATCH, READ, WRITE, RateLimits, Verdict, class_of, verdict


class Clock:
    """The monotonic clock, put forward by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def ask(limits: RateLimits, caller: str = "ada", route_class: str = READ) -> Verdict:
    asked = Verdict(route_class)
    verdict.set(asked)
    limits.admit(caller)
    return asked


class TestBucket:
    def test_it_is_emptied_and_fills_again(self, clock: Clock) -> None:
        limits = RateLimits({READ: 2.0}, burst=2.0)
        assert [ask(limits).remaining for _ in range(4)] == [3, 2, 1, 0]
        with pytest.raises(TooManyRequests) as raised:
            ask(limits)
        assert raised.value.retry_after == 1
        clock.at += 0.5
        assert ask(limits).remaining == 0
        clock.at += 100
        asked = ask(limits)
        assert (asked.limit, asked.remaining, asked.reset) == (4, 3, 1)

    def test_what_is_refused_is_counted(self, clock: Clock) -> None:
        limits = RateLimits({READ: 1.0}, burst=1.0)
        with patch.object(module, "SHED") as shed:
            ask(limits)
            shed.add.assert_not_called()
            with pytest.raises(TooManyRequests):
                ask(limits)
            shed.add.assert_called_once_with(1, {"reason": "rate_limit"})

    def test_each_caller_and_class_has_its_own(self, clock: Clock) -> None:
        limits = RateLimits({READ: 1.0, WRITE: 1.0}, burst=1.0)
        for caller, route_class in (("ada", READ), ("ada", WRITE), ("tom", READ)):
            assert ask(limits, caller, route_class).remaining == 0
        for _ in range(10):
            # Not limited.
            assert ask(limits, "ada", BATCH).headers == ()

    def test_who_is_refused_waits_no_longer_for_asking(self, clock: Clock) -> None:
        limits = RateLimits({READ: 1.0}, burst=1.0)
        ask(limits)
        for _ in range(50):
            with pytest.raises(TooManyRequests):
                ask(limits)
        clock.at += 1
        ask(limits)

    @given(
        rate=st.floats(0.1, 1000),
        burst=st.floats(0.1, 60),
        pauses=st.lists(st.floats(0, 20), min_size=1, max_size=60),
    )
    def test_in_no_time_more_than_the_bucket_and_what_flowed_in_gets_through(
        self, rate: float, burst: float, pauses: list[float]
    ) -> None:
        clock, limits, admitted = Clock(), RateLimits({READ: rate}, burst), []
        with patch.object(module, "time", clock):
            for pause in pauses:
                clock.at += pause
                try:
                    ask(limits)
                except TooManyRequests as refused:
                    # The promise holds.
                    clock.at += refused.retry_after
                    ask(limits)
                admitted.append(clock.at)
        size = max(1, math.floor(rate * burst))
        for first, begin in enumerate(admitted):
            for last in range(first, len(admitted)):
                assert last - first + 1 <= size + (admitted[last] - begin) * rate + 1e-6

    def test_who_has_not_called_for_longest_is_forgotten(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MOST", 2)
        limits = RateLimits({READ: 1.0}, burst=1.0)
        for caller in ("ada", "tom", "eve"):
            ask(limits, caller)
        assert ask(limits, "ada").remaining == 0
        with pytest.raises(TooManyRequests):
            ask(limits, "eve")


class TestClass:
    @pytest.mark.parametrize(
        ("method", "path", "expected"),
        [
            ("GET", "/v1/accounts", READ),
            ("HEAD", "/v1/accounts", READ),
            ("POST", "/v1/accounts", WRITE),
            ("POST", "/v1/accounts/1:merge", WRITE),
            ("POST", "/v1/accounts:batchCreate", BATCH),
        ],
    )
    def test_it_is_told_by_method_and_path(self, method: str, path: str, expected: str) -> None:
        assert class_of(method, path) == expected
