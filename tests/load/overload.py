"""What becomes of requests when more come than can be done: `python tests/load/overload.py`.

First so many views at a time as show the capacity; then once, twice and four times as many a second as that, whether
they are answered or not. What is answered well should stay as much, and what is refused be refused at once.
"""

import argparse
import asyncio
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import filling
import uvloop
from bench import HOME, filled_platform, sign_in
from http_load import HttpError, sender
from measuring import percentile
from operations import operations
from rich.console import Console
from rich.table import Table

from rotunda_local.errors import PlatformError
from rotunda_local.ports import HOST

MULTIPLES = (1, 2, 4)
AT_A_TIME = 16
CONNECTIONS = 600
# No request is waited for longer.
PATIENCE = 10.0

Send = Callable[[], Awaitable[None]]


@dataclass
class Outcome:
    """Milliseconds of those that were answered well, and of those that were refused; and how many got nothing."""

    good: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    lost: int = 0

    async def note(self, send: Send) -> None:
        """Send one."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE):
                await send()
        except HttpError as error:
            if "OVERLOADED" not in str(error):
                raise
            self.refused.append((time.perf_counter() - began) * 1000)
        except TimeoutError:
            self.lost += 1
        else:
            self.good.append((time.perf_counter() - began) * 1000)


async def capacity(senders: Sequence[Send], seconds: float) -> float:
    """Views a second when a few are asked for at a time."""
    outcome = Outcome()
    end = time.perf_counter() + seconds

    async def ask(send: Send) -> None:
        while time.perf_counter() < end:
            await outcome.note(send)

    await asyncio.gather(*map(ask, senders[:AT_A_TIME]))
    return len(outcome.good) / seconds


async def offer(senders: Sequence[Send], rate: float, seconds: float) -> Outcome:
    """So many a second, evenly, for so long."""
    outcome, idle = Outcome(), deque(senders)

    async def ask() -> None:
        # A client that has no connection left would have to open one, which is not what is measured.
        if not idle:
            outcome.lost += 1
            return
        send = idle.popleft()
        await outcome.note(send)
        idle.append(send)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            group.create_task(ask())
    return outcome


async def measure(requests: Sequence[str], port: int, seconds: float) -> tuple[float, dict[int, Outcome]]:
    """The capacity, and what came of each multiple of it."""
    async with AsyncExitStack() as stack:
        senders = [
            await stack.enter_async_context(sender(HOST, port, [*requests[number:], *requests[:number]]))
            for number in range(CONNECTIONS)
        ]
        await capacity(senders, seconds / 2)
        most = await capacity(senders, seconds)
        return most, {multiple: await offer(senders, multiple * most, seconds) for multiple in MULTIPLES}


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each figure (default: %(default)s)")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    with filled_platform(HOME, console, fresh=False) as platform:
        platform.up()
        known = {each.name: each for each in asyncio.run(operations(filling.database_url(platform, "customers")))}
        port = platform.ports["gateway"]
        requests = known["view"].requests(f"{HOST}:{port}", sign_in(platform))
        most, outcomes = uvloop.run(measure(requests, port, arguments.seconds))
    table = Table(title=f"Views, of which {most:.0f} a second can be had")
    for column in ("offered", "answered a second", "p50 ms", "p95 ms", "refused a second", "p95 ms", "lost a second"):
        table.add_column(column, justify="right")
    for multiple, outcome in outcomes.items():
        good, refused = sorted(outcome.good), sorted(outcome.refused)
        times = (f"{percentile(good, share):.0f}" if good else "" for share in (0.5, 0.95))
        table.add_row(
            f"{multiple} ×",
            f"{len(good) / arguments.seconds:.0f}",
            *times,
            f"{len(refused) / arguments.seconds:.0f}",
            f"{percentile(refused, 0.95):.0f}" if refused else "",
            f"{outcome.lost / arguments.seconds:.0f}",
        )
    console.print(table)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PlatformError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        sys.exit(1)
