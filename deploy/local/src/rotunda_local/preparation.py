"""What a platform's programs need before they start, and its example data after."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from rotunda_kit.embedded import NatsServer, PostgresServer
from rotunda_kit.embedded.files import write_private
from rotunda_local.home import ADMINISTRATOR, Home
from rotunda_local.jobs import run
from rotunda_local.ports import HOST
from rotunda_local.programs import Program, Suite
from rotunda_local.progress import Progress

# Seconds.
MIGRATE_TIMEOUT = 300.0
ADMINISTRATOR_TIMEOUT = 60.0
LOAD_TIMEOUT = 900.0
# The machine shall do other things too.
MIGRATIONS_AT_A_TIME = 2


class Preparation:
    """Databases, migrations, the administrator and example data; what was done is not done again.

    Args:
        home: keeps what was done, passwords and logs.
        ports: by name.
        suite: says how.
        postgres: runs while this is at work.
        nats: for its address.
        progress: told what goes on.
        more: settings of all programs.
    """

    def __init__(
        self,
        home: Home,
        ports: Mapping[str, int],
        suite: Suite,
        postgres: PostgresServer,
        nats: NatsServer,
        progress: Progress,
        more: Mapping[str, str],
    ) -> None:
        self._home = home
        self._ports = ports
        self._suite = suite
        self._postgres = postgres
        self._nats = nats
        self._progress = progress
        self._more = more

    def environment(self, program: Program) -> dict[str, str]:
        """The settings of a program."""
        addresses = {
            f"ROTUNDA_{name.replace('-', '_').upper()}_ADDRESS": f"{HOST}:{self._ports[name]}"
            for name in ("customers", "sales", "service-desk", "marketing", "sync", "access")
        }
        environment = {
            "ROTUNDA_HOME": str(self._home.directory),
            "ROTUNDA_NATS_URL": self._nats.url,
            "ROTUNDA_GRPC_HOST": HOST,
            "ROTUNDA_GRPC_PORT": str(self._ports[program.grpc_port]),
            "ROTUNDA_TOKEN_KEYS_FILE": str(self._home.token_keys_file),
            **addresses,
            "PYTHONUNBUFFERED": "1",
            # A proxy for the world outside does not know this machine's ports.
            "no_grpc_proxy": HOST,
        }
        if program.metrics_port:
            environment["ROTUNDA_METRICS_PORT"] = str(self._ports[program.metrics_port])
        if program.database:
            password = self._home.database_password(program.database)
            environment["ROTUNDA_AUDIT_KEYS_FILE"] = str(self._home.audit_keys_file(program.name))
            environment["ROTUNDA_DATABASE_URL"] = self._postgres.url(program.database, program.database, password)
        if program.http_port:
            environment |= {
                "ROTUNDA_SIGNING_KEY_FILE": str(self._home.signing_key_file),
                "ROTUNDA_ENCRYPTION_KEY_FILE": str(self._home.encryption_key_file),
                "ROTUNDA_HTTP_HOST": HOST,
                "ROTUNDA_HTTP_PORT": str(self._ports[program.http_port]),
            }
        return {**environment, **self._more}

    def prepare(self, programs: Sequence[Program]) -> None:
        """Makes these programs' databases as they need them, and the administrator.

        Raises:
            PlatformError: a migration failed, or took too long.
        """
        with self._progress.step("Preparing the databases"):
            self._ensure_databases(programs)
        self._migrate(programs)
        self._create_administrator()

    def _ensure_databases(self, programs: Iterable[Program]) -> None:
        async def ensure() -> None:
            for database in (program.database for program in programs if program.database):
                await self._postgres.ensure_database(database, self._home.database_password(database))

        # In a thread, since the caller's may have an event loop of its own.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(ensure())).result()

    def _migrate(self, programs: Iterable[Program]) -> None:
        done: dict[str, str] = dict(self._home.state.get("migrations", {}))
        digests = {program.name: program.migrations_digest() for program in programs}
        due = [program for program in programs if program.migrate and done.get(program.name) != digests[program.name]]
        if not due:
            return
        with (
            self._progress.step(f"Migrating the databases of {', '.join(program.name for program in due)}"),
            ThreadPoolExecutor(MIGRATIONS_AT_A_TIME) as threads,
        ):
            begun = {threads.submit(self._run_migration, program): program.name for program in due}
            for ended in as_completed(begun):
                ended.result()
                done[begun[ended]] = digests[begun[ended]]
                self._home.remember(migrations=done)

    def _run_migration(self, program: Program) -> None:
        log_file = self._home.logs / f"migrate-{program.name}.log"
        run(program.migrate, self.environment(program), log_file, MIGRATE_TIMEOUT)

    def _create_administrator(self) -> None:
        if not self._suite.create_administrator or self._home.state.get("administrator"):
            return
        gateway = next(program for program in self._suite.programs if program.edge)
        command = (*self._suite.create_administrator, "--username", ADMINISTRATOR)
        password = self._home.administrator_password_file.read_text()
        log_file = self._home.logs / "create-administrator.log"
        with self._progress.step("Creating the administrator"):
            run(command, self.environment(gateway), log_file, ADMINISTRATOR_TIMEOUT, answer=password)
        self._home.remember(administrator=ADMINISTRATOR)

    def load_example_data(self, url: str) -> None:
        """Loads the example data through the gateway, once.

        Args:
            url: the gateway's.

        Raises:
            PlatformError: it failed, or took too long.
        """
        if not self._suite.load_example_data or self._home.loaded_file.exists():
            return
        password_file = self._home.administrator_password_file
        command = (*self._suite.load_example_data, "--url", url, "--username", ADMINISTRATOR)
        with self._progress.step("Loading the example data"):
            log_file = self._home.logs / "example-data.log"
            run((*command, "--password-file", str(password_file)), {}, log_file, LOAD_TIMEOUT)
        write_private(self._home.loaded_file, "")
