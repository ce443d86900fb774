"""supervisord as seen from outside: its configuration, and the commands it takes over its socket."""

import http.client
import os
import shlex
import socket
import subprocess
import sys
import xmlrpc.client
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotunda_kit.embedded.server import leash, log_tail
from rotunda_local.errors import PlatformError

TIMEOUT = 10.0
# How long a process may take to end in good order.
STOP_SECONDS = 20
# States of supervisord's in which a process lives, or is about to.
ALIVE = frozenset({"STARTING", "RUNNING"})
# supervisord's code of the error that means that there is nothing to do.
ALREADY_STARTED = 60


@dataclass(frozen=True, slots=True)
class Supervised:
    """A process for supervisord.

    Args:
        name: of the process, and of its log.
        group: what is stopped together.
        rank: of the group; the highest is stopped first.
        command: in the foreground.
        environment: beside what supervisord itself has.
        stop_signal: without `SIG`.
        stop_seconds: until it is killed.
    """

    name: str
    group: str
    rank: int
    command: Sequence[str]
    environment: Mapping[str, str]
    stop_signal: str = "TERM"
    stop_seconds: int = STOP_SECONDS


def configuration(processes: Sequence[Supervised], *, run: Path, logs: Path, socket_file: Path, directory: Path) -> str:
    """Writes supervisord's configuration file.

    Args:
        processes: what it shall look after; it starts none by itself.
        run: for its process id.
        logs: for its log and each process's.
        socket_file: where it takes commands.
        directory: where processes start.
    """
    sections: list[tuple[str, dict[str, object]]] = [
        ("unix_http_server", {"file": socket_file, "chmod": "0700"}),
        (
            "supervisord",
            {
                "nodaemon": "true",
                "silent": "true",
                "umask": "077",
                "identifier": "rotunda",
                "pidfile": run / "supervisord.pid",
                "logfile": logs / "supervisord.log",
                "logfile_maxbytes": "10MB",
                "logfile_backups": 2,
                "childlogdir": logs,
                # Not to change it, but to say that it is meant.
                **({"user": "root"} if os.geteuid() == 0 else {}),
            },
        ),
        (
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
    ]
    groups: dict[str, list[Supervised]] = {}
    for process in processes:
        groups.setdefault(process.group, []).append(process)
        sections.append(
            (
                f"program:{process.name}",
                {
                    "command": shlex.join([*leash(process.stop_signal), *process.command]),
                    "environment": ",".join(f'{key}="{value}"' for key, value in process.environment.items()),
                    "directory": directory,
                    "autostart": "false",
                    "autorestart": "true",
                    # One that ends sooner is started again after a pause that grows.
                    "startsecs": 5,
                    "startretries": 1_000_000_000,
                    "stopsignal": process.stop_signal,
                    "stopwaitsecs": process.stop_seconds,
                    "killasgroup": "true",
                    "redirect_stderr": "true",
                    "stdout_logfile": logs / f"{process.name}.log",
                    "stdout_logfile_maxbytes": "20MB",
                    "stdout_logfile_backups": 3,
                },
            )
        )
    sections += [
        (f"group:{group}", {"programs": ",".join(process.name for process in members), "priority": members[0].rank})
        for group, members in groups.items()
    ]
    return "\n".join(
        f"[{title}]\n" + "".join(f"{key} = {_escaped(value)}\n" for key, value in values.items())
        for title, values in sections
    )


def _escaped(value: object) -> str:
    return str(value).replace("%", "%%")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _UnixConnection(self._path)
        # The transport closes what it finds here.
        self._connection = host, connection
        return connection


class Control:
    """Tells supervisord what to do."""

    def __init__(self, socket_file: Path) -> None:
        self._socket_file = socket_file

    def _call(self, method: str, *arguments: object) -> Any:
        """What supervisord answers; None if it does not run.

        Raises:
            PlatformError: it runs, but does not answer.
            xmlrpc.client.Fault: it refuses.
        """
        transport = _UnixTransport(self._socket_file)
        try:
            with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except (FileNotFoundError, ConnectionError):
            return None
        except (OSError, http.client.HTTPException) as error:
            raise PlatformError(f"supervisord does not answer: {error}.") from error

    def pid(self) -> int:
        """The process id of supervisord; 0 if it does not run."""
        return self._call("getPID") or 0

    def processes(self) -> dict[str, dict[str, Any]]:
        """What supervisord knows of each process, by name: `group`, `statename`, `pid`, `start`, `stop`, `now`, …."""
        return {info["name"]: info for info in self._call("getAllProcessInfo") or ()}

    def start(self, name: str) -> None:
        """Starts a process that does not run, now and not after its pause, and does not wait for it.

        Raises:
            PlatformError: supervisord does not know it, as it was started when the platform had other programs.
        """
        info = self.processes().get(name)
        if info is None:
            raise PlatformError(f"The platform runs without {name}: end it with `make down`, then `make up` again.")
        try:
            if info["statename"] == "BACKOFF":
                with suppress(xmlrpc.client.Fault):
                    self._call("stopProcess", f"{info['group']}:{name}", False)
            self._call("startProcess", f"{info['group']}:{name}", False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != ALREADY_STARTED:
                raise PlatformError(f"supervisord could not start {name}: {fault.faultString}.") from fault

    def shut_down(self) -> None:
        """Has it stop everything, and itself; does not wait for it."""
        with suppress(xmlrpc.client.Fault):
            self._call("shutdown")


def launch(configuration_file: Path, processes_file: Path, log_file: Path, *, parent: int | None) -> None:
    """Starts supervisord in the background, in a session of its own.

    Args:
        configuration_file: as `configuration` writes it.
        processes_file: gets the ids of the live processes.
        log_file: for what it says before it has a log.
        parent: the process with whose end everything shall be stopped, if any.

    Raises:
        PlatformError: it refused.
    """
    command = [sys.executable, "-m", "rotunda_local.supervise", str(configuration_file), str(processes_file)]
    if parent:
        command += ["--parent", str(parent)]
    with log_file.open("wb") as log:
        started = subprocess.run(  # noqa: S603 -- the command is our own.
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False
        )
    if started.returncode:
        raise PlatformError(f"supervisord did not start:\n{log_tail(log_file)}")
