"""A real OpenID provider, and gateways that people and machines of its organisation sign in to."""

import json
import re
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from secrets import token_bytes
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from rotunda_gateway.access.app import app as access
from rotunda_gateway.app import make_app
from rotunda_gateway.settings import GatewaySettings
from rotunda_kit.embedded import Nats, Postgres
from rotunda_kit.embedded.ports import free_ports
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.model import new_id
from rotunda_kit.testing.platform import TestPlatform, platform_of
from rotunda_kit.testing.servers import nats_server

FOLDER = Path(__file__).parent / "provider"
AUDIENCE = "https://crm.example.com/api"
REDIRECT = "http://gateway/v1/auth/oidc/callback"
SECRETS = {
    "rotunda": "a secret that only the two of us know",
    "erp": "another secret that only the two of us know",
}
# Seconds.
START = 30.0

_FORM = re.compile(r'<form[^>]*action="([^"]+)"')


def new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": kid, "use": "sig", "alg": "RS256"}, private=True)


class Provider:
    """The provider's process.

    Args:
        directory: for its configuration.
        port: at which it listens.
    """

    def __init__(self, directory: Path, port: int) -> None:
        self._file = directory / "provider.json"
        self._port = port
        self.issuer = f"http://127.0.0.1:{port}"
        self.keys = [new_key("first")]
        self.people: dict[str, dict[str, Any]] = {}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        configuration = {
            "port": self._port,
            "issuer": self.issuer,
            "keys": [key.as_dict(private=True) for key in self.keys],
            "redirectUri": REDIRECT,
            "audience": AUDIENCE,
            "people": self.people,
        }
        self._file.write_text(json.dumps(configuration))
        self._process = subprocess.Popen(
            ["node", "provider.mjs", str(self._file)], cwd=FOLDER, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "listening\n"

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=START)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def restart(self) -> None:
        """With the keys and people that it has now."""
        self.stop()
        self.start()

    def person(self, **claims: Any) -> str:
        """Someone new there; the provider has to be started again to know him."""
        name = new_id().hex
        self.people[name] = {
            "name": "Grace Hopper",
            "preferred_username": name,
            "email": f"{name}@example.com",
            "email_verified": True,
            "groups": [],
            **claims,
        }
        return name

    async def access_token(self, client: str = "erp", audience: str = AUDIENCE) -> str:
        """A machine's, by its credentials."""
        form = {"grant_type": "client_credentials", "resource": audience, "scope": "api"}
        async with httpx.AsyncClient(trust_env=False) as browser:
            answer = await browser.post(f"{self.issuer}/token", data=form, auth=(client, SECRETS[client]))
        token: str = answer.raise_for_status().json()["access_token"]
        return token


@pytest.fixture(scope="session")
def provider_packages() -> None:
    if not (FOLDER / "node_modules" / ".package-lock.json").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=FOLDER, check=True, capture_output=True)


@pytest.fixture(scope="session")
def provider(provider_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    [port] = free_ports(1)
    provider = Provider(tmp_path_factory.mktemp("provider"), port)
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()


class Gateway:
    """A gateway process's HTTP side, in front of access."""

    def __init__(self, platform: TestPlatform, provider: Provider, **settings: Any) -> None:
        directory = platform.directory
        runtime = platform.runtimes["access"]
        (directory / "signing-key.json").write_text(json.dumps(platform.issuer._key.as_dict(private=True)))
        (directory / "secret").write_text(SECRETS["rotunda"])
        if not (directory / "encryption-key").exists():
            (directory / "encryption-key").write_text(b64encode(token_bytes(32)).decode())
        given = {
            "oidc_issuer": provider.issuer,
            "oidc_client_secret_file": directory / "secret",
            "oidc_redirect_url": REDIRECT,
            "oidc_audience": AUDIENCE,
            **settings,
        }
        self.platform = platform
        self.app = make_app(
            runtime,
            GatewaySettings(
                database_url=runtime.settings.database_url,
                nats_url=runtime.settings.nats_url,
                token_keys_file=platform.keys_file,
                audit_keys_file=platform.audit_keys_file,
                signing_key_file=directory / "signing-key.json",
                encryption_key_file=directory / "encryption-key",
                **given,
            ),
        )

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://gateway")

    async def me(self, token: str) -> httpx.Response:
        async with self.browser() as browser:
            return await browser.get("/v1/me", headers={"Authorization": f"Bearer {token}"})

    async def sign_in(self, person: str) -> httpx.Response:
        """What comes of it when someone signs in at the provider."""
        async with self.browser() as browser:
            back = await at_provider(await begin(browser), person)
            return await browser.get(back)


async def begin(browser: httpx.AsyncClient) -> str:
    """Where the gateway sends a browser."""
    left = await browser.get("/v1/auth/oidc/signIn")
    assert left.status_code == 302
    return left.headers["location"]


async def at_provider(address: str, person: str) -> str:
    """Where the provider sends someone back to who signs in and agrees."""
    async with httpx.AsyncClient(trust_env=False) as browser:
        answer = await browser.get(address)
        for _ in range(20):
            if answer.is_redirect:
                target = str(answer.next_request.url) if answer.next_request else ""
                if target.startswith(REDIRECT):
                    return target
                answer = await browser.get(target)
                continue
            form = _FORM.search(answer.text)
            assert form, answer.text
            fields = dict(re.findall(r'name="(\w+)" value="(\w+)"', answer.text))
            if fields.get("prompt") == "login":
                fields |= {"login": person, "password": "any"}
            answer = await browser.post(str(httpx.URL(answer.url).join(form[1])), data=fields)
    raise AssertionError("the provider does not let go")


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """Not the one that others' workers listen to."""
    with nats_server(tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="session")
async def platform(
    postgres: Postgres, nats: Nats, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestPlatform]:
    async with platform_of(access, postgres=postgres, nats=nats, directory=tmp_path_factory.mktemp("oidc")) as platform:
        first = {"username": "first", "display_name": "Administrator", "role_ids": [ADMINISTRATOR]}
        await platform.call("rotunda.access.v1.UserService.CreateUser", user=first)
        yield platform


Make = Callable[..., Gateway]


@pytest.fixture
def make_gateway(platform: TestPlatform, provider: Provider) -> Make:
    return lambda **settings: Gateway(platform, provider, **settings)


@pytest.fixture
def gateway(make_gateway: Make) -> Gateway:
    return make_gateway()
