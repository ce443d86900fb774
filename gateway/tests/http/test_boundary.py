import asyncio
import json
import logging
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from rotunda_gateway.http.boundary import RequestBoundary
from rotunda_gateway.http.problems import install_problems
from rotunda_kit.telemetry.traces import trace_id


def client_of(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


class TestTraces:
    async def test_a_request_begins_a_trace_that_its_answer_names(self) -> None:
        app = FastAPI()
        install_problems(app)

        @app.get("/trace")
        async def trace() -> str:
            return trace_id()

        async with client_of(app) as client:
            first, second = await client.get("/trace"), await client.get("/trace")
        assert first.json() == first.headers["x-request-id"]
        assert first.json() != second.json()

    async def test_what_is_no_http_request_passes(self) -> None:
        seen: list[str] = []

        async def app(scope: Any, _receive: Any, _send: Any) -> None:
            seen.append(scope["type"])

        async def on_error(error: Exception, _send: Any) -> None:
            raise error

        await RequestBoundary(app, on_error, lambda: False)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
        assert seen == ["lifespan"]


class TestRetirement:
    async def test_connections_end_when_the_process_is_about_to_stop(self) -> None:
        retired = False
        app = FastAPI()
        install_problems(app, lambda: retired)
        async with client_of(app) as client:
            assert "connection" not in (await client.get("/")).headers
            retired = True
            assert (await client.get("/")).headers["connection"] == "close"


class TestOverload:
    async def test_who_comes_beyond_the_most_is_refused_at_once_and_the_others_are_not_harmed(self) -> None:
        arrived, may_go_on = asyncio.Event(), asyncio.Event()
        app = FastAPI()
        install_problems(app, most_in_flight=1)

        @app.get("/slow")
        async def slow() -> str:
            arrived.set()
            await may_go_on.wait()
            return "done"

        @app.get("/healthz")
        async def healthz() -> str:
            return "ok"

        async with client_of(app) as client:
            first = asyncio.create_task(client.get("/slow"))
            await arrived.wait()
            refused = await client.get("/slow")
            assert (refused.status_code, refused.json()["reason"]) == (503, "OVERLOADED")
            assert refused.headers["retry-after"] == "1"
            assert (await client.get("/healthz")).status_code == 200
            may_go_on.set()
            assert (await first).json() == "done"
            assert (await client.get("/slow")).json() == "done"


class TestUnexpectedErrors:
    async def test_they_are_logged_with_their_place_and_without_their_words(
        self, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        app = FastAPI()
        install_problems(app)

        @app.get("/bug")
        async def bug() -> None:
            raise KeyError("ada@example.org")

        with caplog.at_level(logging.ERROR):
            async with client_of(app) as client:
                response = await client.get("/bug")
        assert response.status_code == 500
        logged = capsys.readouterr().out + caplog.text
        assert "KeyError" in logged
        assert "test_boundary.py" in logged
        assert "ada@example.org" not in logged + json.dumps(response.json())

    async def test_an_answer_that_has_begun_is_broken_off(self) -> None:
        app = FastAPI()
        install_problems(app)

        @app.get("/stream")
        async def stream() -> StreamingResponse:
            async def lines() -> Any:
                yield b"one\n"
                raise OSError

            return StreamingResponse(lines())

        async with client_of(app) as client:
            with pytest.raises(OSError):  # noqa: PT011 - it has no words
                await client.get("/stream")
