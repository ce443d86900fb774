"""Migrations keep nobody from working for long, which squawk knows much about: `.squawk.toml` says what it minds."""

import asyncio
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from rotunda_kit.db import migrations
from rotunda_kit.db.engine import asyncpg_url
from rotunda_kit.embedded import Postgres
from rotunda_kit.testing.waiting import eventually

from .services import SERVICES, service_of

CONFIG = Path(__file__).parents[2] / ".squawk.toml"
SQUAWK = str(Path(sysconfig.get_path("scripts")) / "squawk")

# Up to these versions nothing was released and no table in use: an index may lock its table there, and a column go.
UNUSED_UP_TO = {
    "access": "e1b02a3fadd0",
    "customers": "f9af0ec56ccc",
    "sales": "421b7691c07b",
    "service_desk": "fe8af8dcd39b",
    "marketing": "4d24531b9941",
    "sync": "32eb29676b65",
}
HARMLESS_WHERE_UNUSED = ("require-concurrent-index-creation", "ban-drop-column")

IMPORTS = """
import sqlalchemy as sa
from alembic import op
from rotunda_kit.db.migrations import create_index
"""
FIRST = """
def upgrade() -> None:
    op.create_table("note", sa.Column("id", sa.Uuid(), primary_key=True), sa.Column("body", sa.Text()))
"""


def rendered(settings: Config) -> Iterator[tuple[str, str]]:
    """Each version, and the SQL that it does."""
    for version in ScriptDirectory.from_config(settings).walk_revisions():
        settings.output_buffer = StringIO()
        command.upgrade(settings, f"{version.down_revision or 'base'}:{version.revision}", sql=True)
        yield version.revision, settings.output_buffer.getvalue()


def squawk(sql: str, *excluded: str) -> str:
    """What squawk says of it; nothing if all is right."""
    arguments = ["--config", str(CONFIG), "--reporter", "gcc", "--stdin-filepath", "version.sql"]
    if excluded:
        # They count instead of those of the file.
        always = tomllib.loads(CONFIG.read_text())["excluded_rules"]
        arguments.append(f"--exclude={','.join([*always, *excluded])}")
    said = subprocess.run([SQUAWK, *arguments], input=sql, capture_output=True, text=True, check=False, timeout=30)
    assert (said.returncode == 0) == (said.stdout == ""), said.stderr
    return str(said.stdout)


def versions(folder: Path, *bodies: str) -> Config:
    """The settings of a service whose versions do this, one after the other."""
    for number, body in enumerate(bodies):
        head = f'revision = "{number}"\ndown_revision = {repr(str(number - 1)) if number else None}\n'
        imports = (
            "import sqlalchemy as sa\nfrom alembic import op\nfrom rotunda_kit.db.migrations import create_index\n"
        )
        (folder / f"{number}_version.py").write_text(f"{imports}{head}{body}")
    return migrations.config(folder, [])


@pytest.mark.parametrize("name", SERVICES)
def test_the_migrations_of_a_service_hold_nobody_up(name: str) -> None:
    service = service_of(name)
    settings = migrations.config(service.migrations, [service.metadata])
    unused = {
        version.revision
        for version in ScriptDirectory.from_config(settings).iterate_revisions(UNUSED_UP_TO[name], "base")
    }
    assert len(unused) >= 4
    for revision, sql in rendered(settings):
        assert squawk(sql, *(HARMLESS_WHERE_UNUSED if revision in unused else ())) == "", revision


@pytest.mark.parametrize(
    ("statement", "minded"),
    [
        ('op.add_column("note", sa.Column("kind", sa.Text(), nullable=False))', "adding-required-field"),
        ('op.create_index("note_body_idx", "note", ["body"])', "require-concurrent-index-creation"),
        ('op.drop_column("note", "body")', "ban-drop-column"),
        ('op.drop_table("note")', "ban-drop-table"),
        ('op.alter_column("note", "body", new_column_name="words")', "renaming-column"),
        ('op.alter_column("note", "body", nullable=False)', "adding-not-nullable-field"),
        ('op.alter_column("note", "body", type_=sa.Integer())', "changing-column-type"),
        ('op.create_foreign_key("note_fk", "note", "person", ["id"], ["id"])', "adding-foreign-key-constraint"),
    ],
)
def test_a_version_that_holds_others_up_is_refused(tmp_path: Path, statement: str, minded: str) -> None:
    later, first = rendered(versions(tmp_path, FIRST, f"def upgrade() -> None:\n    {statement}\n"))
    assert squawk(first[1]) == ""
    assert minded in squawk(later[1])


