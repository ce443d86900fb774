import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest

from rotunda_kit.embedded import EmbeddedServer, NatsServer, PostgresServer, ServerError
from rotunda_kit.embedded.ports import free_ports
from rotunda_kit.embedded.server import is_alive

VERSIONS = (16, 18)


@pytest.fixture(scope="module", params=VERSIONS)
def postgres(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    [port] = free_ports(1)
    server = PostgresServer(tmp_path_factory.mktemp("postgres"), port, version=request.param, durable=False)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"), *free_ports(2), durable=True)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def eventually(condition: Callable[[], bool], timeout: float = 10) -> bool:
    deadline = time.monotonic() + timeout
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


class TestPostgres:
    async def test_is_of_the_version_that_was_asked_for(self, postgres: PostgresServer) -> None:
        connection = await asyncpg.connect(postgres.admin_url)
        assert connection.get_server_version().major == postgres.version
        assert await connection.fetchval("SHOW data_checksums") == "on"
        assert await connection.fetchval("SELECT lower('ÄÖ')") == "äö"
        await connection.close()

    async def test_a_role_owns_its_database_and_enters_no_other(self, postgres: PostgresServer) -> None:
        sales = await postgres.create_database("sales")
        await postgres.create_database("customers")
        connection = await asyncpg.connect(sales)
        await connection.execute("CREATE TABLE quote (id int)")
        await connection.close()
        for other in ("customers", "postgres", "template1"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(sales.removesuffix("sales") + other)

    async def test_a_wrong_password_is_refused(self, postgres: PostgresServer) -> None:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(postgres.url("postgres", "postgres", "guess"))

    async def test_ensuring_a_database_again_keeps_what_is_in_it(self, postgres: PostgresServer) -> None:
        url = await postgres.ensure_database("kept", "first")
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE note (id int)")
        await connection.close()
        connection = await asyncpg.connect(await postgres.ensure_database("kept", "second"))
        assert await connection.fetch("SELECT * FROM note") == []
        await connection.close()

    async def test_creating_a_database_again_empties_it(self, postgres: PostgresServer) -> None:
        connection = await asyncpg.connect(await postgres.create_database("emptied"))
        await connection.execute("CREATE TABLE note (id int)")
        await connection.close()
        connection = await asyncpg.connect(await postgres.create_database("emptied"))
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.fetch("SELECT * FROM note")
        await connection.close()

    async def test_what_was_committed_survives_a_kill(self, postgres: PostgresServer) -> None:
        url = await postgres.create_database("survivor")
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE note (id int)")
        await connection.execute("INSERT INTO note VALUES (1)")
        postgres.kill()
        assert not postgres.running
        connection.terminate()
        postgres.start()
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT count(*) FROM note") == 1
        await connection.close()

    def test_data_of_another_version_is_refused(self, postgres: PostgresServer) -> None:
        [other] = set(VERSIONS) - {postgres.version}
        with pytest.raises(ServerError, match=f"is of PostgreSQL {postgres.version}, not {other}"):
            PostgresServer(postgres.directory, postgres.port, version=other).prepare()

    def test_only_its_owner_can_read_the_superusers_password(self, postgres: PostgresServer) -> None:
        assert (postgres.directory / "superuser-password").stat().st_mode & 0o777 == 0o600

    def test_a_taken_port_is_reported_in_its_own_words(self, postgres: PostgresServer, tmp_path: Path) -> None:
        with pytest.raises(ServerError, match="ended before it was ready") as raised:
            PostgresServer(tmp_path, postgres.port, durable=False).start()
        assert "Address already in use" in str(raised.value)


class TestNats:
    async def test_a_stream_survives_a_kill(self, nats_server: NatsServer) -> None:
        client = await nats.connect(nats_server.url)
        await client.jetstream().add_stream(name="SALES", subjects=["crm.sales.>"])
        await client.jetstream().publish("crm.sales.quote", b"x" * 2_000_000)
        await client.close()
        nats_server.kill()
        nats_server.start()
        client = await nats.connect(nats_server.url)
        assert (await client.jetstream().stream_info("SALES")).state.messages == 1
        await client.close()

    async def test_a_client_without_the_password_is_refused(self, nats_server: NatsServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", nats_server.port)
        writer.write(b"CONNECT {}\r\nPING\r\n")
        assert b"Authorization Violation" in await reader.read()
        writer.close()
        await writer.wait_closed()


class TestServers:
    def test_end_when_the_test_run_is_killed(self, tmp_path: Path) -> None:
        code = """
import sys, time
from pathlib import Path
from rotunda_kit.embedded import NatsServer, PostgresServer
from rotunda_kit.embedded.ports import free_ports
ports = free_ports(3)
postgres = PostgresServer(Path(sys.argv[1]) / "postgres", ports[0], durable=False)
nats = NatsServer(Path(sys.argv[1]) / "nats", *ports[1:])
postgres.start()
nats.start()
print(postgres.pid, nats.pid, flush=True)
time.sleep(60)
"""
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            servers = [psutil.Process(int(pid)) for pid in run.stdout.readline().split()]
            assert all(map(is_alive, servers))
            assert len(servers) == 2
            os.kill(run.pid, signal.SIGKILL)
        assert eventually(lambda: not any(map(is_alive, servers)))

    def test_stopping_twice_is_no_error(self, tmp_path: Path) -> None:
        server: EmbeddedServer = NatsServer(tmp_path, *free_ports(2), durable=False)
        server.start()
        server.stop()
        server.stop()
        assert not server.running

    def test_free_ports_differ(self) -> None:
        assert len(set(free_ports(50))) == 50
