"""What speaks HTTP with clients, below the app."""

from opentelemetry.trace import SpanKind
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rotunda_gateway.http.problems import problem_of
from rotunda_kit.errors import InvalidArgument
from rotunda_kit.telemetry.traces import entry_span, trace_id

ABORT = "rotunda.abort"
"""Which of a scope's extensions breaks the connection, with whatever was not sent yet."""

LONGEST_HEAD = 128 * 1024
"""Bytes after which the head of a request that has still not come to its end is given up."""


class GatewayProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which bounds heads, and answers what it can't read with a problem, as the app does."""

    _in_head = False
    # Of the head that is being read, without what came together with its beginning.
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > LONGEST_HEAD:
                self.send_400_response("")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head ends."""
        self._in_head = False
        self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own text, which says less
        """Refuse a request that is no HTTP, or whose address or head is too long, and close the connection."""
        detail = "The request is not HTTP/1.1, its address is longer than 65,535 bytes, or its headers are too long."
        with entry_span("malformed", SpanKind.SERVER, None, {}):
            problem = problem_of(InvalidArgument([], "MALFORMED_REQUEST", detail))
            headers = [
                *problem.headers,
                (b"content-length", str(len(problem.body)).encode()),
                (b"connection", b"close"),
                (b"x-request-id", trace_id().encode()),
            ]
        lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in headers), b"", problem.body]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()
