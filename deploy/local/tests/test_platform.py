import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import psutil
import pytest

from rotunda_kit.embedded.server import is_alive
from rotunda_kit.identity import INTERNAL, Principal, TokenIssuer, TokenVerifier
from rotunda_local.errors import PlatformError
from rotunda_local.platform import Platform
from rotunda_local.ports import free_ports
from rotunda_local.programs import Suite
from rotunda_local.supervision import Control


def eventually(condition: Callable[[], bool], timeout: float = 15) -> bool:
    deadline = time.monotonic() + timeout
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def healthy(platform: Platform) -> bool:
    return not any(process.problem for process in platform.status())


def processes(platform: Platform) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid in platform.home.processes().values()]


async def migrations(platform: Platform) -> int:
    url = platform.postgres.url("customers", "customers", platform.home.database_password("customers"))
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM migration"))
    finally:
        await connection.close()


class TestUp:
    def test_starts_everything(self, running: Platform) -> None:
        assert healthy(running)
        assert sorted(running.home.processes()) == ["customers", "gateway", "nats", "postgres", "sales"]
        assert all(map(is_alive, processes(running)))

    async def test_prepares_once_what_the_programs_need(self, running: Platform, notes: Path) -> None:
        assert await migrations(running) == 1
        password = running.access.password
        assert (notes / "administrator").read_text() == f"['--username', 'admin'] {password}\n"
        [load] = (notes / "loaded").read_text().splitlines()
        assert running.url in load
        assert str(running.home.administrator_password_file) in load

    def test_writes_down_how_to_sign_in(self, running: Platform) -> None:
        access = json.loads(running.home.access_file.read_text())
        assert access == {"url": running.url, "username": "admin", "password": running.access.password}

    def test_makes_keys_that_the_services_accept(self, running: Platform) -> None:
        issuer = TokenIssuer.from_file(running.home.signing_key_file)
        verifier = TokenVerifier.from_file(running.home.token_keys_file)
        token = issuer.mint(INTERNAL, 60, {"sub": "someone"})
        assert verifier.verify(token) == Principal(subject="someone")
        assert '"d"' not in running.home.token_keys_file.read_text()

    def test_lets_nobody_else_read_anything(self, running: Platform) -> None:
        assert stat.S_IMODE(running.home.directory.stat().st_mode) == 0o700
        private = [running.home.access_file, running.home.signing_key_file, running.home.configuration]
        private += [*(running.home.directory / "secrets").iterdir(), running.home.directory / "nats" / "nats.conf"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in private} == {0o600}

    async def test_again_changes_nothing(self, running: Platform) -> None:
        before = running.home.processes()
        assert not await asyncio.to_thread(running.up)
        assert running.home.processes() == before
        assert await migrations(running) == 1

    async def test_after_down_migrates_only_what_changed(self, running: Platform) -> None:
        running.down()
        running.up()
        assert await migrations(running) == 1
        folder = running.suite.programs[0].migrations
        assert folder is not None
        (folder / "0002_second.py").write_text("")
        running.down()
        running.up()
        assert await migrations(running) == 2

    def test_recovers_when_supervisord_was_killed(self, running: Platform) -> None:
        before = processes(running)
        os.kill(Control(running.home.socket).pid(), signal.SIGKILL)
        running.up()
        assert healthy(running)
        assert not any(map(is_alive, before))

    def test_refuses_other_ports_while_it_runs(self, running: Platform) -> None:
        other = Platform(running.home.directory, free_ports(), suite=running.suite)
        with pytest.raises(PlatformError, match="runs on other ports"):
            other.up()

    def test_goes_on_after_a_failed_migration(self, suite: Suite, tmp_path: Path) -> None:
        broken = replace(suite.programs[0], migrate=(sys.executable, "-c", "raise SystemExit('no such column')"))
        ports = free_ports()
        failing = Platform(tmp_path / "home", ports, suite=Suite((broken,)), fsync=False, attached=True)
        mended = Platform(tmp_path / "home", ports, suite=Suite(suite.programs[:1]), fsync=False, attached=True)
        try:
            with pytest.raises(PlatformError, match=r"migrate-customers\.log(.|\n)*no such column"):
                failing.up()
            assert "customers" not in failing.home.processes()
            mended.up()
            assert healthy(mended)
        finally:
            mended.down()

    def test_shows_the_log_of_a_program_that_does_not_start(self, suite: Suite, tmp_path: Path) -> None:
        broken = replace(suite.programs[1], command=(sys.executable, "-c", "raise SystemExit('no such setting')"))
        platform = Platform(tmp_path / "home", free_ports(), suite=Suite((broken,)), fsync=False, attached=True)
        try:
            with pytest.raises(PlatformError, match=r"sales does not work(.|\n)*no such setting"):
                platform.up()
        finally:
            platform.down()

    def test_works_where_a_sockets_path_would_be_too_long(self, tmp_path: Path) -> None:
        home = tmp_path / ("long" * 30)
        platform = Platform(home, free_ports(), suite=Suite(()), fsync=False, attached=True)
        try:
            platform.up()
            folder = platform.home.socket.parent
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        finally:
            platform.down()
        platform.home.delete()
        assert not folder.exists()
        assert not home.exists()


