"""Traces within one process."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import SpanKind

from rotunda_kit.telemetry import traces
from rotunda_kit.telemetry.traces import configure_traces, entry_span, recording, span_within, trace_id, traceparent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
# Nobody listens there.
COLLECTOR = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(traces, "_tracing", traces._Tracing())
    yield
    traces.end_traces()


def entered(flags: str) -> tuple[str, bool]:
    """The trace that a call with these flags goes on with, and whether it is recorded."""
    with entry_span("call", SpanKind.SERVER, f"00-{TRACE}-00f067aa0ba902b7-{flags}", {}):
        return trace_id(), recording()


class TestTraceId:
    @pytest.mark.parametrize(
        "header", [None, "", "nonsense", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE}-{'0' * 16}-01"]
    )
    def test_a_trace_begins_where_there_is_none_that_is_right(self, header: str | None) -> None:
        with entry_span("call", SpanKind.SERVER, header, {}):
            assert len(trace_id()) == 32
            assert trace_id() not in (TRACE, "0" * 32)
            assert traceparent()[3:35] == trace_id()

    def test_outside_of_a_trace_there_is_none(self) -> None:
        assert (trace_id(), traceparent()) == ("", "")

    def test_what_is_within_and_recorded_hands_on_its_own_span(self) -> None:
        configure_traces(Resource({}), 1.0, COLLECTOR)
        with entry_span("call", SpanKind.SERVER, None, {}):
            outer = traceparent()
            with span_within("part", SpanKind.CLIENT, {}):
                inner = traceparent()
            assert traceparent() == outer
        assert inner[3:35] == outer[3:35]
        assert inner != outer


class TestSampling:
    def test_without_a_collector_nothing_is_recorded(self) -> None:
        configure_traces(Resource({}), 1.0, "")
        assert entered("00") == (TRACE, False)

    def test_a_service_records_what_its_caller_does(self) -> None:
        configure_traces(Resource({}), 0.0, COLLECTOR)
        assert entered("01") == (TRACE, True)
        assert entered("00") == (TRACE, False)

    @pytest.mark.parametrize(("ratio", "recorded"), [(0.0, False), (1.0, True)])
    def test_a_strangers_word_does_not_count(self, ratio: float, recorded: bool) -> None:
        configure_traces(Resource({}), ratio, COLLECTOR, edge=True)
        assert [entered(flags) for flags in ("00", "01")] == [(TRACE, recorded)] * 2