@pytest.mark.parametrize(
    "statement",
    [
        'op.add_column("note", sa.Column("kind", sa.Text(), nullable=False, server_default=""))',
        'create_index("note_body_idx", "note", "(body)")',
        'op.execute("-- squawk-ignore ban-drop-column\\nALTER TABLE note DROP COLUMN body")',
    ],
)
def test_a_version_that_does_not_is_taken(tmp_path: Path, statement: str) -> None:
    later, _ = rendered(versions(tmp_path, FIRST, f"def upgrade() -> None:\n    {statement}\n"))
    assert squawk(later[1]) == ""


async def test_an_index_is_made_while_others_write_and_after_a_try_that_was_broken_off(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = await postgres.create_database("index_beside_traffic")
    await migrations.migrate(url, versions(tmp_path, FIRST))
    body = "def upgrade() -> None:\n    create_index('note_body_idx', 'note', '(body)', unique=True)\n"
    settings = versions(tmp_path, FIRST, body)
    engine = create_async_engine(asyncpg_url(url))

    async def number(query: str) -> int:
        async with engine.connect() as connection:
            return int((await connection.execute(text(query))).scalar_one())

    async def is_at_it() -> bool:
        waiting = "query LIKE '%INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'"
        return bool(await number(f"SELECT count(*) FROM pg_stat_activity WHERE {waiting}"))

    write = text("INSERT INTO note VALUES (gen_random_uuid(), gen_random_uuid()::text)")
    async with engine.begin() as connection:
        # As it would be left over.
        await connection.execute(text("CREATE INDEX note_body_idx ON note (id)"))
    async with engine.begin() as slow:
        await slow.execute(write)
        migrating = asyncio.create_task(migrations.migrate(url, settings))
        await eventually(is_at_it)
        async with engine.begin() as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '1s'"))
            await connection.execute(write)
        assert not migrating.done()
    await migrating
    await migrations.await_migrations(url, settings, timeout=20)
    made = "SELECT count(*) FROM pg_indexes WHERE indexdef LIKE 'CREATE UNIQUE INDEX note_body_idx ON % (body)'"
    assert (await number(made), await number("SELECT count(*) FROM note")) == (1, 2)
    await engine.dispose()


async def test_two_migrators_at_once_make_an_index_once(postgres: Postgres, tmp_path: Path) -> None:
    url = await postgres.create_database("index_by_two")
    await migrations.migrate(url, versions(tmp_path, FIRST))
    body = "def upgrade() -> None:\n    create_index('note_body_idx', 'note', '(body)')\n"
    settings = [versions(tmp_path, FIRST, body) for _ in range(2)]
    engine = create_async_engine(asyncpg_url(url))

    async def count(condition: str) -> int:
        others = f"SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND {condition}"
        async with engine.connect() as connection:
            return int((await connection.execute(text(others))).scalar_one())

    async def first_is_at_it() -> bool:
        return await count("query LIKE '%INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'") == 1

    async def second_asks_for_the_lock() -> bool:
        return await count("datname = current_database() AND query LIKE '%advisory_lock%'") == 2

    async with engine.begin() as slow:
        await slow.execute(text("INSERT INTO note VALUES (gen_random_uuid(), '')"))
        first = asyncio.create_task(migrations.migrate(url, settings[0]))
        await eventually(first_is_at_it)
        second = asyncio.create_task(migrations.migrate(url, settings[1]))
        await eventually(second_asks_for_the_lock)
    async with asyncio.timeout(30):
        await asyncio.gather(first, second)
    await migrations.await_migrations(url, settings[0], timeout=20)
    await engine.dispose()
