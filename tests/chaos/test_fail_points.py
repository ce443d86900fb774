"""Services are killed at every place where a crash may let only the first of two steps happen, while many write.

And proof that it would be noticed: a consumer that acknowledges before it commits loses events.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rotunda_kit.fail_points import FailPoint
from rotunda_kit.testing.waiting import eventually
from rotunda_local.health import grpc_problem
from rotunda_local.platform import Platform

from .invariants import violations
from .platforms import program, running
from .traffic import Ledger, Traffic

WRITERS, ACCOUNTS = 200, 40
# Which service passes a point, and at which of its passages it is killed, at most.
POINTS = {
    "customers": {
        FailPoint.COMMAND_BEFORE_COMMIT: 150,
        FailPoint.OUTBOX_AFTER_COMMIT: 150,
        FailPoint.RELAY_BEFORE_PUBLISH: 4,
        FailPoint.RELAY_AFTER_PUBLISH: 4,
        FailPoint.RELAY_AFTER_MARK: 4,
    },
    "sales": {
        FailPoint.CONSUMER_AFTER_FETCH: 4,
        FailPoint.CONSUMER_BEFORE_COMMIT: 4,
        FailPoint.CONSUMER_AFTER_COMMIT: 4,
        FailPoint.CONSUMER_AFTER_ACK: 4,
    },
}
# Seconds until a kill that is planned has happened, and the next life has begun.
LIFE = 60.0


@dataclass
class Outcome:
    """What came of a run."""

    ledger: Ledger
    kills: Counter[str] = field(default_factory=Counter)
    least_in_flight: int = WRITERS
    violations: list[str] = field(default_factory=list)

    @property
    def broken(self) -> set[str]:
        """The names of the promises that were not kept."""
        return {violation.partition(":")[0] for violation in self.violations}


def plan(points: dict[FailPoint, int], rounds: int, chance: random.Random) -> list[str]:
    """Values of `ROTUNDA_FAIL_POINTS`, one a life."""
    kills = [f"{point}=kill@{chance.randint(1, most)}" for point, most in points.items() for _ in range(rounds)]
    chance.shuffle(kills)
    return kills


@contextmanager
def armed(directory: Path, plans: Mapping[str, Sequence[str]], sales: Sequence[str]) -> Iterator[Platform]:
    """A platform whose services die as planned."""
    programs = {"customers": ["-m", "rotunda_customers"], "sales": [*sales]}
    for name in plans:
        programs[name] = [*program("armed.py"), str(directory / name), *programs[name]]
    with running(directory / "platform", **programs) as platform:
        yield platform


async def outcome(platform: Platform, directory: Path, plans: Mapping[str, Sequence[str]]) -> Outcome:
    """Lets many write until all that was planned has happened, and looks what is left when it is quiet again."""
    ended = {name: directory / f"{name}.ended" for name in plans}

    def deaths() -> list[str]:
        return [line for file in ended.values() if file.exists() for line in file.read_text().splitlines()]

    async with Traffic(platform.access, WRITERS, ACCOUNTS) as traffic:
        found = Outcome(traffic.ledger)
        await traffic.accepts()
        for name, kills in plans.items():
            written = directory / f"{name}.written"
            written.write_text("".join(f"{kill}\n" for kill in kills))
            # All of it at once.
            written.rename(directory / name)
        for number in range(1, sum(map(len, plans.values())) + 1):

            async def died(number: int = number) -> bool:
                return len(deaths()) >= number

            await eventually(died, LIFE)
            found.least_in_flight = min(found.least_in_flight, traffic.in_flight)

        async def back() -> bool:
            return not any([await asyncio.to_thread(grpc_problem, platform.ports[name]) for name in plans])

        await eventually(back, LIFE)
        await traffic.accepts()
        await traffic.end()
    found.kills = Counter(line.partition("=")[0] for line in deaths())
    found.violations = await violations(platform, found.ledger)
    print(f"{found.ledger.accepted} writes accepted, {dict(found.kills)}", *found.violations, sep="\n  ")
    return found


class TestAsShipped:
    async def test_at_no_point_is_anything_lost_or_done_twice(self, tmp_path: Path, seed: int, rounds: int) -> None:
        chance = random.Random(seed)
        plans = {name: plan(points, rounds, chance) for name, points in POINTS.items()}
        with armed(tmp_path, plans, program("counting_sales.py")) as platform:
            found = await outcome(platform, tmp_path, plans)
        assert found.kills == {point: rounds for points in POINTS.values() for point in points}
        assert found.least_in_flight >= WRITERS
        assert found.violations == []


class TestSabotage:
    async def test_a_consumer_that_acknowledges_before_it_commits_loses_events(self, tmp_path: Path) -> None:
        plans = {"sales": [f"{FailPoint.CONSUMER_BEFORE_COMMIT}=kill@3"]}
        with armed(tmp_path, plans, program("careless_sales.py")) as platform:
            found = await outcome(platform, tmp_path, plans)
        assert {"taken in", "effective"} <= found.broken
