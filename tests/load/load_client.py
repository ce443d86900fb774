"""A load client in a process of its own: `python load_client.py`, a job as one line of JSON on standard input.

It prints `started` when it is warm, `stopped` when the time is over, and, when standard input has ended, its result as
one line of JSON. Until then its connections stay open: what served them is still there to be looked at.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import bare_sql
import http_load
import uvloop

Send = Callable[[], Awaitable[None]]


async def _repeat(send: Send, until: float, latencies: list[float]) -> None:
    """Sends one request after the other until a time is over; only those that began before count."""
    clock = time.perf_counter
    began = clock()
    while began < until:
        await send()
        ended = clock()
        latencies.append(ended - began)
        began = ended


async def _measure(senders: list[Send], warm_up: float, seconds: float) -> dict[str, Any]:
    await asyncio.gather(*(_repeat(send, time.perf_counter() + warm_up, []) for send in senders))
    print("started", flush=True)
    latencies: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(_repeat(send, began + seconds, latencies) for send in senders))
    passed = time.perf_counter() - began
    print("stopped", flush=True)
    sys.stdin.read()
    return {"seconds": passed, "latencies": latencies}


async def main() -> None:
    """Does the job."""
    job = json.loads(sys.stdin.readline())
    senders: list[Send] = []
    async with AsyncExitStack() as stack:
        for number in range(job["concurrency"]):
            # Each on its own way through the keys, so that no two ask for the same one at the same time.
            keys = job["keys"][number :: job["concurrency"]]
            if job["kind"] == "http":
                sender: Any = http_load.sender(job["host"], job["port"], keys)
            else:
                sender = bare_sql.sender(job["operation"], job["databases"], keys)
            senders.append(await stack.enter_async_context(sender))
        result = await _measure(senders, job["warm_up"], job["seconds"])
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
