"""Writes a new migration of a service: `make revise SERVICE=sales MESSAGE="Add …"`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from rotunda_kit.embedded import PostgresServer
from rotunda_kit.embedded.ports import free_ports
from rotunda_local.jobs import run
from rotunda_local.migrations import TIMEOUT, UNUSED
from rotunda_local.programs import rotunda


def main() -> None:
    """On a scratch database that has all versions so far; the program is named as in `processes.json`."""
    name, message = sys.argv[1:]
    (program,) = [program for program in rotunda().programs if program.name == name]
    with tempfile.TemporaryDirectory() as directory:
        [port] = free_ports(1)
        postgres = PostgresServer(Path(directory), port, version=18, durable=False, shared_buffers="32MB")
        try:
            postgres.start()
            url = asyncio.run(postgres.create_database(program.database))
            environment = {**UNUSED, "ROTUNDA_DATABASE_URL": url}
            log_file = Path(directory) / "revision.log"
            run((*program.migrate[:-1], "revise", message), environment, log_file, TIMEOUT)
            sys.stdout.write(log_file.read_text())
        finally:
            postgres.stop()


if __name__ == "__main__":
    main()
