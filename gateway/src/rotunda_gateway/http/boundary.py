"""The outermost layer around every request."""

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rotunda_kit import telemetry

OnError = Callable[[Exception, Send], Awaitable[None]]
"""Answers a request whose handling failed with an unexpected error."""


class RequestBoundary:
    """Gives every request a trace, which its answer names in `X-Request-Id`, and an answer whatever happens.

    A client's own W3C `traceparent` is gone on with. A plain ASGI middleware: Starlette's `BaseHTTPMiddleware` would
    cost more than the whole transcoding.
    """

    def __init__(self, app: ASGIApp, on_error: OnError) -> None:
        self._app = app
        self._on_error = on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        telemetry.begin_trace(_traceparent(scope))
        request_id = (b"x-request-id", telemetry.trace_id().encode())
        started = False

        async def traced_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), request_id]
            await send(message)

        try:
            await self._app(scope, receive, traced_send)
        except Exception as error:
            if started:
                # Half an answer is out: only a broken connection can tell the client.
                raise
            await self._on_error(error, traced_send)


def _traceparent(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            text: str = value.decode("latin-1")
            return text
    return None