class TestSupervision:
    @pytest.mark.parametrize("name", ["customers", "gateway", "postgres", "nats"])
    def test_a_killed_process_comes_back(self, running: Platform, name: str) -> None:
        others = {other: pid for other, pid in running.home.processes().items() if other != name}
        pid = running.pid(name)
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: running.home.processes().get(name, pid) != pid)
        assert eventually(lambda: healthy(running))
        assert is_alive(psutil.Process(running.pid(name)))
        assert others.items() <= running.home.processes().items()

    def test_everything_ends_with_the_process_it_is_attached_to(self, tmp_path: Path) -> None:
        code = """
import sys, time
from pathlib import Path
from rotunda_local.platform import Platform
from rotunda_local.ports import free_ports
from rotunda_local.programs import Suite
platform = Platform(Path(sys.argv[1]), free_ports(), suite=Suite(()), fsync=False, attached=True)
platform.up()
print(*platform.home.processes().values(), flush=True)
time.sleep(60)
"""
        command = [sys.executable, "-c", code, str(tmp_path / "home")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            servers = [psutil.Process(int(pid)) for pid in run.stdout.readline().split()]
            assert len(servers) == 2
            os.kill(run.pid, signal.SIGKILL)
        assert eventually(lambda: not any(map(is_alive, servers)))


class TestPorts:
    def test_every_taken_port_is_named_with_its_holder_and_its_variable(self, suite: Suite, tmp_path: Path) -> None:
        ports = free_ports()
        platform = Platform(tmp_path / "home", ports, suite=suite, fsync=False, attached=True)
        with (
            socket.create_server(("127.0.0.1", ports["sales"])),
            socket.create_server(("127.0.0.1", ports["nats"])),
            pytest.raises(PlatformError) as raised,
        ):
            platform.up()
        sentences = str(raised.value).splitlines()
        assert len(sentences) == 2
        for name, variable in (("sales", "ROTUNDA_PORT_SALES="), ("nats", "ROTUNDA_PORT_NATS=")):
            [sentence] = [sentence for sentence in sentences if f"Port {ports[name]}," in sentence]
            assert variable in sentence
            assert f"process {os.getpid()} (" in sentence
        assert platform.home.processes() == {}


class TestDown:
    def test_leaves_no_process(self, running: Platform) -> None:
        before = processes(running)
        family = [child for process in before for child in process.children(recursive=True)]
        assert running.down()
        assert not any(map(is_alive, [*before, *family]))
        assert running.home.processes() == {}
        assert {process.state for process in running.status()} == {"stopped"}
        assert not running.down()
        running.up()

    def test_stops_the_gateway_first_and_postgresql_last(self, running: Platform) -> None:
        running.down()
        log = (running.home.logs / "supervisord.log").read_text()
        stopped = [line.split("stopped: ")[1].split()[0] for line in log.splitlines() if "stopped: " in line][-5:]
        assert (stopped[0], *stopped[-2:]) == ("gateway", "nats", "postgres")
        assert "database system is shut down" in (running.home.logs / "postgres.log").read_text()
        running.up()
