"""A round: faults at random on a platform under traffic, and what holds when all is quiet again."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from rotunda_local.platform import Platform

from .faults import OF_PROGRAMS, OF_SERVERS, Fault
from .invariants import violations
from .readers import Readers
from .traffic import Ledger, Traffic
from .world import BACK, World

WRITERS, ACCOUNTS = 40, 20
# Seconds until events have arrived everywhere, at most: a message that nobody acknowledged comes again after 30.
SETTLED = 120.0
# Seconds that writes go on between two faults.
SHORTEST_PEACE, LONGEST_PEACE = 0.1, 1.0


@dataclass
class Round:
    """What came of a round."""

    seed: int
    faults: list[str] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    # Requests of which nobody knew whether they were done.
    unanswered: int = 0
    # How often someone looked and saw.
    read: int = 0
    violations: list[str] = field(default_factory=list)
    seconds: float = 0

    def __str__(self) -> str:
        what = "; ".join(self.violations) or "all promises kept"
        return (
            f"seed {self.seed}: {len(self.faults)} faults, {self.ledger.accepted} writes accepted, "
            f"{self.unanswered} broken off, {self.read} reads, {self.seconds:.0f} s: {what}"
        )


async def play(platform: Platform, seed: int) -> Round:
    """Every fault once, two at a time: one of a program, one of a server.

    Args:
        platform: as `running` starts it.
        seed: of the order, the victims and the durations.
    """
    began = time.monotonic()
    found = Round(seed)
    async with Traffic(platform.access, WRITERS, ACCOUNTS) as traffic, Readers(platform.access) as readers:
        lanes = enumerate((OF_PROGRAMS, OF_SERVERS))
        await asyncio.gather(
            *(_lane(platform, traffic, faults, random.Random(f"{seed} {lane}"), found) for lane, faults in lanes)
        )
        found.ledger = await traffic.end()
        found.unanswered = traffic.unanswered
        found.read = readers.answers[200]
        found.violations += [f"reading: {times} times {what}" for what, times in readers.wrong.items()]
    found.violations += await violations(platform, found.ledger, SETTLED)
    found.seconds = time.monotonic() - began
    print(found)
    return found


async def _lane(
    platform: Platform, traffic: Traffic, faults: Sequence[Fault], chance: random.Random, found: Round
) -> None:
    """Each of these faults, one after the other."""
    for fault in chance.sample(faults, len(faults)):
        await asyncio.sleep(chance.uniform(SHORTEST_PEACE, LONGEST_PEACE))
        found.faults.append(fault.__name__)
        await fault(World(platform), chance)
        try:
            await traffic.accepts(BACK)
        except TimeoutError:
            found.violations.append(f"recovered: no write was accepted any more after {fault.__name__}")
            return
