"""Whether services answer, asked from outside: by gRPC, by gRPC over TLS, by HTTP."""

import asyncio
import datetime as dt
import sys
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from rotunda_kit import probe

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
async def server() -> AsyncIterator[grpc.aio.Server]:
    server = grpc.aio.server()
    yield server
    await server.stop(0)


@pytest.fixture
def servicer(server: grpc.aio.Server) -> health.aio.HealthServicer:
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    return servicer


@pytest.fixture
async def url(server: grpc.aio.Server, servicer: health.aio.HealthServicer) -> str:
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await servicer.set("", SERVING)
    return f"grpc://127.0.0.1:{port}"


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, bytes]:
    """A key, and a certificate that it signed itself, for localhost; the environment names their files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for setting, content in {"CERT": signed, "CA": signed, "KEY": private}.items():
        file = tmp_path / f"{setting}.pem"
        file.write_bytes(content)
        monkeypatch.setenv(f"ROTUNDA_TLS_{setting}_FILE", str(file))
    monkeypatch.setenv("ROTUNDA_TLS_CLIENT_AUTH", "true")
    return private, signed


class TestGrpc:
    async def test_who_serves_answers(self, url: str) -> None:
        assert await probe.probe(url, timeout=20) == ""

    async def test_who_does_not_serve_is_told(self, url: str, servicer: health.aio.HealthServicer) -> None:
        await servicer.set("", NOT_SERVING)
        assert await probe.probe(url, timeout=0.5) == "NOT_SERVING"

    async def test_who_serves_after_a_while_answers(
        self, url: str, servicer: health.aio.HealthServicer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await servicer.set("", NOT_SERVING)
        asked, ask = asyncio.Event(), probe.ask_grpc

        async def noticed(asked_url: str) -> str:
            answer = await ask(asked_url)
            asked.set()
            return answer

        monkeypatch.setattr(probe, "ask_grpc", noticed)
        monkeypatch.setattr(probe, "ASK_AGAIN", 0.01)
        probing = asyncio.create_task(probe.probe(url, timeout=20))
        await asked.wait()
        await servicer.set("", SERVING)
        assert await probing == ""

    async def test_nobody_is_told(self) -> None:
        assert (await probe.probe("grpc://127.0.0.1:1", timeout=0.5)).startswith("UNAVAILABLE")

    async def test_mutual_tls_is_spoken_where_the_environment_names_certificates(
        self, server: grpc.aio.Server, servicer: health.aio.HealthServicer, certificate: tuple[bytes, bytes]
    ) -> None:
        credentials = grpc.ssl_server_credentials(
            [certificate], root_certificates=certificate[1], require_client_auth=True
        )
        port = server.add_secure_port("localhost:0", credentials)
        await server.start()
        await servicer.set("", SERVING)
        assert await probe.probe(f"grpc://localhost:{port}", timeout=20) == ""


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - it is named so there
        """Say nothing."""


@pytest.fixture
def http() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class TestHttp:
    async def test_200_is_an_answer(self, http: str) -> None:
        assert await probe.probe(f"{http}/readyz", timeout=20) == ""

    async def test_anything_else_is_told(self, http: str) -> None:
        assert "503" in await probe.probe(f"{http}/other", timeout=0.5)


class TestCommand:
    async def run(self, *arguments: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "rotunda_kit.probe", *arguments), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    async def test_all_must_answer(self, url: str, http: str) -> None:
        assert await self.run(url, f"{http}/readyz") == (0, f"{url} answers\n{http}/readyz answers\n")
        code, said = await self.run("--timeout", "0.5", url, "grpc://127.0.0.1:1")
        assert code == 1
        assert said.startswith(f"{url} answers\ngrpc://127.0.0.1:1 UNAVAILABLE")


async def test_other_urls_are_refused() -> None:
    with pytest.raises(ValueError, match="begins with none of"):
        await probe.probe("ftp://127.0.0.1", timeout=1)
