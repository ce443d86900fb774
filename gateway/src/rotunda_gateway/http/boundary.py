"""The outermost layer around every request."""

import time
from collections.abc import Awaitable, Callable

from opentelemetry.trace import Span, SpanKind
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rotunda_gateway.http.rate_limits import Verdict, class_of, verdict
from rotunda_kit.errors import Overloaded
from rotunda_kit.telemetry.metrics import HTTP_DURATION, SHED
from rotunda_kit.telemetry.traces import entry_span, failed, trace_id

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

ROUTE = "rotunda.route"
"""Where a scope keeps the pattern of its path, if the app's own router has not found it."""

MOST_IN_FLIGHT = 96
ALWAYS = frozenset({"/healthz", "/readyz"})
"""Paths that an orchestrator asks for: one who hears nothing there would end a process that only has much to do."""

LASTING = frozenset({"/v1/stream"})
"""Paths whose answers go on for hours: they have a bound of their own, and say nothing about how fast requests are."""

OnError = Callable[[Exception, Send], Awaitable[None]]
"""Answers a request whose handling failed with an unexpected error."""


class RequestBoundary:
    """Gives every request a trace, which its answer names in `X-Request-Id`, and an answer whatever happens.

    A client's own W3C `traceparent` is gone on with. A plain ASGI middleware: Starlette's `BaseHTTPMiddleware` would
    cost more than the whole transcoding.
    """

    def __init__(
        self,
        app: ASGIApp,
        on_error: OnError,
        retired: Callable[[], bool] = lambda: False,
        most_in_flight: int = MOST_IN_FLIGHT,
    ) -> None:
        self._app = app
        self._on_error = on_error
        self._retired = retired
        self._most_in_flight = most_in_flight
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        with entry_span(method, SpanKind.SERVER, _traceparent(scope), {"http.request.method": method}) as span:
            status = await self._handle(scope, receive, send)
            told: dict[str, str | int] = {"http.route": _route(scope), "http.response.status_code": status}
            _tell(span, method, told)
        if scope["path"] not in LASTING:
            HTTP_DURATION.record(time.perf_counter() - began, {"http.request.method": method, **told})

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> int:
        request_id = (b"x-request-id", trace_id().encode())
        status = 0
        asked = Verdict(class_of(scope["method"], scope["path"]))
        verdict.set(asked)

        async def traced_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), request_id, *asked.headers]
                if self._retired():
                    # The next request of this client goes elsewhere.
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        counted = scope["path"] not in LASTING
        self._in_flight += counted
        try:
            if counted and self._in_flight > self._most_in_flight and scope["path"] not in ALWAYS:
                SHED.add(1, {"reason": "in_flight"})
                raise Overloaded
            await self._app(scope, receive, traced_send)
        except Exception as error:
            if status:
                # Half an answer is out: only a broken connection can tell the client.
                raise
            await self._on_error(error, traced_send)
        finally:
            self._in_flight -= counted
        return status


def _tell(span: Span, method: str, told: dict[str, str | int]) -> None:
    if span.is_recording():
        span.update_name(f"{method} {told['http.route']}")
        span.set_attributes(told)
        if int(told["http.response.status_code"]) >= 500:
            failed(span, str(told["http.response.status_code"]))


def _route(scope: Scope) -> str:
    """The pattern of the path, for a path itself would name what it asks for."""
    if ROUTE in scope:
        return str(scope[ROUTE])
    route = scope.get("route")
    return str(route.path) if route is not None else "unmatched"


def _traceparent(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            text: str = value.decode("latin-1")
            return text
    return None
