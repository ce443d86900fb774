import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from rotunda_gateway.http.protocol import LONGEST_HEAD, GatewayProtocol


async def app(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


class Written(asyncio.Transport):
    """Keeps what is sent to a client."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""
        self._closed = False

    def write(self, data: Any) -> None:
        self.data += data

    def close(self) -> None:
        self._closed = True

    def is_closing(self) -> bool:
        return self._closed


def configuration() -> uvicorn.Config:
    config = uvicorn.Config(app, http=GatewayProtocol, lifespan="off", log_config=None)
    config.load()
    return config


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config = configuration()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: GatewayProtocol(config, ServerState(), {}), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def answer(port: int, request: bytes) -> tuple[bytes, bytes]:
    """The head and the body of the answer; the server has closed the connection behind it."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    return head, body


class TestUnreadable:
    @pytest.mark.parametrize(
        "request_bytes",
        [
            b"no HTTP at all\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nA header without colon\r\n\r\n",
            b"GET /?" + b"a" * 66_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
        ids=["no HTTP", "no header", "a long address"],
    )
    async def test_is_answered_with_a_problem(self, port: int, request_bytes: bytes) -> None:
        head, body = await answer(port, request_bytes)
        status, *headers = head.decode().split("\r\n")
        problem = json.loads(body)
        assert status == "HTTP/1.1 400 Bad Request"
        assert "content-type: application/problem+json" in headers
        assert f"x-request-id: {problem['traceId']}" in headers
        assert problem["reason"] == "MALFORMED_REQUEST"

    async def test_a_head_without_end_is_given_up(self) -> None:
        protocol, transport = GatewayProtocol(configuration(), ServerState(), {}), Written()
        protocol.connection_made(transport)
        protocol.data_received(b"GET / HTTP/1.1\r\nHost: a\r\nX-Endless: ")
        taken = 0
        while not transport.is_closing():
            protocol.data_received(b"a" * 1_000)
            taken += 1_000
            assert taken <= 2 * LONGEST_HEAD
        assert transport.data.startswith(b"HTTP/1.1 400 ")

    async def test_a_long_body_is_no_long_head(self, port: int) -> None:
        request = (
            b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3000000\r\n\r\n" + b"a" * 3_000_000
        )
        head, _ = await answer(port, request)
        assert head.startswith(b"HTTP/1.1 204")

    async def test_what_can_be_read_is_handed_on(self, port: int) -> None:
        head, _ = await answer(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 204")
