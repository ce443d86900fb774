"""Spans of SQL statements. A hook of our own, since a ready-made instrumentation costs as much as a small read."""

from typing import Any

from opentelemetry.trace import Span, SpanKind
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from rotunda_kit.telemetry.traces import begin_span, failed

_SPAN = "rotunda_span"


def traced(engine: AsyncEngine, database: str) -> AsyncEngine:
    """The same connections, but each statement has a span.

    Args:
        engine: whose connections; it stays as it is.
        database: its name.

    Returns:
        An engine for what is recorded. Statements are told without the values of their parameters.
    """
    watched = engine.execution_options()

    @event.listens_for(watched.sync_engine, "before_cursor_execute")
    def begin(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        if context is not None:
            text = statement.strip()
            verb = text.partition(" ")[0].upper()
            attributes = {"db.system.name": "postgresql", "db.namespace": database, "db.query.text": text}
            setattr(context, _SPAN, begin_span(f"{verb} {database}", SpanKind.CLIENT, attributes))

    @event.listens_for(watched.sync_engine, "after_cursor_execute")
    def end(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        span: Span | None = getattr(context, _SPAN, None)
        if span is not None:
            span.end()

    @event.listens_for(watched.sync_engine, "handle_error")
    def fail(failure: Any) -> None:
        span: Span | None = getattr(failure.execution_context, _SPAN, None)
        if span is not None:
            failed(span, type(failure.original_exception).__name__)
            span.end()

    return watched
