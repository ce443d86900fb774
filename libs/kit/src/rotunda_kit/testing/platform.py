"""Services for tests: real processes' parts on real servers, inside of the test's own event loop."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from joserfc.jwk import KeySet, OKPKey

from rotunda_kit.app import Service
from rotunda_kit.client import Clients
from rotunda_kit.embedded import Nats, Postgres
from rotunda_kit.identity import ADMINISTRATOR, Principal, TokenIssuer
from rotunda_kit.model import new_id
from rotunda_kit.runtime import Runtime
from rotunda_kit.settings import Settings


@dataclass
class TestPlatform:
    """Services that run side by side, and the token of an administrator to call them with."""

    # pytest would take the class for tests.
    __test__ = False

    postgres: Postgres
    nats: Nats
    directory: Path
    addresses: dict[str, str] = field(default_factory=dict)
    runtimes: dict[str, Runtime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        key = OKPKey.generate_key("Ed25519", parameters={"kid": "test"})
        self.issuer = TokenIssuer(key)
        self.keys_file = self.directory / "token-keys.json"
        public = KeySet([OKPKey.import_key(key.as_dict(private=False))])
        self.keys_file.write_text(json.dumps(public.as_dict()))
        self.audit_keys_file = self.directory / "audit-keys.json"
        own = OKPKey.generate_key("Ed25519", parameters={"kid": "audit"})
        self.audit_keys_file.write_text(json.dumps({"keys": [own.as_dict(private=True)]}))
        self.subject = str(new_id())
        self.clients = Clients(self.addresses.__getitem__)

    def token(self, *, subject: str | None = None, administrator: bool = True) -> str:
        """An internal token."""
        roles = frozenset({ADMINISTRATOR}) if administrator else frozenset[str]()
        return self.issuer.mint_internal(Principal(subject or self.subject, "test", roles))

    async def start(self, service: Service, *, worker: bool = True, url: str = "") -> Runtime:
        """Run a service, on a new database unless its URL is given; where it ran before, it is found again."""
        url = url or await self.postgres.create_database(f"{service.name}_{new_id().hex[-8:]}")
        await service.migrate(url)
        settings = Settings(
            database_url=url,
            nats_url=self.nats.url,
            token_keys_file=self.keys_file,
            audit_keys_file=self.audit_keys_file,
            grpc_port=int(self.addresses.get(service.name, ":0").rpartition(":")[2]),
            stop_grace=1,
        )
        runtime = Runtime(service, settings)
        runtime.clients = Clients(self.addresses.__getitem__)
        await runtime.serve()
        self.addresses[service.name] = f"127.0.0.1:{runtime.port}"
        if worker:
            await runtime.work()
        self.runtimes[service.name] = runtime
        return runtime

    async def call(self, method: str, token: str | None = None, *, of: str | None = None, **fields: Any) -> Any:
        """Call a method by its full name, for example `rotunda.customers.v1.AccountService.GetAccount`.

        Args:
            method: its full name.
            token: in whose name; the administrator's, if omitted.
            of: the service, for a method that several serve.
            **fields: of the request.
        """
        descriptor = descriptor_pool.Default().FindMethodByName(method)
        request: Message = GetMessageClass(descriptor.input_type)(**fields)
        token = self.token() if token is None else token
        return await self.clients.call(descriptor, request, token=token, service=of)

    async def stop(self, *names: str) -> None:
        """Stop these services; without a name all of them, and the calls to them."""
        for name in names or list(self.runtimes):
            await self.runtimes.pop(name).stop()
        if not names:
            await self.clients.close()


@asynccontextmanager
async def platform_of(
    *services: Service, postgres: Postgres, nats: Nats, directory: Path
) -> AsyncIterator[TestPlatform]:
    """A platform of these services, stopped at the end."""
    platform = TestPlatform(postgres, nats, directory)
    try:
        for service in services:
            await platform.start(service)
        yield platform
    finally:
        await platform.stop()
