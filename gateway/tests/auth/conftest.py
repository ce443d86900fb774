"""A gateway on real servers, and a second one beside it on the same database."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from rotunda_gateway.access.app import app as access
from rotunda_gateway.app import make_app
from rotunda_gateway.settings import GatewaySettings
from rotunda_kit.embedded import Nats, Postgres
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.model import new_id
from rotunda_kit.testing.platform import TestPlatform, platform_of
from rotunda_kit.testing.servers import nats_server

PASSWORD = "correct horse battery"

SettingsOf = Callable[..., GatewaySettings]


@dataclass
class Person:
    """Someone who can sign in."""

    id: str
    username: str
    token: str = ""
    refresh_token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class Gateway:
    """One process of the gateway, called as HTTP clients call it."""

    def __init__(self, app: FastAPI, platform: TestPlatform) -> None:
        self.app = app
        self.platform = platform

    def client(self, address: str = "192.0.2.1") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, client=(address, 4711))
        return httpx.AsyncClient(transport=transport, base_url="http://gateway")

    async def send(
        self, method: str, path: str, person: Person | None = None, *, address: str = "192.0.2.1", **more: Any
    ) -> httpx.Response:
        headers = {**(person.headers if person else {}), **more.pop("headers", {})}
        async with self.client(address) as client:
            return await client.request(method, path, headers=headers, **more)

    async def sign_in(
        self, username: str, password: str = PASSWORD, *, address: str = "192.0.2.1", **more: str
    ) -> httpx.Response:
        data = {"username": username, "password": password, **more}
        return await self.send("POST", "/v1/auth/token", data=data, address=address)

    async def person(self, **fields: Any) -> Person:
        """A new user who has signed in."""
        username = f"user{new_id().hex}"
        user = {"username": username, "display_name": "Someone", "password": PASSWORD, **fields}
        answer = await self.platform.call("rotunda.access.v1.UserService.CreateUser", user=user)
        return await self.again(Person(answer.user.id, username))

    async def again(self, person: Person, password: str = PASSWORD, **more: str) -> Person:
        """Another session of the same user."""
        answer = (await self.sign_in(person.username, password, **more)).raise_for_status().json()
        return Person(person.id, person.username, answer["access_token"], answer["refresh_token"])

    async def execute(self, statement: str, **parameters: Any) -> None:
        """Change the database as only time would."""
        async with self.platform.runtimes["access"].database.transaction() as session:
            await session.execute(text(statement), parameters)

    async def rows(self, statement: str, **parameters: Any) -> list[Any]:
        async with self.platform.runtimes["access"].database.reading() as connection:
            return list((await connection.execute(text(statement), parameters)).all())


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """Not the one that others' workers listen to."""
    with nats_server(tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="session")
async def platform(
    postgres: Postgres, nats: Nats, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestPlatform]:
    directory: Path = tmp_path_factory.mktemp("access")
    async with platform_of(access, postgres=postgres, nats=nats, directory=directory) as platform:
        first = {"username": "first", "display_name": "Administrator", "role_ids": [ADMINISTRATOR]}
        await platform.call("rotunda.access.v1.UserService.CreateUser", user=first)
        yield platform


@pytest.fixture(scope="session")
async def gateway(platform: TestPlatform, settings_of: SettingsOf) -> Gateway:
    runtime = platform.runtimes["access"]
    return Gateway(make_app(runtime, settings_of(runtime, platform)), platform)


@pytest.fixture(scope="session")
async def neighbour(platform: TestPlatform, settings_of: SettingsOf) -> Gateway:
    """Another process: it shares the database and nothing else."""
    runtime = platform.runtimes["access"]
    return Gateway(make_app(runtime, settings_of(runtime, platform)), platform)


@pytest.fixture
async def person(gateway: Gateway) -> Person:
    return await gateway.person()


@pytest.fixture
async def administrator(gateway: Gateway) -> Person:
    return await gateway.person(role_ids=[ADMINISTRATOR])


def assert_problem(response: httpx.Response, status: int, reason: str, *naming: str) -> Any:
    """An answer is this problem, and names these fields."""
    content = response.json()
    assert (response.status_code, content.get("reason")) == (status, reason), content
    assert {error["field"] for error in content.get("errors", [])} >= set(naming), content
    return content
