from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Header, HTTPException, Query
from pydantic import BaseModel, Field
from pydantic.alias_generators import to_camel

from rotunda_gateway.http.problems import install_problems, problem_of
from rotunda_kit.errors import FieldViolation, InvalidArgument, NotFound, Unauthenticated


class Item(BaseModel):
    model_config = {"alias_generator": to_camel, "populate_by_name": True}

    account_id: int
    share_of: float = Field(ge=0)


class Order(BaseModel):
    items: list[Item]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    install_problems(app)

    @app.post("/orders")
    async def create(order: Order, page_size: Annotated[int, Query()] = 1, x_mode: Annotated[int, Header()] = 1) -> int:
        return len(order.items) + page_size + x_mode

    @app.get("/errors/{name}")
    async def errors(name: str) -> None:
        raise {
            "missing": NotFound("ORDER_NOT_FOUND", "There is no such order."),
            "stranger": Unauthenticated("TOKEN_MISSING", "Sign in first."),
            "teapot": HTTPException(418, "I am a teapot"),
            "busy": HTTPException(503, "Later", headers={"X-Why": "busy"}),
            "bug": RuntimeError("the password is hunter2"),
        }[name]

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        yield client


class TestHandWrittenRoutes:
    async def test_wrong_fields_are_named_in_camel_case(self, client: httpx.AsyncClient) -> None:
        response = await client.post(
            "/orders?page_size=x", json={"items": [{"accountId": "x", "shareOf": -1}]}, headers={"x-mode": "y"}
        )
        assert response.status_code == 400
        problem = response.json()
        assert (problem["code"], problem["reason"]) == ("INVALID_ARGUMENT", "INVALID_FIELDS")
        assert {error["field"] for error in problem["errors"]} == {
            "items[0].accountId", "items[0].shareOf", "pageSize", "x-mode",
        }  # fmt: skip

    @pytest.mark.parametrize(("body", "line", "column"), [(b'{\n "items": nope}', "2", "11"), (b"{", "1", "2")])
    async def test_broken_json_is_refused_with_its_place(
        self, client: httpx.AsyncClient, body: bytes, line: str, column: str
    ) -> None:
        response = await client.post("/orders", content=body, headers={"content-type": "application/json"})
        assert response.status_code == 400
        assert response.json()["reason"] == "INVALID_JSON"
        assert response.json()["metadata"] == {"line": line, "column": column}

    @pytest.mark.parametrize(
        ("name", "status", "code", "reason"),
        [
            ("missing", 404, "NOT_FOUND", "ORDER_NOT_FOUND"),
            ("stranger", 401, "UNAUTHENTICATED", "TOKEN_MISSING"),
            ("teapot", 418, "UNKNOWN", "IM_A_TEAPOT"),
            ("busy", 503, "UNAVAILABLE", "SERVICE_UNAVAILABLE"),
            ("bug", 500, "INTERNAL", "INTERNAL"),
        ],
    )
    async def test_every_error_is_a_problem(
        self, client: httpx.AsyncClient, name: str, status: int, code: str, reason: str
    ) -> None:
        response = await client.get(f"/errors/{name}")
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json"
        assert (response.status_code, problem["status"], problem["code"], problem["reason"]) == (
            status,
            status,
            code,
            reason,
        )
        assert problem["traceId"] == response.headers["x-request-id"]
        assert "hunter2" not in response.text

    async def test_headers_of_an_error_stay(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/errors/busy")
        assert (response.headers["x-why"], response.headers["retry-after"]) == ("busy", "1")
        assert (await client.get("/errors/stranger")).headers["www-authenticate"] == "Bearer"

    async def test_paths_and_methods_that_are_not_there(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/nothing")).json()["reason"] == "ROUTE_NOT_FOUND"
        refused = await client.put("/orders")
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
        assert refused.json()["reason"] == "METHOD_NOT_ALLOWED"


class TestProblemOf:
    def test_fields_are_camel_case(self) -> None:
        problem = problem_of(InvalidArgument([FieldViolation("phones[1].area_code", "is wrong")]))
        assert b'"errors":[{"field":"phones[1].areaCode","description":"is wrong"}]' in problem.body

    def test_without_fields_there_are_no_errors(self) -> None:
        assert b'"errors"' not in problem_of(NotFound("NOTE_NOT_FOUND", "There is none.")).body
