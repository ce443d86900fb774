"""What faults are done to: a platform with two processes of each service that matters."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from rotunda_kit.embedded.files import write_private
from rotunda_kit.embedded.ports import free_ports as find_free_ports
from rotunda_kit.testing.waiting import eventually
from rotunda_local.health import grpc_problem
from rotunda_local.platform import Platform
from rotunda_local.ports import free_ports
from rotunda_local.programs import Program, Suite, rotunda

# The second ones answer no calls of the gateway's; they stand by to relay, and share the consuming.
CUSTOMERS = ("customers", "customers-2")
SALES = ("sales", "sales-2")
LATE_SALES = Path(__file__).parent / "programs" / "late_sales.py"
# What the driver says of a database that goes away.
GOING = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# Seconds until what was killed, or stopped answering, does its work again.
BACK = 120.0

_RELAYS_PORT = """
SELECT client_port FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE locktype = 'advisory' AND granted AND application_name = 'rotunda-relay' AND usename = 'customers'
"""


@dataclass
class World:
    """A running platform."""

    platform: Platform

    async def pid(self, name: str) -> int:
        """The id of a process, as soon as it runs."""

        async def runs() -> bool:
            return name in self.platform.home.processes()

        await eventually(runs, BACK)
        return self.platform.pid(name)

    async def end(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """End a process by a signal, and wait until another works in its place."""
        ended = await self.pid(name)
        # It may have ended by itself, without a database or a broker.
        with suppress(ProcessLookupError):
            os.kill(ended, number)

        async def replaced() -> bool:
            return self.platform.home.processes().get(name, ended) != ended

        await eventually(replaced, BACK)
        await self.back(name)

    async def hang(self, name: str, seconds: float) -> None:
        """Let a process and its children stand still for so long."""
        process = psutil.Process(await self.pid(name))
        family = [process, *process.children(recursive=True)]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.suspend()
        try:
            await asyncio.sleep(seconds)
        finally:
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    member.resume()

    async def back(self, name: str) -> None:
        """Wait until a process works."""
        works = {
            "postgres": self.platform.postgres.is_ready,
            "nats": self.platform.nats.is_ready,
        }.get(name, lambda: not grpc_problem(self.platform.ports[self._port(name)]))

        async def is_back() -> bool:
            return name in self.platform.home.processes() and await asyncio.to_thread(works)

        await eventually(is_back, BACK)

    async def relaying(self) -> str:
        """Which process of customers holds the relay's lock."""
        holders: list[str] = []

        async def found() -> bool:
            # The database may be away, too, or go at this moment.
            with suppress(OSError, psutil.NoSuchProcess, *GOING):
                async with self.database("customers") as connection:
                    port = await connection.fetchval(_RELAYS_PORT)
                for name, pid in self.platform.home.processes().items():
                    if name in CUSTOMERS and _has_connection_from(pid, port):
                        holders.append(name)
            return bool(holders)

        await eventually(found, BACK)
        return holders[0]

    def _port(self, name: str) -> str:
        return next(program.grpc_port for program in self.platform.suite.programs if program.name == name)

    @asynccontextmanager
    async def database(self, name: str = "") -> AsyncIterator[Any]:
        """A connection to a service's database as its role; to none, as the superuser, without a name."""
        postgres = self.platform.postgres
        url = postgres.url(name, name, self.platform.home.database_password(name)) if name else postgres.admin_url
        connection = await asyncpg.connect(url, timeout=BACK)
        try:
            yield connection
        finally:
            connection.terminate()

    async def unsent(self) -> int:
        """How many events of customers are not yet published."""
        async with self.database("customers") as connection:
            waiting: int = await connection.fetchval("SELECT count(*) FROM outbox WHERE sent_time IS NULL")
            return waiting

    async def limit_store(self, most: int | None) -> None:
        """Restart NATS with so many bytes for its streams, as on a disk that is full; None for as many as there are."""
        file = self.platform.nats.directory / "nats.conf"
        configuration = json.loads(file.read_text())
        configuration["jetstream"].pop("max_file_store", None)
        if most is not None:
            configuration["jetstream"]["max_file_store"] = most
        write_private(file, json.dumps(configuration))
        await self.end("nats")


def _has_connection_from(pid: int, port: int) -> bool:
    return any(connection.laddr.port == port for connection in psutil.Process(pid).net_connections(kind="tcp"))


@contextmanager
def running(directory: Path) -> Iterator[Platform]:
    """A platform of the gateway and two of customers and of sales, which counts effects and takes some events late."""
    suite = rotunda()
    named = {program.name: program for program in suite.programs}
    late = (sys.executable, str(LATE_SALES), "serve", "--with-worker")
    customers, sales = named["customers"], replace(named["sales"], command=late)
    ports = free_ports()
    ports |= dict(zip((CUSTOMERS[1], SALES[1]), find_free_ports(2), strict=True))
    programs = (customers, _second(customers, CUSTOMERS[1]), sales, _second(sales, SALES[1]), named["gateway"])
    platform = Platform(
        directory,
        ports,
        suite=Suite(programs, create_administrator=suite.create_administrator),
        example_data=False,
        # Else it would prove nothing.
        fsync=True,
        attached=True,
    )
    try:
        platform.up()
        yield platform
    finally:
        platform.down()


def _second(program: Program, name: str) -> Program:
    return replace(program, name=name, grpc_port=name, metrics_port="", migrate=())
