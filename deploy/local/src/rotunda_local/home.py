"""The directory in which a platform keeps everything: data, secrets, logs and what it remembers."""

import contextlib
import fcntl
import json
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_bytes
from typing import Any

from joserfc.jwk import OKPKey

from rotunda_kit.embedded.files import kept_password, write_private
from rotunda_local.errors import PlatformError

ADMINISTRATOR = "admin"
# All that is ever put here. Nothing else is deleted.
CONTENTS = frozenset(
    {
        *("access.json", "keys", "loaded", "logs", "nats", "postgres", "processes.json", "run", "secrets"),
        *("settings.json", "state.json"),
    }
)
# The build puts Google's protos here.
NEIGHBOURS = frozenset({"bench", "googleapis"})
# A socket's path may have 107 bytes, and supervisord puts its process id behind it while it makes it.
LONGEST_SOCKET = 95


@dataclass(frozen=True, slots=True)
class Access:
    """How to sign in as the administrator."""

    url: str
    username: str
    password: str


class Home:
    """A platform's directory, for its owner's eyes only."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.logs = self.directory / "logs"
        self.run = self.directory / "run"
        self.postgres = self.directory / "postgres"
        self.nats = self.directory / "nats"
        self.configuration = self.run / "supervisord.conf"
        self.processes_file = self.directory / "processes.json"
        self.access_file = self.directory / "access.json"
        self.signing_key_file = self.directory / "keys" / "signing-key.json"
        self.token_keys_file = self.directory / "keys" / "token-keys.json"
        self.encryption_key_file = self.directory / "keys" / "encryption-key"
        self.administrator_password_file = self.directory / "secrets" / "administrator"
        self.loaded_file = self.directory / "loaded"
        self._settings_file = self.directory / "settings.json"
        self._state_file = self.directory / "state.json"

    def open(self) -> None:
        """Makes the directory if it is not there.

        Raises:
            PlatformError: it is a directory with other things in it, or its path can not be used.
        """
        if any(character in str(self.directory) for character in "\"'\n") or any(
            f" {mark}" in str(self.directory) for mark in ";#"
        ):
            raise PlatformError(
                f"The directory “{self.directory}” has a quote, “;” or “#” in its name: choose another."
            )
        if self.directory.exists() and not self._settings_file.exists():
            strange = self.strange_contents()
            if strange:
                raise PlatformError(
                    f"{self.directory} holds other things ({', '.join(strange[:3])}): "
                    "give ROTUNDA_HOME a directory of its own."
                )
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        for folder in ("logs", "run", "keys", "secrets"):
            (self.directory / folder).mkdir(mode=0o700, exist_ok=True)

    def audit_keys_file(self, name: str) -> Path:
        """The keys that sign the audit trail of a program's service; makes them if they are not there."""
        file = self.directory / "keys" / f"audit-{name}.json"
        if not file.exists():
            key = OKPKey.generate_key("Ed25519", parameters={"use": "sig", "alg": "Ed25519"}, auto_kid=True)
            write_private(file, json.dumps({"keys": [key.as_dict(private=True)]}))
        return file

    def make_keys(self) -> None:
        """Makes the pair of keys for the gateway's tokens, and the key that encrypts secrets, if they are not there."""
        if not self.encryption_key_file.exists():
            write_private(self.encryption_key_file, b64encode(token_bytes(32)).decode())
        if not self.token_keys_file.exists():
            key = OKPKey.generate_key("Ed25519", parameters={"use": "sig", "alg": "Ed25519"}, auto_kid=True)
            write_private(self.signing_key_file, json.dumps(key.as_dict(private=True)))
            # Last: what makes the pair complete.
            write_private(self.token_keys_file, json.dumps({"keys": [key.as_dict(private=False)]}))

    def strange_contents(self) -> list[str]:
        """The names of things in the directory that are not the platform's."""
        if not self.directory.exists():
            return []
        return sorted({entry.name for entry in self.directory.iterdir()} - CONTENTS - NEIGHBOURS)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keeps out other commands that start or stop things here.

        Raises:
            PlatformError: one is at work.
        """
        with (self.run / "command.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise PlatformError(
                    "Another command is starting or stopping this platform: try again when it is done."
                ) from error
            yield

    @property
    def ports(self) -> dict[str, int]:
        """The ports that the platform was last started with, by name; empty before."""
        ports: dict[str, int] = self._read(self._settings_file).get("ports", {})
        return ports

    def remember_ports(self, ports: dict[str, int]) -> None:
        """Keeps the ports for the commands to come."""
        write_private(self._settings_file, json.dumps({**self._read(self._settings_file), "ports": ports}, indent=2))

    @property
    def socket(self) -> Path:
        """Where supervisord listens for commands."""
        path = self.run / "supervisord.sock"
        if len(str(path)) <= LONGEST_SOCKET:
            return path
        elsewhere = Path(self.state.get("socket_directory", ""))
        if not elsewhere.is_absolute() or not elsewhere.is_dir():
            elsewhere = Path(tempfile.mkdtemp(prefix="rotunda-"))
            self.remember(socket_directory=str(elsewhere))
        return elsewhere / "supervisord.sock"

    def database_password(self, database: str) -> str:
        """The password of a database's role."""
        return kept_password(self.directory / "secrets" / f"database-{database}")

    def write_access(self, url: str) -> Access:
        """Writes down how to sign in at this address."""
        access = Access(url, ADMINISTRATOR, kept_password(self.administrator_password_file))
        if self._read(self.access_file) != asdict(access):
            write_private(self.access_file, json.dumps(asdict(access), indent=2) + "\n")
        return access

    @property
    def state(self) -> dict[str, Any]:
        """What was done already, so that it is not done again."""
        return self._read(self._state_file)

    def remember(self, **done: object) -> None:
        """Adds to `state`."""
        write_private(self._state_file, json.dumps({**self.state, **done}, indent=2))

    def processes(self) -> dict[str, int]:
        """The ids of the processes that supervisord has under it, by name."""
        if not self.processes_file.exists():
            return {}
        return {entry["name"]: entry["pid"] for entry in json.loads(self.processes_file.read_text())}

    def delete(self) -> None:
        """Deletes all that the platform put here, and the directory if nothing else is in it."""
        if not self.directory.exists():
            return
        elsewhere = self.state.get("socket_directory")
        if elsewhere:
            shutil.rmtree(elsewhere, ignore_errors=True)
        for name in CONTENTS:
            entry = self.directory / name
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)
        if not any(self.directory.iterdir()):
            self.directory.rmdir()

    @staticmethod
    def _read(file: Path) -> dict[str, Any]:
        if not file.exists():
            return {}
        content: dict[str, Any] = json.loads(file.read_text())
        return content
