"""Measures how fast the platform is, on one of its own with the canonical data: `make bench`.

Beside each figure stands the same work as bare SQL on the same data. The filled platform is kept for the next time.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filling
import httpx
import report
from lag import Lag, event_lag
from measuring import Load, measure
from operations import Operation, operations
from processes import Processes
from rich.console import Console

from rotunda_local.errors import PlatformError
from rotunda_local.platform import Platform
from rotunda_local.ports import HOST, free_ports
from rotunda_local.programs import PROJECT
from rotunda_local.progress import Progress

HOME = PROJECT / ".rotunda" / "bench"
STAMP = "canonical"
CONCURRENCIES = (1, 16)
# Of the time for the platform; bare SQL varies less.
BARE_SHARE = 0.5


def main() -> int:
    """Fill, measure, report; the exit code is 0 even if a target is missed."""
    arguments = _arguments()
    console = Console(width=None if sys.stdout.isatty() else 200)
    settings = dict(setting.split("=", 1) for setting in arguments.setting)
    with filled_platform(arguments.home, console, fresh=arguments.fresh, settings=settings) as platform:
        started = time.monotonic()
        platform.up()
        start_up = time.monotonic() - started
        processes = Processes(platform)
        with Progress(console).step("Taking out what the last time left"):
            asyncio.run(filling.clean(platform))
        idle = processes.memory()
        rows, lags = _measure_all(platform, processes, arguments, console)
        loaded = processes.memory()
    found = report.targets(rows, start_up, report.total(idle))
    report.print_loads(console, rows)
    report.print_cpu(console, rows)
    report.print_memory(console, idle, loaded)
    if lags:
        report.print_lags(console, lags)
    report.print_targets(console, found)
    result = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "loads": [asdict(row) for row in rows],
        "event_lag": {concurrency: asdict(lag) for concurrency, lag in lags.items()},
        "pss": {"idle": idle, "after_load": loaded},
        "start_up": start_up,
        "targets": [asdict(target) for target in found],
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=HOME, help="where the platform is kept (default: %(default)s)")
    parser.add_argument("--fresh", action="store_true", help="fill it again, whatever is there")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="measure these operations only")
    parser.add_argument("--seconds", type=float, default=8.0, help="for each figure (default: %(default)s)")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before (default: %(default)s)")
    parser.add_argument(
        "--setting", nargs="+", default=[], metavar="NAME=VALUE", help="more ROTUNDA_* settings of all processes"
    )
    parser.add_argument("--output", type=Path, default=Path("bench.json"), help="default: %(default)s")
    return parser.parse_args()


@contextmanager
def filled_platform(
    home: Path, console: Console, *, fresh: bool, settings: Mapping[str, str] | None = None
) -> Iterator[Platform]:
    """A platform that is filled and stopped; it is stopped again afterwards.

    Raises:
        PlatformError: another benchmark has it, or it does not start.
    """
    progress = Progress(console)
    platform = Platform(home, free_ports(), example_data=False, attached=True, progress=progress, settings=settings)
    # One that another benchmark has left behind ends by itself: it was attached.
    if any(process.pid for process in platform.status()):
        raise PlatformError(f"Another benchmark is at work in {home}: wait for it, or give --home another directory.")
    try:
        if fresh or platform.home.state.get(STAMP) != filling.digest():
            platform.home.delete()
            platform.up()
            with progress.step("Filling in the canonical data"):
                counts = asyncio.run(filling.fill(platform))
            console.print(", ".join(f"{count:,} {name}" for name, count in counts.items()))
            platform.home.remember(**{STAMP: filling.digest()})
            platform.down()
        yield platform
    finally:
        platform.down()


def _measure_all(
    platform: Platform, processes: Processes, arguments: argparse.Namespace, console: Console
) -> tuple[list[report.Row], dict[int, Lag]]:
    databases = {name: filling.database_url(platform, name) for name in filling.DATABASES}
    host = f"{HOST}:{platform.ports['gateway']}"
    token = sign_in(platform)
    rows, lags = [], {}
    known = {operation.name: operation for operation in asyncio.run(operations(databases["customers"]))}
    if unknown := set(arguments.only) - set(known):
        raise PlatformError(f"There is no {', '.join(sorted(unknown))}, only: {', '.join(known)}.")
    for operation in [known[name] for name in arguments.only or known]:
        _check(platform, operation, token)
        for concurrency in CONCURRENCIES:
            jobs: dict[str, dict[str, Any]] = {
                "http": {"host": HOST, "port": platform.ports["gateway"], "keys": operation.requests(host, token)},
                "sql": {"operation": operation.name, "databases": databases, "keys": operation.keys},
            }
            loads: dict[str, Load] = {}
            since = datetime.now(UTC)
            for kind, job in jobs.items():
                share = 1.0 if kind == "http" else BARE_SHARE
                times = {"warm_up": arguments.warm_up * share, "seconds": arguments.seconds * share}
                doing = f"{operation.title}, concurrency {concurrency}, {'platform' if kind == 'http' else 'bare SQL'}"
                with Progress(console).step(doing):
                    loads[kind] = measure({"kind": kind, "concurrency": concurrency, **times, **job}, processes)
                if operation.name == "create" and kind == "http":
                    lags[concurrency] = asyncio.run(event_lag(databases, since))
            rows.append(report.Row(operation.name, operation.title, concurrency, loads["http"], loads["sql"]))
    return rows, lags


def sign_in(platform: Platform) -> str:
    access = platform.access
    form = {"username": access.username, "password": access.password}
    # A proxy for the world outside does not know this machine's ports.
    answer = httpx.post(f"{platform.url}/v1/auth/token", data=form, trust_env=False)
    token: str = answer.raise_for_status().json()["access_token"]
    return token


def _check(platform: Platform, operation: Operation, token: str) -> None:
    """Sees to it that some of the answers are what they should be, before they are counted."""
    for target, body in zip(operation.targets[:20], operation.bodies[:20] or [None] * 20, strict=False):
        answer = httpx.request(
            operation.method,
            f"{platform.url}{target}",
            json=body,
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
        )
        operation.check(answer.raise_for_status().json())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PlatformError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        sys.exit(1)
