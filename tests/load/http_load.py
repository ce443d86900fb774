"""One connection that is kept alive and sends one prepared request after the other: as little HTTP as does the work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import cycle

HEAD_END = b"\r\n\r\n"
LENGTH = b"\r\ncontent-length: "


class HttpError(Exception):
    """An answer that is no success, or no answer."""


class _Connection(asyncio.Protocol):
    """Knows what uvicorn sends: a head in lower case with `content-length`, and so many bytes."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[None] | None = None
        self._received = b""
        self._end = 0

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(HttpError(f"the connection was lost: {exc}"))

    def expect(self) -> asyncio.Future[None]:
        """Done when the next answer is there."""
        self._received, self._end = b"", 0
        self._answer = asyncio.get_running_loop().create_future()
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        if not self._end:
            head = self._received.find(HEAD_END)
            if head < 0:
                return
            length = self._received.find(LENGTH, 0, head)
            if length < 0:
                self._refuse()
                return
            at = length + len(LENGTH)
            self._end = head + len(HEAD_END) + int(self._received[at : self._received.find(b"\r", at)])
        if len(self._received) < self._end or self._answer is None or self._answer.done():
            return
        if self._received[9:10] == b"2":
            self._answer.set_result(None)
        else:
            self._refuse()

    def _refuse(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(HttpError(self._received.decode(errors="replace")))


@asynccontextmanager
async def sender(host: str, port: int, requests: Sequence[str]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Sends the next request and waits for its whole answer; raises HttpError if that is no success.

    Args:
        host: of the gateway.
        port: of the gateway.
        requests: whole ones, with head and body; sent over and over.
    """
    transport, connection = await asyncio.get_running_loop().create_connection(_Connection, host, port)
    following = cycle([request.encode() for request in requests])

    def send() -> asyncio.Future[None]:
        transport.write(next(following))
        return connection.expect()

    try:
        yield send
    finally:
        transport.close()
