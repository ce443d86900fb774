"""A gateway on real servers, and an identity provider that calls it."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from secrets import token_bytes
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import KeySet, OKPKey

from rotunda_gateway.access.app import app as access
from rotunda_gateway.access.passwords import hash_password
from rotunda_gateway.access.users.model import User
from rotunda_gateway.app import make_app
from rotunda_gateway.settings import GatewaySettings
from rotunda_kit.access.permissions import Permission
from rotunda_kit.db.unit_of_work import unit_of_work
from rotunda_kit.embedded import Nats, Postgres
from rotunda_kit.embedded.ports import free_ports
from rotunda_kit.identity import ADMINISTRATOR, Principal
from rotunda_kit.model import new_id
from rotunda_kit.runtime import Runtime
from rotunda_kit.testing.servers import nats_server
from rotunda_kit.testing.waiting import eventually

from .payloads import ERROR, user

PASSWORD = "correct horse battery"
PROVISIONING = f"{ADMINISTRATOR[:-1]}8"

SignIn = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """Not the one that others' workers listen to."""
    with nats_server(tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="session")
async def gateway(postgres: Postgres, nats: Nats, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Runtime]:
    """Access, answering gRPC."""
    directory: Path = tmp_path_factory.mktemp("scim")
    key = OKPKey.generate_key("Ed25519", parameters={"kid": "test"})
    public = KeySet([OKPKey.import_key(key.as_dict(private=False))])
    (directory / "key.json").write_text(json.dumps(key.as_dict(private=True)))
    (directory / "keys.json").write_text(json.dumps(public.as_dict()))
    own = OKPKey.generate_key("Ed25519", parameters={"kid": "audit"})
    (directory / "audit-keys.json").write_text(json.dumps({"keys": [own.as_dict(private=True)]}))
    (directory / "encryption-key").write_text(b64encode(token_bytes(32)).decode())
    url = await postgres.create_database(f"scim_{new_id().hex[-8:]}")
    await access.migrate(url)
    [port] = free_ports(1)
    settings = GatewaySettings(
        database_url=url,
        nats_url=nats.url,
        token_keys_file=directory / "keys.json",
        signing_key_file=directory / "key.json",
        audit_keys_file=directory / "audit-keys.json",
        encryption_key_file=directory / "encryption-key",
        grpc_port=port,
        access_address=f"127.0.0.1:{port}",
        stop_grace=1,
        body_limit=1_000_000,
    )
    runtime = Runtime(access, settings)
    try:
        await runtime.serve()
        await runtime.work()
        # The role has come with the installation, and comes to the caller's rights as an event.
        await eventually(partial(_knows_role, runtime))
        yield runtime
    finally:
        await runtime.stop()


async def _knows_role(runtime: Runtime) -> bool:
    principal = Principal("", roles=frozenset({PROVISIONING}))
    rights = runtime.control.directory.rights(principal) if runtime.control.directory.epoch else None
    return rights is not None and bool(rights.scopes(Permission("access.users", "create")))


@pytest.fixture(scope="session")
def app(gateway: Runtime) -> FastAPI:
    assert isinstance(gateway.settings, GatewaySettings)
    return make_app(gateway, gateway.settings)


@pytest.fixture(scope="session")
async def sign_in(gateway: Runtime, app: FastAPI) -> AsyncIterator[SignIn]:
    """Makes clients of users with these roles."""
    clients = []

    async def sign_in(*roles: str) -> httpx.AsyncClient:
        user_id = new_id()
        async with unit_of_work(gateway.database, "system") as work:
            work.session.add(
                User(
                    id=user_id,
                    username=f"caller-{user_id.hex}",
                    display_name="Caller",
                    password_hash=await hash_password(PASSWORD),
                    role_ids=[UUID(role) for role in roles],
                )
            )
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://crm.example.com", timeout=60)
        form = {"username": f"caller-{user_id.hex}", "password": PASSWORD}
        answer = (await client.post("/v1/auth/token", data=form)).raise_for_status().json()
        client.headers["authorization"] = f"Bearer {answer['access_token']}"
        clients.append(client)
        return client

    yield sign_in
    for client in clients:
        await client.aclose()


@pytest.fixture(scope="session")
async def provider(sign_in: SignIn) -> httpx.AsyncClient:
    """Has the role that comes with the product for identity providers."""
    return await sign_in(PROVISIONING)


@pytest.fixture
def unique() -> str:
    """A name that nobody has."""
    return new_id().hex


class Api:
    """SCIM as an identity provider calls it: every answer is one of the protocol's, and of the expected status."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def ask(
        self,
        method: str,
        path: str,
        payload: Any = None,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        parameters: dict[str, str] | None = None,
    ) -> Any:
        """The content of an answer; None where it has none."""
        answer = await self.client.request(method, f"/scim/v2/{path}", json=payload, headers=headers, params=parameters)
        assert answer.status_code == status, answer.text[:500]
        if not answer.content:
            return None
        assert answer.headers["content-type"] == "application/scim+json"
        content = answer.json()
        if status >= 400:
            assert content["schemas"] == [ERROR]
            assert content["status"] == str(status)
        return content

    async def get(self, path: str, **parameters: str) -> Any:
        return await self.ask("GET", path, parameters=parameters)

    async def find(self, kind: str, condition: str) -> list[str]:
        """The ids of the resources that a filter finds."""
        listed = await self.get(kind, filter=condition)
        assert listed["totalResults"] == listed["itemsPerPage"] == len(listed["Resources"])
        return [each["id"] for each in listed["Resources"]]

    async def create(self, kind: str, payload: Any) -> Any:
        return await self.ask("POST", kind, payload, status=201)

    async def users(self, count: int, name: str) -> list[str]:
        """The ids of new users."""
        return [(await self.create("Users", user(f"{name}-{number}")))["id"] for number in range(count)]

    async def members(self, group_id: str) -> set[str]:
        found = await self.get(f"Groups/{group_id}")
        return {member["value"] for member in found.get("members", [])}


@pytest.fixture(scope="session")
def scim(provider: httpx.AsyncClient) -> Api:
    return Api(provider)
