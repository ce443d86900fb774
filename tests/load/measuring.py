"""One load at a time, by a client in a process of its own, and what it costs every process."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import Processes, used

CLIENT = Path(__file__).with_name("load_client.py")


class LoadError(Exception):
    """The load client failed."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one load came to.

    Args:
        rate: operations a second.
        p50: milliseconds, as `p95` and `p99`.
        cpu: milliseconds of CPU an operation, by process.
    """

    rate: float
    p50: float
    p95: float
    p99: float
    cpu: dict[str, float]


def measure(job: Mapping[str, Any], processes: Processes) -> Load:
    """Lets the client do a job.

    Args:
        job: of `load_client`.
        processes: whose CPU is of interest.

    Raises:
        LoadError: an answer was no success, or the client failed otherwise.
    """
    with subprocess.Popen(
        [sys.executable, str(CLIENT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        processes.add("load client", client.pid)
        client.stdin.write(json.dumps(job) + "\n")
        client.stdin.flush()
        _expect(client, "started")
        before = processes.cpu()
        _expect(client, "stopped")
        after = processes.cpu()
        client.stdin.close()
        result = json.loads(client.stdout.readline())
    latencies = sorted(result["latencies"])
    count = len(latencies)
    p50, p95, p99 = (percentile(latencies, share) * 1000 for share in (0.50, 0.95, 0.99))
    cpu = {name: seconds * 1000 / count for name, seconds in used(before, after).items()}
    return Load(count / result["seconds"], p50, p95, p99, cpu)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which a share of the ordered values lies."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _expect(client: "subprocess.Popen[str]", word: str) -> None:
    assert client.stdout is not None
    assert client.stderr is not None
    line = client.stdout.readline().strip()
    if line != word:
        raise LoadError(f"The load client said “{line}”:\n{client.stderr.read()[-4000:]}")
