"""PostgreSQL and NATS are killed while many write; then NATS loses all that it keeps."""

import asyncio
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from rotunda_kit.fail_points import VARIABLE, FailPoint
from rotunda_kit.testing.waiting import eventually
from rotunda_local.errors import PlatformError
from rotunda_local.platform import Platform
from rotunda_local.supervision import Control

from .invariants import violations
from .platforms import program, running
from .traffic import Ledger, Traffic

WRITERS, ACCOUNTS = 200, 40
# Seconds.
SHORTEST_LIFE, LONGEST_LIFE = 0.5, 2.0
BACK = 60.0


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with running(tmp_path, sales=program("counting_sales.py")) as platform:
        yield platform


def ready(platform: Platform, name: str, killed: int) -> Callable[[], Awaitable[bool]]:
    """Whether another process than the killed one serves."""
    server = platform.postgres if name == "postgres" else platform.nats

    async def asked() -> bool:
        try:
            return platform.pid(name) != killed and await asyncio.to_thread(server.is_ready)
        except PlatformError:
            return False

    return asked


def command(platform: Platform, name: str, *arguments: str, armed: str = "") -> subprocess.CompletedProcess[str]:
    """A command of a service, with a fail point armed."""
    (service,) = [service for service in platform.suite.programs if service.name == name]
    environment = {**os.environ, **platform._preparation.environment(service), VARIABLE: armed}
    return subprocess.run(
        [sys.executable, "-m", f"rotunda_{name}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class TestCrash:
    async def test_killed_servers_cost_no_write_and_no_event(self, platform: Platform, seed: int, rounds: int) -> None:
        chance = random.Random(seed)
        in_flight = []
        async with Traffic(platform.access, WRITERS, ACCOUNTS) as traffic:
            for name in ["postgres", "nats"] * rounds:
                await traffic.accepts()
                await asyncio.sleep(chance.uniform(SHORTEST_LIFE, LONGEST_LIFE))
                killed = platform.pid(name)
                in_flight.append(traffic.in_flight)
                os.kill(killed, signal.SIGKILL)
                await eventually(ready(platform, name, killed), BACK)
            await traffic.accepts()
            ledger = await traffic.end()
        found = await violations(platform, ledger)
        print(f"{ledger.accepted} writes accepted", *found, sep="\n  ")
        assert min(in_flight) >= WRITERS
        assert found == []


class TestLostStore:
    async def test_what_nats_lost_before_anybody_heard_it_is_told_again(self, platform: Platform) -> None:
        control = Control(platform.home.socket)
        async with Traffic(platform.access, WRITERS, ACCOUNTS) as traffic:
            await traffic.accepts()
            # From here on sales hears nothing.
            control._call("stopProcess", "services:sales", True)
            await traffic.accepts()
            ledger = await traffic.end()
        await eventually(lambda: sent(platform), BACK)
        control._call("stopProcess", "messaging:nats", True)
        shutil.rmtree(platform.nats.directory / "jetstream")
        for name in ("nats", "sales"):
            control.start(name)
        await eventually(ready(platform, "nats", 0), BACK)

        # Nobody restarts customers: its relay makes the stream again with what it tells next.
        before = await self.broken(platform, ledger)
        assert {"published", "effective"} <= before
        for point in (FailPoint.REPUBLISH_BEFORE_COMMIT, FailPoint.REPUBLISH_AFTER_COMMIT):
            killed = command(platform, "customers", "republish", "--since", "1h", armed=f"{point}=kill")
            assert killed.returncode == -signal.SIGKILL
        assert "Done: " in command(platform, "customers", "republish", "--since", "1h").stdout
        assert await violations(platform, ledger) == []

        await execute(platform, "sales", "DELETE FROM account_reference")
        found = command(platform, "sales", "reconcile", "--settled", "0").stdout
        assert re.search(r"^customers\.account: (\d+) compared, \1 missing, 0 old, \1 told again$", found, re.MULTILINE)
        assert await violations(platform, ledger) == []

    async def broken(self, platform: Platform, ledger: Ledger) -> set[str]:
        async with Traffic(platform.access, 1, 1) as another:
            await another.accepts()
            more = await another.end()
        ledger.contacts |= more.contacts
        ledger.renames += more.renames
        return {violation.partition(":")[0] for violation in await violations(platform, ledger)}


async def execute(platform: Platform, name: str, statement: str) -> Any:
    """The first value that a statement gives in a service's database."""
    connection = await asyncpg.connect(platform.postgres.url(name, name, platform.home.database_password(name)))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def sent(platform: Platform) -> bool:
    """Whether all that customers has to tell is in the stream."""
    return not await execute(platform, "customers", "SELECT true FROM outbox WHERE sent_time IS NULL LIMIT 1")
