"""Processes are killed while many write: nothing that was accepted is lost, and nothing is done twice.

And proof that this would be noticed: without the outbox, and without the inbox, the same invariants are violated.
"""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from rotunda_kit.testing.waiting import eventually
from rotunda_local.errors import PlatformError
from rotunda_local.health import grpc_problem
from rotunda_local.platform import Platform

from .invariants import violations
from .platforms import program, running
from .traffic import Ledger, Traffic

WRITERS, ACCOUNTS = 200, 40
# How often each process is killed; fewer times where it only takes one event that is lost and one that comes twice.
KILLS = {"customers": 5, "sales": 3}
SABOTAGE_KILLS = {"customers": 2, "sales": 1}
# Seconds that a process lives, once it is back and writes are accepted again, until it is killed.
SHORTEST_LIFE, LONGEST_LIFE = 0.2, 1.5
# Seconds until a killed process answers again: supervisord waits longer each time.
BACK = 30.0


@dataclass
class Outcome:
    """What came of a run."""

    ledger: Ledger
    kills: dict[str, int]
    least_in_flight: int
    violations: list[str]

    @property
    def broken(self) -> set[str]:
        """The names of the promises that were not kept."""
        return {violation.partition(":")[0] for violation in self.violations}


async def crash(platform: Platform, name: str, times: int, chance: random.Random, traffic: Traffic) -> list[int]:
    """Kills a process again and again; gives how many writes were in flight each time."""
    in_flight = []
    killed = 0

    async def back() -> bool:
        try:
            pid = platform.pid(name)
        except PlatformError:
            return False
        return pid != killed and not await asyncio.to_thread(grpc_problem, platform.ports[name])

    for _ in range(times):
        await eventually(back, BACK)
        await traffic.accepts()
        await asyncio.sleep(chance.uniform(SHORTEST_LIFE, LONGEST_LIFE))
        killed = platform.pid(name)
        in_flight.append(traffic.in_flight)
        os.kill(killed, signal.SIGKILL)
    await eventually(back, BACK)
    return in_flight


async def outcome(platform: Platform, seed: int, kills: dict[str, int]) -> Outcome:
    """Kills processes while many write, and looks what is left when it is quiet again."""
    async with Traffic(platform.access, WRITERS, ACCOUNTS) as traffic:
        in_flight = await asyncio.gather(
            *(crash(platform, name, times, random.Random(f"{seed} {name}"), traffic) for name, times in kills.items())
        )
        ledger = await traffic.end()
    killed = dict(zip(kills, map(len, in_flight), strict=True))
    found = Outcome(ledger, killed, min(map(min, in_flight)), await violations(platform, ledger))
    print(f"{ledger.accepted} writes accepted, {killed} kills", *found.violations, sep="\n  ")
    return found


@pytest.fixture(scope="module")
async def as_shipped(tmp_path_factory: pytest.TempPathFactory, seed: int) -> AsyncIterator[Outcome]:
    with running(tmp_path_factory.mktemp("crash"), sales=program("counting_sales.py")) as platform:
        yield await outcome(platform, seed, KILLS)


@pytest.fixture(scope="module")
async def sabotaged(tmp_path_factory: pytest.TempPathFactory, seed: int) -> AsyncIterator[Outcome]:
    """With neither outbox nor inbox."""
    programs = {"customers": program("hasty_customers.py"), "sales": program("forgetful_sales.py")}
    with running(tmp_path_factory.mktemp("sabotage"), **programs) as platform:
        yield await outcome(platform, seed, SABOTAGE_KILLS)


class TestAsShipped:
    def test_many_writes_were_in_flight_at_every_kill(self, as_shipped: Outcome) -> None:
        assert as_shipped.kills == KILLS
        assert as_shipped.least_in_flight >= WRITERS
        assert as_shipped.ledger.accepted > WRITERS

    def test_nothing_is_lost_and_nothing_is_done_twice(self, as_shipped: Outcome) -> None:
        assert as_shipped.violations == []


class TestSabotage:
    def test_without_the_outbox_events_get_lost(self, sabotaged: Outcome) -> None:
        assert "published" in sabotaged.broken

    def test_without_the_inbox_effects_are_doubled(self, sabotaged: Outcome) -> None:
        assert "effective once" in sabotaged.broken

    def test_the_writes_themselves_do_not_depend_on_either(self, sabotaged: Outcome) -> None:
        assert not sabotaged.broken & {"written once", "kept", "renamed once"}
