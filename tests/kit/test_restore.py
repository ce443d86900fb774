"""Databases that are restored to an earlier state, while the others, and the broker, know what came later.

Each drill does what docs/backup-and-restore.md says.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text

from rotunda_customers.app import app as customers
from rotunda_gateway.access.app import app as access
from rotunda_kit.app import Service
from rotunda_kit.embedded import Nats, Postgres, PostgresServer
from rotunda_kit.embedded.ports import free_ports
from rotunda_kit.embedded.postgres import installation, user_prefix
from rotunda_kit.errors import FailedPrecondition
from rotunda_kit.events.broker import connect
from rotunda_kit.events.reconcile import Finding, Reconciler
from rotunda_kit.events.republish import republish_all, republish_since, told_nouns
from rotunda_kit.testing.platform import TestPlatform, platform_of
from rotunda_kit.testing.servers import nats_server
from rotunda_kit.testing.waiting import eventually
from rotunda_sales.app import app as sales

pytestmark = pytest.mark.embedded

SERVICES = {service.name: service for service in (access, customers, sales)}
ACCOUNTS = "rotunda.customers.v1.AccountService"
USERS = "rotunda.access.v1.UserService"
PROGRAMS = installation(18)

Copied = set[tuple[UUID, int, bool]]


async def run(program: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(*user_prefix(), str(PROGRAMS / program), *arguments)
    assert await process.wait() == 0


class World:
    """Access, customers and sales at work."""

    def __init__(self, platform: TestPlatform) -> None:
        self.platform = platform

    async def call(self, verb: str, **fields: Any) -> Any:
        return await self.platform.call(f"{ACCOUNTS}.{verb}Account", **fields)

    async def create(self, name: str) -> Any:
        return (await self.call("Create", account={"display_name": name})).account

    async def rename(self, account: Any, name: str, etag: str = "") -> Any:
        change = {"id": account.id, "display_name": name, "etag": etag}
        return (await self.call("Update", account=change)).account

    async def rows(self, service: str, statement: str) -> set[Any]:
        async with self.platform.runtimes[service].database.reading() as connection:
            return {tuple(row) for row in await connection.execute(text(statement))}

    async def accounts(self) -> Copied:
        return await self.rows("customers", "SELECT id, version, delete_time IS NOT NULL FROM account")

    async def copies(self) -> Copied:
        return await self.rows("sales", "SELECT id, version, deleted FROM account_reference")

    async def names(self) -> dict[str, str]:
        """In sales, of accounts that are there."""
        rows = await self.rows("sales", "SELECT id, display_name FROM account_reference WHERE NOT deleted")
        return {str(record_id): name for record_id, name in rows}

    async def equal(self) -> bool:
        return await self.accounts() == await self.copies()

    async def living_equal(self) -> bool:
        copies = {row for row in await self.copies() if not row[2]}
        return copies == {row for row in await self.accounts() if not row[2]}

    async def users_equal(self) -> bool:
        mine = await self.rows("access", 'SELECT id, version FROM "user" WHERE delete_time IS NULL')
        statement = "SELECT id, version FROM access_user WHERE NOT deleted"
        return [mine] * 2 == [await self.rows(service, statement) for service in ("customers", "sales")]

    async def republish_all(self, service: str) -> None:
        for model in told_nouns(service):
            async for _ in republish_all(self.platform.runtimes[service].database, model):
                pass

    async def reconcile(self, service: Service) -> dict[str, Finding]:
        broker = await connect(self.platform.nats.url, "test")
        try:
            copies = [copy for copy in service.all_copies if copy.noun.partition(".")[0] in SERVICES]
            reconciler = Reconciler(copies, self.platform.runtimes[service.name].database, broker, 0)
            return {found.noun: found async for found in reconciler.compare(forget=True)}
        finally:
            await broker.close()

    async def dead_letters(self) -> int:
        counts = [await self.rows(service, "SELECT count(*) FROM dead_letter") for service in SERVICES]
        return sum(count for ((count,),) in counts)


@pytest.fixture
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    with nats_server(tmp_path_factory) as server:
        yield server


class TestOneService:
    """A dump of one service's database is restored; all others go on from where they are."""

    async def test_nobody_keeps_what_was_lost(self, postgres: Postgres, nats: Nats, tmp_path: Path) -> None:
        async with platform_of(*SERVICES.values(), postgres=postgres, nats=nats, directory=tmp_path) as platform:
            world = World(platform)
            kept, other, deleted = [await world.create(name) for name in ("Kept", "Other", "Deleted")]
            await eventually(world.equal, 30)
            dump = str(tmp_path / "customers.dump")
            dumped = datetime.now(UTC)
            before = platform.runtimes["customers"].settings.database_url
            await run("pg_dump", "--format=custom", f"--file={dump}", before)

            # All of this will be lost.
            await world.rename(kept, "Lost name")
            await world.call("Delete", id=deleted.id)
            lost = await world.create("Lost")
            user = (await platform.call(f"{USERS}.CreateUser", user={"username": "later", "display_name": "L"})).user
            await eventually(world.equal, 30)

            await platform.stop("customers")
            url = await postgres.create_database("customers_restored")
            await run("pg_restore", "--no-owner", f"--dbname={url}", dump)
            await customers.restored(url)
            await platform.start(customers, url=url)

            # What is written before anything else was done is not taken for what was lost.
            renamed = await world.rename(kept, "New name")
            await eventually(lambda: self._is_called(world, kept.id, "New name"), 30)
            with pytest.raises(FailedPrecondition):
                await world.rename(kept, "By who saw the lost one", etag="2")
            assert renamed.etag != "2"

            await world.republish_all("customers")
            async for _ in republish_since(platform.runtimes["access"].database, dumped):
                pass
            found = await world.reconcile(sales)
            assert found["customers.account"].unknown == 1
            await eventually(world.living_equal, 30)
            assert set(await world.names()) == {kept.id, other.id, deleted.id}
            await world.reconcile(customers)
            await eventually(world.users_equal, 30)
            assert (UUID(user.id),) in await world.rows("customers", "SELECT id FROM access_user")
            # A second look finds nothing more.
            found = await world.reconcile(sales)
            assert [(each.missing, each.old, each.unknown) for each in found.values()] == [(0, 0, 0)] * len(found)
            # Numbers of what was lost are not given again.
            assert (await world.create("Next")).account_number > lost.account_number
            await eventually(world.living_equal, 30)
            assert await world.dead_letters() == 0

    @staticmethod
    async def _is_called(world: World, account_id: str, name: str) -> bool:
        return (await world.names())[account_id] == name


