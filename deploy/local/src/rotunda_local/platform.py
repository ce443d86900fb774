"""A platform on this machine: up, down, and how it is."""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from rotunda_kit.embedded import NatsServer, PostgresServer
from rotunda_kit.embedded.files import write_private
from rotunda_kit.embedded.server import is_alive, log_tail
from rotunda_local.errors import PlatformError
from rotunda_local.health import grpc_problem, http_problem
from rotunda_local.home import Access, Home
from rotunda_local.ports import HOST, check_free
from rotunda_local.preparation import Preparation
from rotunda_local.programs import PROJECT, Program, Suite, rotunda
from rotunda_local.progress import Progress
from rotunda_local.supervision import ALIVE, STOP_SECONDS, Control, Supervised, configuration, launch

# Seconds.
READY_TIMEOUT = 60.0
STOP_TIMEOUT = 120.0
POLL = 0.1
# A program that ends so often while it is waited for will not come.
ENDS_ALLOWED = 3
SERVERS = ("postgres", "nats")


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """How a process is; `uptime` in seconds, `problem` empty if it works."""

    name: str
    state: str
    pid: int
    uptime: float
    addresses: tuple[str, ...]
    problem: str


class Platform:
    """PostgreSQL, NATS and the programs of a suite, in a directory and on ports of its own, as many as one likes.

    Args:
        home: the directory for data, secrets and logs; made if it is not there.
        ports: by name, as `rotunda_local.ports.free_ports` and `chosen_ports` give them.
        suite: what runs; Rotunda if None.
        example_data: whether `up` loads the example data, once.
        fsync: False trades what a power failure would lose for speed, for tests.
        attached: whether everything stops when this Python process ends, for tests.
        progress: told what goes on.
        settings: more `ROTUNDA_*` variables, of all programs.
    """

    def __init__(
        self,
        home: Path,
        ports: Mapping[str, int],
        *,
        suite: Suite | None = None,
        example_data: bool = True,
        fsync: bool = True,
        attached: bool = False,
        progress: Progress | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.home = Home(home)
        self.ports = dict(ports)
        self.suite = suite or rotunda()
        self.postgres = PostgresServer(self.home.postgres, self.ports["postgres"], durable=fsync)
        self.nats = NatsServer(self.home.nats, self.ports["nats"], self.ports["nats-monitoring"], durable=fsync)
        self._example_data = example_data
        self._attached = attached
        self._progress = progress or Progress()
        self._preparation = Preparation(
            self.home, self.ports, self.suite, self.postgres, self.nats, self._progress, settings or {}
        )

    @property
    def url(self) -> str:
        """The gateway's address."""
        return f"http://{HOST}:{self.ports['gateway']}"

    @property
    def access(self) -> Access:
        """How to sign in as the administrator."""
        return self.home.write_access(self.url)

    @property
    def names(self) -> list[str]:
        """The names of all processes."""
        return [*(program.name for program in self.suite.programs), *SERVERS]

    def pid(self, name: str) -> int:
        """The id of a live process.

        Raises:
            PlatformError: it does not run.
        """
        pid = self.home.processes().get(name)
        if pid is None:
            raise PlatformError(f"{name} does not run.")
        return pid

    def up(self) -> bool:
        """Starts whatever does not run, after the first time's preparations; what runs is left alone.

        Returns:
            Whether there was anything to start.

        Raises:
            PlatformError: it could not; what was started stays.
            ServerError: PostgreSQL or NATS could not be prepared.
        """
        self.home.open()
        with self.home.exclusive():
            control, running = self._supervisord()
            if running and self.home.ports and self.home.ports != self.ports:
                raise PlatformError("The platform runs on other ports: end it with `make down` before you change them.")
            missing = [name for name in self.names if name not in running]
            if missing:
                self._start_missing(control, missing)
            doing = "Waiting until everything answers" if missing else "Checking that everything answers"
            with self._progress.step(doing):
                self._wait_healthy(control, self.names, READY_TIMEOUT)
            if self._example_data:
                self._preparation.load_example_data(self.url)
            return bool(missing)

    def _supervisord(self) -> tuple[Control, set[str]]:
        """Finds supervisord and what runs under it; ends one that runs nothing, and processes that it left behind."""
        control = Control(self.home.socket)
        running = {name for name, info in control.processes().items() if info["statename"] in ALIVE}
        if not running:
            self._end(control)
        return control, running

    def _start_missing(self, control: Control, missing: Sequence[str]) -> None:
        programs = [program for program in self.suite.programs if program.name in missing]
        wanted = {name for program in programs for name in program.ports} | (set(SERVERS) & set(missing))
        check_free(self.ports, wanted | ({"nats-monitoring"} if "nats" in missing else set()))
        self.home.remember_ports(self.ports)
        self.home.make_keys()
        self.home.write_access(self.url)
        servers = [name for name in SERVERS if name in missing]
        if servers:
            with self._progress.step("Starting PostgreSQL and NATS"):
                self.postgres.prepare()
                self.nats.prepare()
                self._launch(control)
                self._start(control, servers)
        elif not control.pid():
            self._launch(control)
        self._preparation.prepare(programs)
        with self._progress.step(f"Starting {', '.join(program.name for program in programs)}"):
            for program in sorted(programs, key=lambda program: program.edge):
                control.start(program.name)

    def _launch(self, control: Control) -> None:
        """Starts supervisord if it does not run."""
        if control.pid():
            return
        text = configuration(
            [*map(self._supervised, self.suite.programs), *self._supervised_servers()],
            run=self.home.run,
            logs=self.home.logs,
            socket_file=self.home.socket,
            directory=PROJECT,
        )
        write_private(self.home.configuration, text)
        log = self.home.logs / "supervise.log"
        launch(self.home.configuration, self.home.processes_file, log, parent=os.getpid() if self._attached else None)
        _wait(lambda: bool(control.pid()), 10, lambda: f"supervisord did not start:\n{log_tail(log)}")

    def _supervised(self, program: Program) -> Supervised:
        group, rank = ("edge", 40) if program.edge else ("services", 30)
        return Supervised(program.name, group, rank, program.command, self._preparation.environment(program))

    def _supervised_servers(self) -> list[Supervised]:
        environment = {"ROTUNDA_HOME": str(self.home.directory)}
        return [
            Supervised("nats", "messaging", 20, self.nats.command, environment),
            Supervised("postgres", "storage", 10, self.postgres.command, environment, stop_signal="INT"),
        ]

    def _start(self, control: Control, names: Sequence[str]) -> None:
        for name in names:
            control.start(name)
        self._wait_healthy(control, names, READY_TIMEOUT)

    def _wait_healthy(self, control: Control, names: Sequence[str], timeout: float) -> None:
        problems: dict[str, str] = dict.fromkeys(names, "")
        ends: dict[str, set[int]] = {name: set() for name in names}

        def healthy() -> bool:
            for name, info in control.processes().items():
                if name in ends and info["statename"] == "BACKOFF":
                    ends[name].add(info["stop"])
                    if len(ends[name]) >= ENDS_ALLOWED:
                        raise PlatformError(self._failure({name: "ends as soon as it is started"}))
            problems.update(self._problems(list(problems)))
            for name in [name for name, problem in problems.items() if not problem]:
                del problems[name]
            return not problems

        _wait(healthy, timeout, lambda: self._failure(problems))

    def _failure(self, problems: Mapping[str, str]) -> str:
        return "\n\n".join(
            f"{name} does not work ({problem}). The end of {self.home.logs / name}.log:\n"
            + log_tail(self.home.logs / f"{name}.log")
            for name, problem in problems.items()
        )

    def _problems(self, names: Sequence[str]) -> dict[str, str]:
        """What is wrong with each process, asked at the same time; empty texts where all is well."""
        with ThreadPoolExecutor(max(len(names), 1)) as threads:
            return dict(zip(names, threads.map(self._problem, names), strict=True))

    def _problem(self, name: str) -> str:
        if name == "postgres":
            return "" if self.postgres.is_ready() else "takes no connections"
        if name == "nats":
            return "" if self.nats.is_ready() else "is not ready"
        program = next(program for program in self.suite.programs if program.name == name)
        problem = grpc_problem(self.ports[program.grpc_port])
        if not problem and program.http_port:
            problem = http_problem(self.ports[program.http_port])
        return problem

    def status(self) -> list[ProcessStatus]:
        """How every process is."""
        known: dict[str, dict[str, Any]] = {}
        if self.home.run.exists():
            known = Control(self.home.socket).processes()
        alive = [name for name in self.names if name in known and known[name]["statename"] in ALIVE]
        problems = self._problems(alive)
        addresses: dict[str, tuple[str, ...]] = {
            "postgres": (f"{HOST}:{self.ports['postgres']}",),
            "nats": (f"{HOST}:{self.ports['nats']}", f"http://{HOST}:{self.ports['nats-monitoring']}"),
        }
        for program in self.suite.programs:
            http_address = (f"http://{HOST}:{self.ports[program.http_port]}",) if program.http_port else ()
            addresses[program.name] = (*http_address, f"{HOST}:{self.ports[program.grpc_port]}")
        found = []
        for name in self.names:
            info = known.get(name, {})
            runs = name in alive
            uptime = float(info["now"] - info["start"]) if runs else 0.0
            # supervisord calls a process STARTING until it has lived for some seconds; what answers runs.
            state = "running" if runs and not problems[name] else str(info.get("statename", "stopped")).lower()
            problem = problems.get(name, "does not run")
            found.append(ProcessStatus(name, state, int(info.get("pid", 0)), uptime, addresses[name], problem))
        return found

    def down(self) -> bool:
        """Stops everything in good order: the gateway, the services, NATS, PostgreSQL.

        Returns:
            Whether anything ran.

        Raises:
            PlatformError: something did not stop.
        """
        if not self.home.run.exists():
            return False
        with self.home.exclusive(), self._progress.step("Stopping everything"):
            return self._end(Control(self.home.socket))

    def _end(self, control: Control) -> bool:
        """Ends supervisord and all its processes, and tells whether there were any."""
        own = self._own_processes()
        processes = list(own.values())
        pid = control.pid()
        if pid:
            with suppress(psutil.NoSuchProcess):
                processes.append(psutil.Process(pid))
            control.shut_down()
        else:
            self._end_orphans(own)
        _wait(
            lambda: not any(map(is_alive, processes)),
            STOP_TIMEOUT,
            lambda: f"Still running: {', '.join(str(process.pid) for process in processes if is_alive(process))}.",
        )
        return bool(processes)

    def _end_orphans(self, orphans: Mapping[str, psutil.Process]) -> None:
        """Ends processes whose supervisord was killed, as it would have; where there is `setpriv`, they end already."""
        for name, process in orphans.items():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(self.postgres.stop_signal if name == "postgres" else signal.SIGTERM)
        if not _within(STOP_SECONDS, lambda: not any(map(is_alive, orphans.values()))):
            for process in orphans.values():
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    def _own_processes(self) -> dict[str, psutil.Process]:
        """The live ones of the processes that were last written down; an id may be another program's by now."""
        own = {}
        for name, pid in self.home.processes().items():
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                if process.environ().get("ROTUNDA_HOME") == str(self.home.directory) and is_alive(process):
                    own[name] = process
        return own


def _wait(condition: Callable[[], bool], timeout: float, failure: Callable[[], str]) -> None:
    """Waits for a condition.

    Raises:
        PlatformError: with the text of `failure`, after `timeout` seconds.
    """
    if not _within(timeout, condition):
        raise PlatformError(failure())


def _within(timeout: float, condition: Callable[[], bool]) -> bool:
    """Whether a condition came true within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True
