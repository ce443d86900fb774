"""What embedded servers have in common: start, stop, and never being left behind."""

import contextlib
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

import psutil

POLL = 0.02


class ServerError(Exception):
    """A server did not do what it was told. The text says why, with the end of its log."""


def leash(signal_name: str) -> list[str]:
    """The start of a command whose process gets a signal when the one that started it dies, be it by SIGKILL.

    It holds for the thread that starts the process: start it from one that lives as long as the process shall. Without
    `setpriv` (of util-linux, which every Linux but the smallest has) there is no leash, and a server that outlives a
    killed parent has to be ended by hand.

    Args:
        signal_name: without `SIG`.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal_name, "--"] if setpriv else []


def is_alive(process: psutil.Process) -> bool:
    """Whether a process still does or holds anything: one that only waits to be reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def log_tail(log_file: Path, lines: int = 20) -> str:
    """The last lines of a log."""
    if not log_file.exists():
        return "(no log)"
    with log_file.open("rb") as file:
        file.seek(max(0, log_file.stat().st_size - 64 * 1024))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


class EmbeddedServer(ABC):
    """One server in a directory of its own, listening on 127.0.0.1.

    `start`, `stop` and `kill` run it as a child of this process; another supervisor calls `prepare` and runs `command`.
    """

    name: str
    # Ends the server in good order, and fast.
    stop_signal = signal.SIGTERM

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory.absolute()
        self.port = port
        self.log_file = self.directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Makes whatever the server needs in its directory; what is there stays."""

    @property
    @abstractmethod
    def command(self) -> list[str]:
        """Runs the prepared server in the foreground."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it takes work."""

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's id.

        Raises:
            ServerError: it was not launched.
        """
        if self._process is None:
            raise ServerError(f"{self.name} was not launched.")
        return self._process.pid

    def start(self, timeout: float = 30.0) -> None:
        """Prepares and launches the server, and waits until it takes work.

        Raises:
            ServerError: it ended, or was not ready in time.
        """
        self.prepare()
        self.launch()
        self.wait_ready(timeout)

    def launch(self) -> None:
        """Starts the process of a prepared server and does not wait for it."""
        if self.running:
            raise ServerError(f"{self.name} runs already, as process {self.pid}.")
        command = [*leash(self.stop_signal.name.removeprefix("SIG")), *self.command]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 -- the command is the server's own.
                command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for the one who tests: he stops the server when he is done with it.
                start_new_session=True,
            )

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Waits until the launched server takes work, at most `timeout` seconds.

        Raises:
            ServerError: it ended, or was not ready in time; it is stopped then.
        """
        deadline = time.monotonic() + timeout
        while not self.is_ready():
            if not self.running:
                raise ServerError(f"{self.name} ended before it was ready:\n{log_tail(self.log_file)}")
            if time.monotonic() > deadline:
                self.stop()
                raise ServerError(f"{self.name} was not ready after {timeout:g} s:\n{log_tail(self.log_file)}")
            time.sleep(POLL)

    def stop(self, timeout: float = 20.0) -> None:
        """Ends the server in good order; kills it after `timeout` seconds. Nothing happens if it does not run."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """Ends the server and its children by SIGKILL, as the lack of memory might, and waits until they are gone."""
        if self._process is None:
            return
        family = []
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.wait()
        for child in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        deadline = time.monotonic() + 10
        while any(map(is_alive, family)) and time.monotonic() < deadline:
            time.sleep(POLL)
        self._process = None
