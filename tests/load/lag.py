"""How long an event is under way: from the change to JetStream, and to the last service that takes it in."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
from measuring import percentile

# Seconds.
TIMEOUT = 120.0
POLL = 0.5

_EVENTS = "SELECT event_id, time, sent_time FROM outbox WHERE time >= $1 AND actor <> 'benchmark'"
_TAKEN = "SELECT consumer, event_id, time FROM inbox WHERE consumer LIKE '%-from-customers' AND event_id = ANY($1)"


class LagError(Exception):
    """Not all events came through in time."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Milliseconds from the change on, of many events."""

    p50: float
    p95: float
    longest: float


@dataclass(frozen=True, slots=True)
class Lag:
    """How long a number of events took.

    Args:
        events: how many.
        published: until their rows were marked as sent.
        taken_in: until the last of their consumers had them.
        drained: seconds from the end of the load until all were through.
    """

    events: int
    published: Spans
    taken_in: Spans
    drained: float


async def event_lag(databases: Mapping[str, str], since: datetime) -> Lag:
    """Waits until all events of the customers service since a time are through, and tells how long each took.

    Raises:
        LagError: they are not through within two minutes.
    """
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        connections = {}
        for name, url in databases.items():
            connections[name] = await asyncpg.connect(url, timeout=10)
            stack.push_async_callback(connections[name].close)
        while True:
            events = await connections["customers"].fetch(_EVENTS, since)
            ids = [row["event_id"] for row in events]
            taken = [row for name in connections for row in await connections[name].fetch(_TAKEN, ids)]
            consumers = {row["consumer"] for row in taken}
            sent = bool(events) and all(row["sent_time"] for row in events)
            if sent and consumers and len(taken) == len(events) * len(consumers):
                break
            if time.monotonic() > began + TIMEOUT:
                raise LagError(
                    f"{len(events)} events, of which {len(taken)} were taken in by {len(consumers)} consumers"
                )
            await asyncio.sleep(POLL)
    drained = time.monotonic() - began
    last: dict[object, datetime] = {}
    for row in taken:
        last[row["event_id"]] = max(row["time"], last.get(row["event_id"], row["time"]))
    return Lag(
        len(events),
        _spans([row["sent_time"] - row["time"] for row in events]),
        _spans([last[row["event_id"]] - row["time"] for row in events]),
        drained,
    )


def _spans(times: Sequence[timedelta]) -> Spans:
    ordered = sorted(time.total_seconds() * 1000 for time in times)
    return Spans(percentile(ordered, 0.50), percentile(ordered, 0.95), ordered[-1])
