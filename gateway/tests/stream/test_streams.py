"""Streams over HTTP, served as the gateway's process serves them."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from rotunda_gateway.access.app import app as access
from rotunda_gateway.app import make_app
from rotunda_gateway.http.protocol import GatewayProtocol
from rotunda_gateway.settings import GatewaySettings
from rotunda_gateway.stream import hub as hub_module
from rotunda_gateway.stream import reader as reader_module
from rotunda_gateway.stream import response as response_module
from rotunda_gateway.stream.hub import Hub
from rotunda_kit.embedded import Nats, Postgres
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.testing.platform import TestPlatform, platform_of
from rotunda_kit.testing.waiting import eventually

from .conftest import Publisher

USERS = "rotunda.access.v1.UserService."
PASSWORD = "correct horse battery"

SettingsOf = Callable[..., GatewaySettings]


@dataclass
class Served:
    """A gateway that answers at a port."""

    hub: Hub
    port: int
    token: str
    platform: TestPlatform

    def client(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers, trust_env=False, timeout=20)

    @property
    def readers(self) -> int:
        return len(self.hub._readers)

    async def has_readers(self, count: int) -> None:
        async def holds() -> bool:
            return self.readers == count

        await eventually(holds, 20)


@pytest.fixture
async def platform(postgres: Postgres, nats: Nats, tmp_path: Path) -> AsyncIterator[TestPlatform]:
    async with platform_of(access, postgres=postgres, nats=nats, directory=tmp_path) as platform:
        yield platform


@pytest.fixture
async def serve(platform: TestPlatform, settings_of: SettingsOf) -> Callable[..., Any]:
    @asynccontextmanager
    async def serve(**settings: Any) -> AsyncIterator[Served]:
        runtime = platform.runtimes["access"]
        user = {"username": "first", "display_name": "First", "password": PASSWORD, "role_ids": [ADMINISTRATOR]}
        await platform.call(f"{USERS}CreateUser", user=user)
        app = make_app(runtime, settings_of(runtime, platform, **settings))
        config = uvicorn.Config(app, port=0, http=GatewayProtocol, log_config=None, access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        listening = socket.create_server(("127.0.0.1", 0))
        # Else megabytes would wait in the system before anybody here noticed that a client does not read.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        serving = asyncio.create_task(server.serve([listening]))
        port = listening.getsockname()[1]
        form = {"username": "first", "password": PASSWORD}

        async def up() -> bool:
            return server.started

        await eventually(up)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            answer = (await client.post("/v1/auth/token", data=form)).raise_for_status().json()
        try:
            yield Served(app.state.hub, port, answer["access_token"], platform)
        finally:
            app.state.hub.close()
            server.should_exit = True
            await serving

    return serve


async def heard(lines: AsyncIterator[str], event: str) -> Any:
    """The data of the next event of a name."""
    name = ""
    async with asyncio.timeout(20):
        async for line in lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: ") and name == event:
                return json.loads(line.removeprefix("data: "))
    return None


class TestReaders:
    async def test_one_who_leaves_is_forgotten(self, serve: Callable[..., Any]) -> None:
        async with serve() as served, served.client() as client:
            async with client.stream("GET", "/v1/stream") as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                await served.has_readers(1)
            await served.has_readers(0)

    async def test_a_stream_ends_when_the_process_stops(self, serve: Callable[..., Any]) -> None:
        async with serve() as served, served.client() as client, client.stream("GET", "/v1/stream") as answer:
            await served.has_readers(1)
            served.hub.close()
            async with asyncio.timeout(5):
                text = await answer.aread()
            assert text.startswith(b"retry: ")
            await served.has_readers(0)

    async def test_nobody_reads_more_streams_than_he_may(
        self, serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub_module, "MOST_OF_USER", 1)
        async with serve() as served, served.client() as client, client.stream("GET", "/v1/stream"):
            await served.has_readers(1)
            answer = await client.get("/v1/stream")
            assert (answer.status_code, answer.json()["reason"]) == (429, "TOO_MANY_STREAMS")

    async def test_a_process_has_no_more_readers_than_it_can_serve(self, serve: Callable[..., Any]) -> None:
        async with serve(max_streams=1) as served, served.client() as client, client.stream("GET", "/v1/stream"):
            await served.has_readers(1)
            answer = await client.get("/v1/stream")
            assert (answer.status_code, answer.json()["reason"]) == (503, "OVERLOADED")
            assert answer.headers["retry-after"]

    async def test_readers_leave_room_for_requests(self, serve: Callable[..., Any]) -> None:
        async with serve(max_in_flight=1) as served, served.client() as client, client.stream("GET", "/v1/stream"):
            await served.has_readers(1)
            assert (await client.get("/v1/teams")).status_code == 200

    async def test_one_who_hears_nothing_is_told_that_the_stream_lives(
        self, serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reader_module, "HEARTBEAT", 0.05)
        async with serve() as served, served.client() as client, client.stream("GET", "/v1/stream") as answer:
            ids = []
            async with asyncio.timeout(10):
                async for line in answer.aiter_lines():
                    if line.startswith("id: "):
                        ids.append(line)
                    if len(ids) == 3:
                        break
            assert len(set(ids)) == 1

    async def test_one_who_does_not_read_is_cut_off(
        self, serve: Callable[..., Any], publisher: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(response_module, "SLOWEST", 0.5)
        await publisher.begin()
        async with serve() as served, served.client() as client:
            deaf = socket.socket()
            deaf.settimeout(10)
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", served.port))
            deaf.sendall(f"GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.token}\r\n\r\n".encode())
            await served.has_readers(1)
            async with client.stream("GET", "/v1/stream") as answer:
                await served.has_readers(2)
                lines = answer.aiter_lines()
                # Until the system's own buffers are full as well.
                while served.readers == 2:
                    for record_id in await publisher.publish(100):
                        assert (await heard(lines, "change"))["record"]["id"] == record_id
                # The other one hears everything.
                (last,) = await publisher.publish(1)
                assert (await heard(lines, "change"))["record"]["id"] == last
            # Broken off, not ended in good order.
            text = b""
            while part := deaf.recv(65536):
                text += part
            deaf.close()
            assert b"event: change" in text
            assert not text.endswith(b"0\r\n\r\n")


class TestBrokerAway:
    async def test_a_stream_can_not_begin(
        self, platform: TestPlatform, serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub_module, "LOCATE_TIMEOUT", 0.3)
        monkeypatch.setattr(platform.runtimes["access"].settings, "nats_url", "nats://127.0.0.1:1")
        async with serve() as served, served.client() as client:
            answer = await client.get("/v1/stream")
            assert (answer.status_code, answer.json()["reason"]) == (503, "EVENTS_UNAVAILABLE")


class TestDatabaseAway:
    async def test_a_reader_is_told_nothing_until_it_is_known_again_who_he_is(
        self, serve: Callable[..., Any], publisher: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reader_module, "LOOK_AGAIN", 0.05)
        await publisher.begin()
        async with serve() as served, served.client() as client, client.stream("GET", "/v1/stream") as answer:
            await served.has_readers(1)
            lines = answer.aiter_lines()
            database = served.platform.runtimes["access"].database
            callers = served.hub._callers
            reads = 0

            async def away(*_: object) -> Any:
                nonlocal reads
                reads += 1
                raise ConnectionRefusedError

            with monkeypatch.context() as gone:
                gone.setattr(callers, "_read", away)
                callers.forget_user(_subject(served))
                (record_id,) = await publisher.publish(1)

                async def looked() -> bool:
                    return reads > 2

                await eventually(looked)
            assert database is not None
            assert (await heard(lines, "change"))["record"]["id"] == record_id


def _subject(served: Served) -> str:
    (reader,) = served.hub._readers
    return reader.user