@asynccontextmanager
async def archiving(directory: Path) -> AsyncIterator[PostgresServer]:
    """A server that archives its log, as one for production does."""
    [port] = free_ports(1)
    server = PostgresServer(directory / "postgres", port, durable=False, shared_buffers="32MB")
    archive = directory / "archive"
    archive.mkdir()
    await asyncio.to_thread(server.start)
    try:
        connection = await asyncpg.connect(server.admin_url)
        await connection.execute("ALTER SYSTEM SET archive_mode = on")
        await connection.execute(f"ALTER SYSTEM SET archive_command = 'cp %p {archive}/%f'")
        await connection.close()
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        yield server
    finally:
        await asyncio.to_thread(server.stop)


class TestWholeServer:
    """All databases go back to one moment, from a base backup and the archived log; the broker is ahead of them."""

    async def test_all_agree_again(self, nats: Nats, tmp_path: Path) -> None:
        async with archiving(tmp_path) as server:
            async with platform_of(*SERVICES.values(), postgres=server, nats=nats, directory=tmp_path) as platform:
                world = World(platform)
                kept = await world.create("Kept")
                urls = {name: runtime.settings.database_url for name, runtime in platform.runtimes.items()}
                backup = tmp_path / "backup"
                await run("pg_basebackup", "--checkpoint=fast", f"--pgdata={backup}", f"--dbname={server.admin_url}")
                between = await world.create("Between")
                await eventually(world.equal, 30)
                admin = await asyncpg.connect(server.admin_url)
                moment = await admin.fetchval("SELECT now()")

                await world.rename(kept, "Lost name")
                await world.create("Lost")
                await eventually(world.equal, 30)
                segment = await admin.fetchval("SELECT pg_walfile_name(pg_switch_wal())")

                async def archived() -> bool:
                    return bool(await admin.fetchval("SELECT last_archived_wal >= $1 FROM pg_stat_archiver", segment))

                await eventually(archived, 30)
                await admin.close()
            await asyncio.to_thread(server.stop)

            shutil.rmtree(server.data)
            backup.rename(server.data)
            with (server.data / "postgresql.auto.conf").open("a") as settings:
                settings.write(
                    f"restore_command = 'cp {tmp_path}/archive/%f %p'\n"
                    f"recovery_target_time = '{moment.isoformat()}'\n"
                    "recovery_target_action = 'promote'\n"
                )
            (server.data / "recovery.signal").touch()
            await asyncio.to_thread(server.start)
            await eventually(lambda: self._is_recovered(server), 30)

            platform = TestPlatform(server, nats, tmp_path)
            world = World(platform)
            try:
                for name, service in SERVICES.items():
                    await service.restored(urls[name])
                for name, service in SERVICES.items():
                    await platform.start(service, url=urls[name])
                assert await self._names(world) == {"Kept", "Between"}
                for name in SERVICES:
                    await world.republish_all(name)
                for service in SERVICES.values():
                    await world.reconcile(service)
                await eventually(world.living_equal, 30)
                await eventually(world.users_equal, 30)
                assert set(await world.names()) == {kept.id, between.id}
                await world.rename(kept, "New name")
                await world.create("Next")
                await eventually(world.living_equal, 30)
                assert set((await world.names()).values()) == {"New name", "Between", "Next"}
                assert await world.dead_letters() == 0
            finally:
                await platform.stop()

    @staticmethod
    async def _is_recovered(server: PostgresServer) -> bool:
        connection = await asyncpg.connect(server.admin_url)
        try:
            return not await connection.fetchval("SELECT pg_is_in_recovery()")
        finally:
            await connection.close()

    @staticmethod
    async def _names(world: World) -> set[str]:
        return {name for (name,) in await world.rows("customers", "SELECT display_name FROM account")}
