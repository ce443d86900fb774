"""Runs supervisord so that it also writes down the ids of its processes."""

import argparse
import json
import os
import sys
from pathlib import Path

import psutil
from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions
from supervisor.poller import Poller
from supervisor.states import SupervisorStates
from supervisor.supervisord import Supervisor

from rotunda_kit.embedded.files import write_private
from rotunda_kit.embedded.server import is_alive

# Seconds. supervisord itself waits a second longer after each failure, without end.
LONGEST_BACKOFF = 10
LONGEST_ROUND = 0.2


class RecordingSupervisor(Supervisor):  # type: ignore[misc]  # supervisor has no types.
    """supervisord with a file of the live processes, which is rewritten whenever one starts or ends.

    Args:
        options: supervisord's.
        processes_file: gets `[{"name", "pid"}]`.
        parent: the process with whose end everything is stopped, if any.
    """

    def __init__(self, options: ServerOptions, processes_file: Path, parent: psutil.Process | None) -> None:
        super().__init__(options)
        self._processes_file = processes_file
        self._parent = parent
        self._recorded: dict[str, int] | None = None

    def tick(self, now: float | None = None) -> None:
        """What supervisord does once a round, after it has reaped what ended."""
        super().tick(now)
        if self._parent and not is_alive(self._parent):
            self.options.mood = SupervisorStates.SHUTDOWN
        processes = [process for group in self.process_groups.values() for process in group.processes.values()]
        for process in processes:
            process.backoff = min(process.backoff, LONGEST_BACKOFF)
        live = {process.config.name: process.pid for process in processes if process.pid}
        if live != self._recorded:
            content = [{"name": name, "pid": pid} for name, pid in sorted(live.items())]
            write_private(self._processes_file, json.dumps(content, indent=2) + "\n")
            self._recorded = live


class BriskPoller(Poller):  # type: ignore[misc]  # supervisor has no types.
    """Waits for supervisord's sockets and pipes, but not for long: what ends meanwhile is noticed soon."""

    def poll(self, timeout: float) -> tuple[list[int], list[int]]:
        """The file descriptors that can be read, and those that can be written, after at most `timeout` seconds."""
        ready: tuple[list[int], list[int]] = super().poll(min(timeout, LONGEST_ROUND))
        return ready


def main() -> None:
    """Runs supervisord in the background until it is told to shut down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configuration", type=Path)
    parser.add_argument("processes", type=Path, help="file for the ids of the live processes")
    parser.add_argument("--parent", type=int, help="id of the process with whose end everything is stopped")
    arguments = parser.parse_args()
    options = ServerOptions()
    options.poller = BriskPoller(options)
    options.realize(["-c", str(arguments.configuration)])
    # True would close inherited files, of which there are none, and is for supervisord's own restarts.
    options.first = False
    options.test = False
    parent = psutil.Process(arguments.parent) if arguments.parent else None
    if os.fork():
        # The one who started it need not wait for the other half.
        sys.exit()
    os.setsid()
    try:
        RecordingSupervisor(options, arguments.processes, parent).main()
    except asyncore.ExitNow:
        pass
    finally:
        write_private(arguments.processes, "[]\n")
        options.close_httpservers()
        options.close_logger()


if __name__ == "__main__":
    main()
