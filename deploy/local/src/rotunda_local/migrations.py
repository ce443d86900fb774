"""Checks the migrations: every database from nothing to the newest version, and again, on each supported PostgreSQL."""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from rotunda_kit.embedded import PostgresServer, ServerError
from rotunda_kit.embedded.ports import free_ports as find_free_ports
from rotunda_kit.embedded.postgres import FOLDERS
from rotunda_local.errors import PlatformError
from rotunda_local.jobs import run
from rotunda_local.programs import Program, rotunda

TIMEOUT = 300.0

# Settings that a migration must not need.
UNUSED = {
    "ROTUNDA_NATS_URL": "nats://127.0.0.1:1",
    "ROTUNDA_TOKEN_KEYS_FILE": "",
    "ROTUNDA_AUDIT_KEYS_FILE": "",
    "ROTUNDA_SIGNING_KEY_FILE": "",
}


def check(version: int, directory: Path, console: Console) -> None:
    """Migrates every database of the platform on one version of PostgreSQL.

    Raises:
        PlatformError: a migration failed.
        ServerError: PostgreSQL did not start.
    """
    [port] = find_free_ports(1)
    postgres = PostgresServer(directory, port, version=version, durable=False, shared_buffers="32MB")
    try:
        postgres.start()
        for program in rotunda().programs:
            environment = {"ROTUNDA_DATABASE_URL": asyncio.run(postgres.create_database(program.database))}
            for time in ("first", "second"):
                _migrate(program, environment, directory / f"{program.name}-{time}.log")
            console.print(f"PostgreSQL {version}: {program.name} migrates")
    finally:
        postgres.stop()


def _migrate(program: Program, environment: Mapping[str, str], log_file: Path) -> None:
    run(program.migrate, {**UNUSED, **environment}, log_file, TIMEOUT)


def main() -> None:
    """Checks all versions.

    Raises:
        SystemExit: 1, if a migration failed.
    """
    console = Console(highlight=False)
    try:
        with tempfile.TemporaryDirectory() as directory:
            for version in sorted(FOLDERS):
                check(version, Path(directory) / str(version), console)
    except (PlatformError, ServerError) as error:
        console.print(f"[bold red]✗[/] {escape(str(error))}", soft_wrap=True)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
