"""TLS between services."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest
import trustme
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from rotunda_kit import client as client_module
from rotunda_kit.client import Clients
from rotunda_kit.errors import Unavailable
from rotunda_kit.settings import Settings
from rotunda_kit.tls import Tls

CHECK = health_pb2.DESCRIPTOR.services_by_name["Health"].methods_by_name["Check"]


def issue(directory: Path, authority: trustme.CA, *, mutual: bool = False) -> Tls:
    """A process whose certificate an authority has issued, and that trusts this authority."""
    directory.mkdir(exist_ok=True)
    leaf = authority.issue_cert("127.0.0.1")
    certificate, key, authorities = (directory / name for name in ("tls.crt", "tls.key", "ca.crt"))
    certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    authorities.write_bytes(authority.cert_pem.bytes())
    return Tls(certificate, key, authorities, mutual=mutual)


@asynccontextmanager
async def serving(tls: Tls) -> AsyncIterator[str]:
    """Where a service listens."""
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    port = server.add_secure_port("127.0.0.1:0", tls.server())
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(0)


@pytest.fixture
async def clients() -> AsyncIterator[Callable[[str, Tls | None], Clients]]:
    async with AsyncExitStack() as stack:

        def make(address: str, tls: Tls | None) -> Clients:
            made = Clients(lambda _: address, tls)
            stack.push_async_callback(made.close)
            return made

        yield make


async def ask(clients: Clients) -> int:
    answer = await clients.call(CHECK, health_pb2.HealthCheckRequest(), token="", timeout=3)
    return int(answer.status)


Make = Callable[[str, Tls | None], Clients]


class TestServer:
    async def test_who_trusts_its_authority_is_served(self, tmp_path: Path, clients: Make) -> None:
        tls = issue(tmp_path, trustme.CA())
        async with serving(tls) as address:
            assert await ask(clients(address, tls)) == health_pb2.HealthCheckResponse.SERVING

    async def test_who_speaks_plain_text_is_not(self, tmp_path: Path, clients: Make) -> None:
        async with serving(issue(tmp_path, trustme.CA())) as address:
            with pytest.raises(Unavailable):
                await ask(clients(address, None))

    async def test_one_of_another_authority_is_not_believed(self, tmp_path: Path, clients: Make) -> None:
        async with serving(issue(tmp_path / "server", trustme.CA())) as address:
            with pytest.raises(Unavailable):
                await ask(clients(address, issue(tmp_path / "client", trustme.CA())))


class TestMutual:
    async def test_who_shows_a_certificate_is_served(self, tmp_path: Path, clients: Make) -> None:
        authority = trustme.CA()
        async with serving(issue(tmp_path / "server", authority, mutual=True)) as address:
            shows = issue(tmp_path / "client", authority, mutual=True)
            assert await ask(clients(address, shows)) == health_pb2.HealthCheckResponse.SERVING

    async def test_who_shows_none_is_not(self, tmp_path: Path, clients: Make) -> None:
        authority = trustme.CA()
        async with serving(issue(tmp_path / "server", authority, mutual=True)) as address:
            with pytest.raises(Unavailable):
                await ask(clients(address, issue(tmp_path / "client", authority)))


class TestRenewal:
    async def test_a_new_authority_reaches_processes_that_run(
        self, tmp_path: Path, clients: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client_module, "LOOK_AT_CERTIFICATES", 0)
        old = trustme.CA()
        tls = issue(tmp_path / "both", old, mutual=True)
        async with serving(tls) as address:
            caller = clients(address, tls)
            assert await ask(caller) == health_pb2.HealthCheckResponse.SERVING
            issue(tmp_path / "both", trustme.CA(), mutual=True)
            assert await ask(caller) == health_pb2.HealthCheckResponse.SERVING
            with pytest.raises(Unavailable):
                await ask(clients(address, issue(tmp_path / "late", old, mutual=True)))


class TestSettings:
    def test_some_of_the_files_are_not_enough(self, tmp_path: Path) -> None:
        settings = Settings(
            database_url="",
            nats_url="",
            token_keys_file=tmp_path,
            audit_keys_file=tmp_path,
            tls_cert_file=tmp_path,
        )
        with pytest.raises(ValueError, match="belong together"):
            Tls.of(settings)
        assert Tls.of(settings.model_copy(update={"tls_cert_file": None})) is None
