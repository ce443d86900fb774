"""The tables that `make bench` prints, and what it wants to reach."""

from collections.abc import Sequence
from dataclasses import dataclass

from lag import Lag, Spans
from measuring import Load
from rich.console import Console
from rich.table import Table

MIB = 1024 * 1024
PEERS = "For context, not measured here: Tryton 8.2, two workers: 41 views, 25 creates, 72 searches a second."


@dataclass(frozen=True, slots=True)
class Row:
    """One operation at one concurrency, through the platform and as bare SQL."""

    name: str
    title: str
    concurrency: int
    platform: Load
    bare: Load


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached, and what was."""

    text: str
    found: str
    met: bool


def targets(rows: Sequence[Row], start_up: float, idle: int) -> list[Target]:
    """How the figures compare with what is wanted.

    Args:
        rows: of all operations.
        start_up: seconds.
        idle: bytes of PSS of all processes after the start.
    """
    loads = {(row.name, row.concurrency): row.platform for row in rows}
    found = []
    view = loads.get(("view", 16))
    if view:
        text = f"{view.rate:.0f} a second, p95 {view.p95:.0f} ms"
        met = view.rate >= 250 and view.p95 < 100
        found.append(Target("views at concurrency 16: 250 a second, p95 below 100 ms", text, met))
    for name, noun, rate in (("create", "creates", 400), ("search", "searches", 500)):
        load = loads.get((name, 16))
        if load:
            text = f"{load.rate:.0f} a second"
            found.append(Target(f"{noun} at concurrency 16: {rate} a second", text, load.rate >= rate))
    found.append(Target("start-up after the first time: below 15 s", f"{start_up:.1f} s", start_up < 15))
    found.append(Target("PSS of all processes, idle: below 700 MiB", f"{idle / MIB:.0f} MiB", idle < 700 * MIB))
    return found


def print_loads(console: Console, rows: Sequence[Row]) -> None:
    """Rates and latencies, beside those of bare SQL."""
    table = _table(
        "",
        "concurrency",
        "a second",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "bare SQL a second",
        "bare p50 ms",
        "share of bare SQL",
    )
    for row in rows:
        load, bare = row.platform, row.bare
        latencies = [f"{value:.1f}" for value in (load.p50, load.p95, load.p99)]
        share = f"{load.rate / bare.rate:.0%}"
        table.add_row(
            row.title,
            str(row.concurrency),
            f"{load.rate:.0f}",
            *latencies,
            f"{bare.rate:.0f}",
            f"{bare.p50:.2f}",
            share,
        )
    console.print(table)


def print_cpu(console: Console, rows: Sequence[Row]) -> None:
    """CPU by process."""
    names = [name for name in rows[0].platform.cpu if any(row.platform.cpu[name] >= 0.01 for row in rows)]
    table = _table("CPU ms an operation", "concurrency", "sum", *names, "bare SQL: postgres", "bare SQL: client")
    for row in rows:
        cpu = row.platform.cpu
        platform = f"{sum(cpu.values()) - cpu['load client']:.2f}"
        bare = [f"{row.bare.cpu[name]:.2f}" for name in ("postgres", "load client")]
        table.add_row(row.title, str(row.concurrency), platform, *(f"{cpu[name]:.2f}" for name in names), *bare)
    console.print(table)


def print_memory(console: Console, idle: dict[str, int], loaded: dict[str, int]) -> None:
    """Memory by process."""
    table = _table("PSS in MiB", "idle", "after load")
    for name, size in idle.items():
        table.add_row(name, f"{size / MIB:.0f}", f"{loaded[name] / MIB:.0f}")
    table.add_row("all but shared buffers", f"{total(idle) / MIB:.0f}", f"{total(loaded) / MIB:.0f}")
    console.print(table)


def total(memory: dict[str, int]) -> int:
    """Bytes of all processes, but PostgreSQL's shared memory."""
    return sum(size for name, size in memory.items() if name != "shared buffers")


def print_lags(console: Console, lags: dict[int, Lag]) -> None:
    """How long events are under way."""
    table = _table(
        "event lag while contacts are created",
        "events",
        "to JetStream p50 / p95 / max ms",
        "to the last consumer p50 / p95 / max ms",
        "all through after s",
    )
    for concurrency, lag in lags.items():
        spans = [_shown(lag.published), _shown(lag.taken_in)]
        table.add_row(f"concurrency {concurrency}", str(lag.events), *spans, f"{lag.drained:.1f}")
    console.print(table)


def _shown(spans: Spans) -> str:
    return f"{spans.p50:.0f} / {spans.p95:.0f} / {spans.longest:.0f}"


def print_targets(console: Console, found: Sequence[Target]) -> None:
    """What was wanted, and whether it was reached."""
    for target in found:
        mark = "[green]✓[/]" if target.met else "[red]✗[/]"
        console.print(f"{mark} {target.text}; found: {target.found}")
    console.print(PEERS, style="dim")


def _table(*headings: str) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    for at, heading in enumerate(headings):
        table.add_column(heading, justify="right" if at else "left")
    return table
