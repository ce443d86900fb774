"""Migrations: they make what the mapped classes say, however often and by however many they are run."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from rotunda_kit.app import Service
from rotunda_kit.db import migrations
from rotunda_kit.db.engine import asyncpg_url
from rotunda_kit.db.tables import kit_metadata
from rotunda_kit.embedded import Postgres

from .services import SERVICES, service_of


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> Service:
    return service_of(request.param)


async def migrate(url: str, service: Service) -> None:
    await migrations.migrate(url, migrations.config(service.migrations, [service.metadata]))


async def execute(url: str, statement: str) -> None:
    engine = create_async_engine(asyncpg_url(url))
    try:
        async with engine.begin() as connection:
            await connection.execute(text(statement))
    finally:
        await engine.dispose()


def differences(connection: Connection, service: Service) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    metadata: Any = [kit_metadata, service.metadata]
    return list(compare_metadata(context, metadata))


async def differences_at(url: str, service: Service) -> list[object]:
    engine = create_async_engine(asyncpg_url(url))
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(differences, service)
    finally:
        await engine.dispose()


class TestMigrate:
    async def test_an_empty_database_gets_what_the_mapped_classes_say(
        self, postgres: Postgres, service: Service
    ) -> None:
        url = await postgres.create_database(f"migrated_{service.name}")
        assert await differences_at(url, service)
        await migrate(url, service)
        assert await differences_at(url, service) == []

    async def test_again_changes_nothing(self, postgres: Postgres, service: Service) -> None:
        url = await postgres.create_database(f"migrated_twice_{service.name}")
        await migrate(url, service)
        await migrate(url, service)
        assert await differences_at(url, service) == []

    async def test_two_at_the_same_time_do_not_disturb_each_other(self, postgres: Postgres, service: Service) -> None:
        url = await postgres.create_database(f"migrated_side_by_side_{service.name}")
        await asyncio.gather(migrate(url, service), migrate(url, service))
        assert await differences_at(url, service) == []

    async def test_every_version_but_the_first_follows_another(self, service: Service) -> None:
        revisions = [file.read_text() for file in service.migrations.glob("*.py")]
        assert sum("down_revision = None" in revision for revision in revisions) == 1


class TestTraffic:
    async def test_a_migration_gives_way_to_traffic_and_tries_again(
        self, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service = service_of("customers")
        url = await postgres.create_database("migrated_under_traffic")
        await migrate(url, service)
        attempts = 0
        blocked, upgrade = asyncio.Event(), migrations._upgrade

        def wait_for_locks(connection: Connection, settings: object) -> None:
            nonlocal attempts
            attempts += 1
            if attempts == 2:
                blocked.set()
            connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
            connection.execute(text("LOCK TABLE account"))
            connection.commit()
            upgrade(connection, settings)  # type: ignore[arg-type]

        monkeypatch.setattr(migrations, "_upgrade", wait_for_locks)
        engine = create_async_engine(asyncpg_url(url))
        async with engine.begin() as traffic:
            await traffic.execute(text("SELECT FROM account"))
            migrating = asyncio.create_task(migrate(url, service))
            await blocked.wait()
        await migrating
        await engine.dispose()
        assert attempts >= 2


class TestAwaitMigrations:
    @pytest.fixture
    async def url(self, postgres: Postgres, request: pytest.FixtureRequest) -> str:
        return await postgres.create_database(f"awaited_{abs(hash(request.node.name))}")

    async def test_it_returns_when_the_database_has_the_newest_version(self, url: str, service: Service) -> None:
        await service.migrate(url)
        await service.await_migrations(url, timeout=20)

    async def test_it_waits_until_the_database_has_it(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        service = service_of("customers")
        looked, missing = asyncio.Event(), migrations._missing

        def look(connection: Connection, settings: Any) -> str:
            found = missing(connection, settings)
            looked.set()
            return found

        monkeypatch.setattr(migrations, "_missing", look)
        monkeypatch.setattr(migrations, "LOOK_AGAIN", 0.05)
        waiting = asyncio.create_task(service.await_migrations(url, timeout=60))
        await looked.wait()
        assert not waiting.done()
        await migrate(url, service)
        await waiting

    async def test_it_waits_for_the_roles_that_are_made_behind_the_tables(self, url: str) -> None:
        access = service_of("access")
        await migrate(url, access)
        with pytest.raises(TimeoutError, match=r"role Administrator, .*role User provisioning$"):
            await access.await_migrations(url, timeout=0.5)
        await access.migrate(url)
        await access.await_migrations(url, timeout=20)

    async def test_roles_of_another_release_are_not_waited_for(self, url: str) -> None:
        access = service_of("access")
        await access.migrate(url)
        await execute(url, "UPDATE role SET grants = '[]', delete_time = now()")
        await access.await_migrations(url, timeout=20)

    async def test_an_older_version_is_not_enough(self, url: str) -> None:
        service = service_of("customers")
        await migrate(url, service)
        first = next(
            file.name.split("_")[0]
            for file in service.migrations.glob("*.py")
            if "down_revision = None" in file.read_text()
        )
        await execute(url, f"UPDATE alembic_version SET version_num = '{first}'")
        with pytest.raises(TimeoutError, match=r"did not get its version within 0\.5 s: [0-9a-f]{12}"):
            await service.await_migrations(url, timeout=0.5)

    async def test_the_version_of_a_later_release_is_good_for_this_one(self, url: str) -> None:
        service = service_of("customers")
        await migrate(url, service)
        await execute(url, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
        await service.await_migrations(url, timeout=20)
        await migrate(url, service)  # Changes nothing, and does not fail either.
        await service.await_migrations(url, timeout=20)

    async def test_a_database_that_is_away_is_waited_for(self) -> None:
        service = service_of("customers")
        with pytest.raises(TimeoutError, match=r"within 0\.5 s: ConnectionRefusedError"):
            await service.await_migrations("postgresql://nobody@127.0.0.1:1/nothing", timeout=0.5)

    @pytest.mark.parametrize("module", ["rotunda_customers", "rotunda_gateway"])
    async def test_the_commands_need_no_more_than_the_database(self, url: str, module: str, tmp_path: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ROTUNDA_")}

        async def run(*arguments: str) -> tuple[int, str]:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module, *arguments),
                env=environment | {"ROTUNDA_DATABASE_URL": url},
                cwd=tmp_path,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            _, said = await process.communicate()
            assert process.returncode is not None
            return process.returncode, said.decode()

        code, said = await run("await-migrations", "--timeout", "0.5")
        assert (code, "did not get its version" in said) == (1, True)
        assert (await run("migrate"))[0] == 0
        assert (await run("await-migrations"))[0] == 0
