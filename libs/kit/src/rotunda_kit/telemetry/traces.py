"""Where a call stands in its trace (W3C Trace Context), and the spans that tell what took how long.

Every call has a trace id, which answers, logs, events and the audit trail name; of few are the spans exported.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Attributes = Mapping[str, str | int]

_PROPAGATOR = TraceContextTextMapPropagator()


class _Tracing:
    """What spans are made by. Before a process says otherwise they have ids and go nowhere."""

    def __init__(self) -> None:
        self.provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(0)), shutdown_on_exit=False)
        self.tracer = self.provider.get_tracer("rotunda")


_tracing = _Tracing()


def configure_traces(resource: Resource, ratio: float, endpoint: str, *, edge: bool = False) -> None:
    """Export spans of this process.

    Args:
        resource: the process.
        ratio: of the traces that begin here, from 0 to 1.
        endpoint: of an OpenTelemetry collector that takes OTLP over gRPC; nothing is exported if empty.
        edge: whether callers are strangers, whose word on whether a trace is recorded does not count.
    """
    chosen = TraceIdRatioBased(ratio if endpoint else 0)
    strangers = {"remote_parent_sampled": chosen, "remote_parent_not_sampled": chosen} if edge else {}
    _tracing.provider = TracerProvider(
        sampler=ParentBased(chosen, **strangers), resource=resource, shutdown_on_exit=False
    )
    if endpoint:
        # Only here: it takes memory and time to load.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter = OTLPSpanExporter(endpoint, insecure=endpoint.startswith("http://"))
        _tracing.provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracing.tracer = _tracing.provider.get_tracer("rotunda")


def end_traces() -> None:
    """Export what is left, and stop."""
    _tracing.provider.shutdown()


@contextmanager
def entry_span(name: str, kind: SpanKind, traceparent: str | None, attributes: Attributes) -> Iterator[Span]:
    """What came in from another process: goes on with its trace, or begins one where there is none that is right."""
    with _current(_tracing.tracer.start_span(name, _parent(traceparent), kind, attributes)) as span:
        yield span


def _parent(header: str | None) -> context.Context:
    return _PROPAGATOR.extract({"traceparent": header} if header else {}, context.Context())


@contextmanager
def span_within(name: str, kind: SpanKind, attributes: Attributes) -> Iterator[Span]:
    """A part of what this process is at; begins a trace where there is none."""
    with _current(begin_span(name, kind, attributes)) as span:
        yield span


def begin_span(name: str, kind: SpanKind, attributes: Attributes) -> Span:
    """A part of what this process is at, which whoever calls this ends; nothing is within it."""
    return _tracing.tracer.start_span(name, None, kind, attributes)


@contextmanager
def _current(span: Span) -> Iterator[Span]:
    token = context.attach(trace.set_span_in_context(span))
    try:
        yield span
    except Exception as error:
        failed(span, type(error).__name__)
        raise
    finally:
        context.detach(token)
        span.end()


def sampled(header: str) -> bool:
    """Whether the one who sent this `traceparent` exports his spans of the trace."""
    return header.endswith(("1", "3", "5", "7", "9", "b", "d", "f"))


def spans_beside(name: str, kind: SpanKind, headers: Iterable[str], attributes: Attributes) -> list[Span]:
    """What is one step for many: a span in the trace of each that is recorded, for whoever calls this to end."""
    return [
        _tracing.tracer.start_span(name, kind=kind, context=_parent(header), attributes=attributes)
        for header in headers
        if sampled(header)
    ]


def failed(span: Span, reason: str) -> None:
    """Say that what a span is about went wrong; the reason, never a message, which may hold values."""
    if span.is_recording():
        span.set_attribute("error.type", reason)
        span.set_status(StatusCode.ERROR)


def recording() -> bool:
    """Whether spans are exported of what this process is at."""
    return trace.get_current_span().is_recording()


def traceparent() -> str:
    """The header to hand on; empty outside of a trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent", "")


def trace_id() -> str:
    """32 hexadecimal digits; empty outside of a trace."""
    current = trace.get_current_span().get_span_context()
    return trace.format_trace_id(current.trace_id) if current.is_valid else ""
