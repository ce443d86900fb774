"""From a gRPC method's response message to an HTTP response."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from google.protobuf.message import Message

from rotunda_gateway.transcoding.headers import quoted_etag
from rotunda_gateway.transcoding.routes import Route
from rotunda_kit.descriptors import message_class
from rotunda_kit.json import encoder


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response that is ready to be sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class ResponseWriter:
    """Writes HTTP responses of one route."""

    def __init__(self, route: Route, location: Route | None = None) -> None:
        """Make ready.

        Args:
            route: whose responses are written.
            location: the route that gets what this one creates, see `route_to`.
        """
        self._field = route.response_body
        self._encode = encoder(message_class(route.answer))
        self._status = 201 if route.creates else 200
        self._has_etag = "etag" in route.answer.fields_by_name
        self._location = location if route.creates else None

    def write(self, response: Message) -> Answer:
        """The HTTP response for the method's response message."""
        answer: Any = getattr(response, self._field) if self._field else response
        body = orjson.dumps(self._encode(answer))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
        ]
        if self._has_etag and answer.etag:
            headers.append((b"etag", quoted_etag(answer.etag).encode()))
        if self._location:
            values = [str(getattr(answer, variable)) for variable in self._location.path.variables]
            headers.append((b"location", self._location.path.fill(quote(value, safe="") for value in values).encode()))
        return Answer(self._status, headers, body)


def route_to(route: Route, routes: Iterable[Route]) -> Route | None:
    """The route that gets the resource which `route` answers with, if there is one.

    It is the GET that answers with the same message and whose path can be filled in from that message's own fields.
    """
    for other in routes:
        if (
            other.http_method == "GET"
            and other.response_body
            and other.answer is route.answer
            and not other.path.verb
            and all(variable in other.answer.fields_by_name for variable in other.path.variables)
        ):
            return other
    return None
