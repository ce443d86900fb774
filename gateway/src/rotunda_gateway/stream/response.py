"""The answer that does not end: server-sent events, as the WHATWG's HTML standard has them (9.2)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rotunda_gateway.http.protocol import ABORT
from rotunda_kit.telemetry.metrics import meter

# Seconds that a client may take to read what was sent, before more is sent.
SLOWEST = 20.0

CUT_OFF = meter.create_counter("rotunda.stream.cut_off", "{reader}", "Readers of the stream who read too slowly.")


class EventStream(Response):
    """Sends a text for as long as it goes on and its client listens.

    Args:
        text: of the events.
        reading: entered while it is sent.
    """

    media_type = "text/event-stream"

    def __init__(self, text: AsyncIterator[bytes], reading: AbstractContextManager[None]) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._text = text
        self._reading = reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI request."""
        with self._reading:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            sending = asyncio.create_task(self._send(send))
            leaving = asyncio.create_task(_left(receive))
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                leaving.cancel()
                if not sending.done():
                    sending.cancel()
                await asyncio.wait({sending, leaving})
        if sending.cancelled():
            return
        if not sending.result():
            # What the connection still has to send would keep it open for as long as he does not read.
            CUT_OFF.add(1)
            abort: Callable[[], None] = scope["extensions"][ABORT]["abort"]
            abort()
            await _left(receive)
            return
        await send({"type": "http.response.body"})

    async def _send(self, send: Send) -> bool:
        """Whether all was sent; False where the client does not read it."""
        async for part in self._text:
            try:
                async with asyncio.timeout(SLOWEST):
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            except TimeoutError:
                return False
        return True


async def _left(receive: Receive) -> None:
    """Return when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
