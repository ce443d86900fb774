"""What the platform's processes cost: CPU and memory, from the system's own books."""

from collections.abc import Mapping
from contextlib import suppress

import psutil

from rotunda_local.platform import Platform

# PostgreSQL's shared buffers as Linux names them; they are counted once and for themselves, not with the processes.
SHARED = ("/dev/zero", "/dev/shm", "/SYSV")


class Processes:
    """The live processes of a platform by name: services, gateway, servers, and supervisord over them."""

    def __init__(self, platform: Platform) -> None:
        self._processes = {name: psutil.Process(platform.pid(name)) for name in platform.names}
        supervisor = self._processes["gateway"].parent()
        if supervisor is not None:
            self._processes["supervisord"] = supervisor

    def add(self, name: str, pid: int) -> None:
        """Watch another one."""
        self._processes[name] = psutil.Process(pid)

    def cpu(self) -> dict[str, float]:
        """Seconds that each has used so far, with its children, those that have ended too."""
        return {name: sum(map(_seconds, self._family(name))) for name in self._processes}

    def memory(self) -> dict[str, int]:
        """Bytes of PSS of each with its children, and PostgreSQL's shared memory by itself."""
        found: dict[str, int] = {}
        shared = 0
        for name in self._processes:
            private = 0
            for process in self._family(name):
                with suppress(psutil.NoSuchProcess):
                    for mapping in process.memory_maps():
                        if mapping.path.startswith(SHARED):
                            shared += mapping.pss
                        else:
                            private += mapping.pss
            found[name] = private
        return {**found, "shared buffers": shared}

    def _family(self, name: str) -> list[psutil.Process]:
        process = self._processes[name]
        return [process, *process.children(recursive=True)] if name == "postgres" else [process]


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        # Its parent has its time by now.
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def used(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Seconds of CPU between two looks."""
    return {name: after[name] - before[name] for name in before}
