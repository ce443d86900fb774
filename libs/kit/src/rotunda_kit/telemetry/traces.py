"""Where a call stands in its trace (W3C Trace Context), and the spans that tell what took how long.

Every call has a trace id, which answers, logs, events and the audit trail name. Of few are spans recorded, and the
others must cost next to nothing: the SDK, which takes 10 µs to find that it has nothing to do, sees only those few.
"""

import random
import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar, Token

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Attributes = Mapping[str, str | int]

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]([0-9a-f])")
_PROPAGATOR = TraceContextTextMapPropagator()

_header: ContextVar[str] = ContextVar("traceparent", default="")


class _Tracing:
    """How this process traces: what records, and how many of the traces that begin here."""

    def __init__(self) -> None:
        self.use(TracerProvider(shutdown_on_exit=False), 0.0, edge=False)

    def use(self, provider: TracerProvider, ratio: float, *, edge: bool) -> None:
        self.provider = provider
        self.tracer = provider.get_tracer("rotunda")
        self.ratio = ratio
        self.edge = edge

    def records(self, traceparent: str | None) -> bool:
        """Whether what goes on with this trace, or begins one, is recorded."""
        if traceparent is None or self.edge:
            return random.random() < self.ratio  # noqa: S311 - nothing secret
        return sampled(traceparent)


_tracing = _Tracing()


def configure_traces(resource: Resource, ratio: float, endpoint: str, *, edge: bool = False) -> None:
    """Export spans of this process.

    Args:
        resource: the process.
        ratio: of the traces that begin here, from 0 to 1.
        endpoint: of an OpenTelemetry collector that takes OTLP over gRPC; nothing is recorded if empty.
        edge: whether callers are strangers, whose word on whether a trace is recorded does not count.
    """
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    _tracing.use(provider, ratio if endpoint else 0.0, edge=edge)
    if endpoint:
        # Only here: it takes memory and time to load.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter = OTLPSpanExporter(endpoint, insecure=endpoint.startswith("http://"))
        provider.add_span_processor(BatchSpanProcessor(exporter))


def end_traces() -> None:
    """Export what is left, and stop."""
    _tracing.provider.shutdown()


class Scope:
    """What happens inside is a part of the trace; a context manager, which gives the span."""

    __slots__ = ("_attached", "_entered", "_span", "_traceparent")

    def __init__(self, traceparent: str, span: Span) -> None:
        self._traceparent = traceparent
        self._span = span
        self._entered: Token[str] | None = None
        self._attached: Token[Context] | None = None

    def __enter__(self) -> Span:
        """Go on inside."""
        self._entered = _header.set(self._traceparent)
        if self._span is not INVALID_SPAN:
            self._attached = context.attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Go back, and end the span."""
        if self._attached is not None:
            if kind is not None and issubclass(kind, Exception):
                failed(self._span, kind.__name__)
            context.detach(self._attached)
            self._span.end()
        assert self._entered is not None  # noqa: S101 - whoever goes out has come in
        _header.reset(self._entered)


def entry_span(name: str, kind: SpanKind, traceparent: str | None, attributes: Attributes) -> Scope:
    """What came in from another process: goes on with its trace, or begins one where there is none that is right."""
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if not _tracing.records(match[0] if match else None):
        trace_id = match[1] if match else f"{random.getrandbits(128) or 1:032x}"
        return Scope(f"00-{trace_id}-{random.getrandbits(64) or 1:016x}-00", INVALID_SPAN)
    parent = _parent(f"00-{match[1]}-{match[2]}-01") if match else Context()
    return _recorded(_tracing.tracer.start_span(name, parent, kind, attributes))


def span_within(name: str, kind: SpanKind, attributes: Attributes) -> Scope:
    """A part of what this process is at."""
    if not recording():
        return Scope(_header.get(), INVALID_SPAN)
    return _recorded(begin_span(name, kind, attributes))


def _recorded(span: Span) -> Scope:
    at = span.get_span_context()
    return Scope(f"00-{trace.format_trace_id(at.trace_id)}-{trace.format_span_id(at.span_id)}-01", span)


def begin_span(name: str, kind: SpanKind, attributes: Attributes) -> Span:
    """A part of what this process is at and records, which whoever calls this ends; nothing is within it."""
    return _tracing.tracer.start_span(name, None, kind, attributes)


def spans_beside(name: str, kind: SpanKind, traceparents: Iterable[str], attributes: Attributes) -> list[Span]:
    """What is one step for many: a span in the trace of each that is recorded, for whoever calls this to end."""
    return [
        _tracing.tracer.start_span(name, _parent(traceparent), kind, attributes)
        for traceparent in traceparents
        if sampled(traceparent)
    ]


def _parent(traceparent: str) -> Context:
    return _PROPAGATOR.extract({"traceparent": traceparent}, Context())


def sampled(traceparent: str) -> bool:
    """Whether the one who sent this records his spans of the trace."""
    return traceparent.endswith(("1", "3", "5", "7", "9", "b", "d", "f"))


def failed(span: Span, reason: str) -> None:
    """Say that what a span is about went wrong; the reason, never a message, which may hold values."""
    if span.is_recording():
        span.set_attribute("error.type", reason)
        span.set_status(StatusCode.ERROR)


def recording() -> bool:
    """Whether spans are recorded of what this process is at."""
    return _header.get().endswith("1")


def traceparent() -> str:
    """The header to hand on; empty outside of a trace."""
    return _header.get()


def trace_id() -> str:
    """32 hexadecimal digits; empty outside of a trace."""
    return _header.get()[3:35]
