"""What speaks HTTP with clients, below the app."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rotunda_gateway.http.problems import problem_of
from rotunda_kit import telemetry
from rotunda_kit.errors import InvalidArgument


class GatewayProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which answers what it can't read with a problem, as the app does with all the rest."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own text, which says less
        """Refuse a request that is no HTTP, or whose address is too long, and close the connection."""
        telemetry.begin_trace(None)
        detail = "The request is not HTTP/1.1, or its address is longer than 65,535 bytes."
        problem = problem_of(InvalidArgument([], "MALFORMED_REQUEST", detail))
        headers = [
            *problem.headers,
            (b"content-length", str(len(problem.body)).encode()),
            (b"connection", b"close"),
            (b"x-request-id", telemetry.trace_id().encode()),
        ]
        lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in headers), b"", problem.body]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()
