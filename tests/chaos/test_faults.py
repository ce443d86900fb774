"""Faults while many write: processes killed and stopped, servers restarted, a full disk, no connections, slow rows.

A run tells its seed; with it the same faults come in the same order. `ROTUNDA_CHAOS_MINUTES` plays rounds for so long.
And proof that broken promises would be noticed: each is broken by hand at the end.
"""

import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import httpx
import psutil
import pytest

from rotunda_kit.events.broker import connect
from rotunda_kit.model import new_id
from rotunda_kit.testing.waiting import eventually
from rotunda_local.platform import Platform

from .faults import FULL, OF_PROGRAMS, OF_SERVERS
from .invariants import violations
from .rounds import Round, play
from .traffic import TIMEOUT, Ledger
from .world import BACK, World, running

SEED_VARIABLE = "ROTUNDA_CHAOS_SEED"
MINUTES_VARIABLE = "ROTUNDA_CHAOS_MINUTES"
# Seconds that a broken promise is looked for.
BRIEF = 0.5


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running(tmp_path_factory.mktemp("faults")) as platform:
        yield platform


@pytest.fixture(scope="module")
def world(platform: Platform) -> World:
    return World(platform)


@pytest.fixture(scope="module")
async def client(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as the administrator."""
    access = platform.access
    async with httpx.AsyncClient(base_url=platform.url, timeout=TIMEOUT, trust_env=False) as client:
        form = {"username": access.username, "password": access.password}
        answer = (await client.post("/v1/auth/token", data=form)).raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


@pytest.fixture(scope="module")
async def rounds(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> list[Round]:
    seed = int(os.environ.get(SEED_VARIABLE) or random.randrange(10**9))
    end = time.monotonic() + 60 * float(os.environ.get(MINUTES_VARIABLE) or 0)
    print(f"\n{SEED_VARIABLE}={seed}")
    played = [await play(platform, seed)]
    while time.monotonic() < end:
        with running(tmp_path_factory.mktemp("faults")) as another:
            played.append(await play(another, seed + len(played)))
    print(f"{len(played)} rounds", *played, sep="\n")
    return played


class TestNoConnections:
    async def test_are_answered_at_once_and_forgotten_when_there_are_some(
        self, world: World, client: httpx.AsyncClient
    ) -> None:
        async with world.database() as connection:
            await connection.execute("ALTER ROLE customers CONNECTION LIMIT 0")
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'customers'"
            )
            try:
                read = await client.get("/v1/accounts")
                written = await client.post("/v1/accounts", json={"displayName": "Without connections"})
            finally:
                await connection.execute("ALTER ROLE customers CONNECTION LIMIT -1")
        # Not 504: nobody waits for what will not come.
        assert [(answer.status_code, answer.json()["reason"]) for answer in (read, written)] == [
            (503, "DATABASE_UNAVAILABLE")
        ] * 2

        async def accepted() -> bool:
            return (await client.post("/v1/accounts", json={"displayName": "With connections"})).is_success

        await eventually(accepted, BACK)


class TestLockedRow:
    async def test_is_not_waited_for_longer_than_the_caller_would(
        self, world: World, client: httpx.AsyncClient
    ) -> None:
        created = (await client.post("/v1/accounts", json={"displayName": "Before"})).json()
        path, key = f"/v1/accounts/{created['id']}", {"Idempotency-Key": new_id().hex}
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(world.database("customers"))
            await stack.enter_async_context(connection.transaction())
            await connection.execute("SELECT FROM account WHERE id = $1 FOR UPDATE", created["id"])
            late = await client.patch(path, json={"displayName": "After"}, headers=key)
        assert late.status_code == 504, late.text
        # Nothing is half done.
        assert (await client.get(path)).json() == created
        done, again = [await client.patch(path, json={"displayName": "After"}, headers=key) for _ in range(2)]
        assert done.json()["displayName"] == "After"
        assert int(done.json()["etag"]) == int(created["etag"]) + 1
        assert again.json() == done.json()


class TestFullDiskOfNats:
    async def test_lets_writes_pass_and_their_events_wait(self, world: World, client: httpx.AsyncClient) -> None:
        await world.limit_store(FULL)
        try:
            for number in range(5):
                answer = await client.post("/v1/accounts", json={"displayName": f"On a full disk {number}"})
                assert answer.status_code == 201, answer.text
            assert await world.unsent() >= 5
        finally:
            await world.limit_store(None)
        await eventually(lambda: _none_unsent(world), BACK)


async def _none_unsent(world: World) -> bool:
    return await world.unsent() == 0


class TestFaults:
    def test_every_fault_was_done(self, rounds: list[Round]) -> None:
        for one in rounds:
            assert sorted(one.faults) == sorted(fault.__name__ for fault in (*OF_PROGRAMS, *OF_SERVERS))

    def test_requests_broke_off_and_others_were_accepted(self, rounds: list[Round]) -> None:
        assert all(one.unanswered and one.ledger.contacts and one.ledger.renames.total() for one in rounds)

    def test_nothing_is_lost_and_nothing_is_done_twice(self, rounds: list[Round]) -> None:
        assert [str(one) for one in rounds if one.violations] == []


@dataclass(frozen=True)
class Sabotage:
    """A statement in a database that breaks promises."""

    promises: frozenset[str]
    database: str
    statement: str


def breaking(promises: str, database: str, statement: str) -> Sabotage:
    return Sabotage(frozenset(promises.split(", ")), database, statement)


ONE_OF_ACCOUNTS = "(SELECT event_id FROM event_effect WHERE effects = 1 LIMIT 1)"
# Each breaks promises that those before it left whole.
SABOTAGES = [
    breaking("copied", "sales", "UPDATE account_reference SET version = version - 1"),
    breaking("renamed once", "customers", "UPDATE account SET version = version + 1"),
    breaking("kept", "customers", "DELETE FROM contact WHERE id = (SELECT min(id::text)::uuid FROM contact)"),
    breaking(
        "written once",
        "customers",
        "UPDATE contact SET email = (SELECT min(email) FROM contact) WHERE email = (SELECT max(email) FROM contact)",
    ),
    breaking("effective once", "sales", f"UPDATE event_effect SET effects = 2 WHERE event_id = {ONE_OF_ACCOUNTS}"),
    breaking("effective", "sales", f"DELETE FROM event_effect WHERE event_id = {ONE_OF_ACCOUNTS}"),
    breaking("taken in", "sales", f"DELETE FROM inbox WHERE event_id = {ONE_OF_ACCOUNTS}"),
    breaking(
        "published, true",
        "customers",
        "UPDATE outbox SET event_id = gen_random_uuid() WHERE noun = 'customers.contact'",
    ),
    breaking(
        "alive",
        "sales",
        "INSERT INTO dead_letter (consumer, event_id, subject, headers, payload, error)"
        " VALUES ('', '', '', '{}', '', '')",
    ),
    breaking("sent, quiet", "customers", "UPDATE outbox SET sent_time = NULL WHERE id = (SELECT max(id) FROM outbox)"),
]


@pytest.fixture(scope="class")
async def standing(platform: Platform) -> AsyncIterator[None]:
    """No process mends what is broken by hand."""
    processes = [psutil.Process(platform.pid(program.name)) for program in platform.suite.programs]
    for process in processes:
        process.suspend()
    yield
    for process in processes:
        process.resume()


async def _broken(platform: Platform, ledger: Ledger) -> set[str]:
    return {violation.partition(":")[0] for violation in await violations(platform, ledger, BRIEF)}


@pytest.mark.usefixtures("standing")
class TestSabotage:
    """That the checks of a round find what they look for; they are done on the platform of the first."""

    @pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: ", ".join(sabotage.promises))
    async def test_a_broken_promise_is_noticed(
        self, sabotage: Sabotage, rounds: list[Round], world: World, platform: Platform
    ) -> None:
        ledger = rounds[0].ledger
        before = await _broken(platform, ledger)
        async with world.database(sabotage.database) as connection:
            await connection.execute(sabotage.statement)
        assert sabotage.promises <= await _broken(platform, ledger) - before

    async def test_a_refused_write_is_noticed(self, rounds: list[Round], platform: Platform) -> None:
        refused = replace(rounds[0].ledger, refusals=["POST /v1/contacts: 500 INTERNAL"])
        assert "answer" in await _broken(platform, refused) - await _broken(platform, rounds[0].ledger)

    async def test_events_that_never_happened_and_in_a_wrong_order_are_noticed(
        self, rounds: list[Round], platform: Platform
    ) -> None:
        before = await _broken(platform, rounds[0].ledger)
        broker = await connect(platform.nats.url, "liar")
        record = str(new_id())
        for version in (2, 1):
            headers = {
                "ce-id": str(new_id()),
                "ce-type": "customers.account.updated",
                "ce-subject": record,
                "ce-aggregateversion": str(version),
            }
            await broker.jetstream().publish(f"crm.customers.account.renamed.v1.{record}", b"", headers=headers)
        await broker.close()
        assert "ordered" in await _broken(platform, rounds[0].ledger) - before
