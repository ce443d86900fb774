"""`python -m rotunda_kit.probe URL …`: whether services answer, seen from outside; exits with 1 where one does not.

`grpc://host:port` asks `grpc.health.v1`, over TLS where the environment names certificates as for the services
themselves; `http://host:port/path` wants the status 200. Each is asked again until it answers or the time is over.
"""

import asyncio
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import grpc
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic_settings import BaseSettings, SettingsConfigDict

from rotunda_kit.tls import Tls

# Seconds.
TIMEOUT = 5.0
ASK_AGAIN = 1.0


class TlsFiles(BaseSettings):
    """The PEM files of a client, if calls go over TLS."""

    model_config = SettingsConfigDict(env_prefix="ROTUNDA_", extra="ignore")

    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    tls_ca_file: Path | None = None
    tls_client_auth: bool = False

    def channel(self, address: str) -> grpc.aio.Channel:
        """A channel to an address, as these files say."""
        if self.tls_cert_file is None or self.tls_key_file is None or self.tls_ca_file is None:
            return grpc.aio.insecure_channel(address)
        tls = Tls(self.tls_cert_file, self.tls_key_file, self.tls_ca_file, mutual=self.tls_client_auth)
        return grpc.aio.secure_channel(address, tls.client())


async def ask_grpc(url: str) -> str:
    """What a service says of itself: `SERVING` if all is well."""
    async with TlsFiles().channel(urlsplit(url).netloc) as channel:
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT)
        except grpc.aio.AioRpcError as error:
            return f"{error.code().name}, {error.details()}"
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


async def ask_http(url: str) -> str:
    """The status of an answer: `200` if all is well."""

    def get() -> str:
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310 - the operator names it
                return str(answer.status)
        except OSError as error:
            return str(error)

    return await asyncio.to_thread(get)


async def probe(url: str, timeout: float) -> str:  # noqa: ASYNC109 - the last answer is wanted
    """Ask until all is well or the time is over; returns what is wrong, empty if nothing.

    Raises:
        ValueError: nobody knows how to ask such a URL.
    """
    asking: dict[str, tuple[Callable[[str], Awaitable[str]], str]] = {
        "grpc": (ask_grpc, "SERVING"),
        "http": (ask_http, "200"),
    }
    scheme = urlsplit(url).scheme
    if scheme not in asking:
        raise ValueError(f"{url} begins with none of {', '.join(f'{known}://' for known in asking)}")
    ask, good = asking[scheme]
    answer = "no answer"
    try:
        async with asyncio.timeout(timeout):
            while True:
                answer = await ask(url)
                if answer == good:
                    return ""
                await asyncio.sleep(ASK_AGAIN)
    except TimeoutError:
        return answer


def main(
    urls: Annotated[list[str], typer.Argument(help="grpc://host:port or http://host:port/path")],
    timeout: Annotated[float, typer.Option(min=0, help="Seconds until all must answer.")] = 60.0,
) -> None:
    """Say whether services answer."""

    async def ask_all() -> list[str]:
        return await asyncio.gather(*(probe(url, timeout) for url in urls))

    wrong = False
    for url, problem in zip(urls, asyncio.run(ask_all()), strict=True):
        typer.echo(f"{url} {problem or 'answers'}")
        wrong = wrong or bool(problem)
    raise typer.Exit(int(wrong))


if __name__ == "__main__":
    typer.run(main)
