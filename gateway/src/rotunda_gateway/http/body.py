"""Reading a request body, within bounds."""

from starlette.types import Receive

from rotunda_gateway.http.errors import BodyTooLarge

DEFAULT_LIMIT = 8 * 1024 * 1024
"""Most bytes of a request body."""


class ClientDisconnected(Exception):  # noqa: N818 - nothing is wrong here: nobody is left to answer
    """The client went away before its request was complete."""


async def read_body(receive: Receive, declared: str | None, limit: int = DEFAULT_LIMIT) -> bytes:
    """The whole body.

    Args:
        receive: of the ASGI request.
        declared: the header `Content-Length`. It only serves to refuse early: what counts is what comes.
        limit: most bytes.

    Raises:
        BodyTooLarge: it has more.
        ClientDisconnected: it ended before its end.
    """
    if declared and declared.isdecimal() and int(declared[:20]) > limit:
        raise BodyTooLarge(limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLarge(limit)
        return body
    chunks = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(limit)
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()
