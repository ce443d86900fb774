"""The chain of audit entries: made behind them, and broken by whoever changes them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey

from rotunda_customers.app import app as customers
from rotunda_kit.audit.chain import ChainWorker, Signer, link
from rotunda_kit.audit.verification import Verdict, verify
from rotunda_kit.embedded import Postgres
from rotunda_kit.testing.platform import TestPlatform
from rotunda_kit.testing.waiting import eventually

Start = Callable[..., Awaitable[TestPlatform]]


async def write(platform: TestPlatform, count: int) -> None:
    for number in range(count):
        account = {"display_name": "Rotunda", "industry": str(number)}
        await platform.call("rotunda.customers.v1.AccountService.CreateAccount", account=account)


@asynccontextmanager
async def superuser(postgres: Postgres, url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Someone who may do to a database whatever he likes."""
    database = urlsplit(url).path
    connection = await asyncpg.connect(urlsplit(postgres.admin_url)._replace(path=database).geturl())
    try:
        # No trigger stops him.
        await connection.execute("SET session_replication_role = replica")
        yield connection
    finally:
        await connection.close()


class Trail:
    """The audit trail of a customers service, and its chain worker, which chains when told."""

    def __init__(self, platform: TestPlatform, postgres: Postgres) -> None:
        self.platform = platform
        self.url = platform.runtimes["customers"].settings.database_url
        self._postgres = postgres
        self.signer = Signer.from_file(platform.audit_keys_file)

    async def chain(self) -> None:
        connection = await asyncpg.connect(self.url)
        await ChainWorker("customers", self.url, self.signer).chain(connection)
        await connection.close()

    async def tamper(self, sql: str) -> None:
        async with superuser(self._postgres, self.url) as connection:
            await connection.execute(sql)

    async def verdict(self) -> Verdict:
        return await verify(self.url, "customers", self.signer)


@pytest.fixture
async def trail(start: Start, postgres: Postgres) -> Trail:
    """Ten entries that are chained, in batches of five."""
    trail = Trail(await start(customers), postgres)
    for _ in range(2):
        await write(trail.platform, 5)
        await trail.chain()
    return trail


class TestVerify:
    async def test_finds_nothing_wrong_and_counts_the_tail(self, trail: Trail) -> None:
        verdict = await trail.verdict()
        assert (verdict.broken, verdict.chained, verdict.checkpoints, verdict.tail) == ("", 10, 2, 0)
        await write(trail.platform, 3)
        verdict = await trail.verdict()
        assert (verdict.broken, verdict.chained, verdict.tail) == ("", 10, 3)
        assert verdict.tail_since is not None

    @pytest.mark.parametrize(
        ("sql", "broken"),
        [
            ("UPDATE audit_entry SET actor = 'nobody' WHERE seq = 4", "entry 4 ("),
            ("UPDATE audit_entry SET changes = '[]' WHERE seq = 10", "entry 10 ("),
            ("UPDATE audit_entry SET time = time + interval '1 microsecond' WHERE seq = 1", "entry 1 ("),
            ("DELETE FROM audit_entry WHERE seq = 3", "entry 3 is missing"),
            ("DELETE FROM audit_entry WHERE seq > 8", "entries after 8 are missing"),
            ("DELETE FROM audit_entry WHERE seq > 5; DELETE FROM audit_checkpoint WHERE seq > 5", ""),
            ("UPDATE audit_entry SET previous_hash = hash WHERE seq = 6", "entry 6 does not follow"),
            ("UPDATE audit_checkpoint SET hash = sha256('x') WHERE seq = 5", "the checkpoint at 5 has another hash"),
            (
                "UPDATE audit_checkpoint SET signature = 'x.y.z' WHERE seq = 5",
                "the signature of the checkpoint at 5 is wrong",
            ),
            ("UPDATE audit_checkpoint SET signature = 'x' WHERE seq = 10", "the signature of the checkpoint at 10"),
            ("DELETE FROM audit_checkpoint WHERE seq = 10", "no checkpoint stands at the last entry, 10"),
            ("INSERT INTO audit_checkpoint VALUES (7, 'x', now(), 'x')", "the checkpoint at 7 has another hash"),
        ],
    )
    async def test_names_the_first_break(self, trail: Trail, sql: str, broken: str) -> None:
        await trail.tamper(sql)
        verdict = await trail.verdict()
        assert verdict.broken.startswith(broken)
        assert bool(verdict.broken) == bool(broken)

    async def test_a_part_is_looked_at_from_the_checkpoint_before_it_on(self, trail: Trail) -> None:
        await trail.tamper("UPDATE audit_entry SET actor = 'nobody' WHERE seq = 4")
        later = await verify(trail.url, "customers", trail.signer, from_seq=6)
        assert (later.broken, later.chained) == ("", 10)
        assert (await verify(trail.url, "customers", trail.signer, from_seq=5)).broken.startswith("entry 4 (")
        await trail.tamper("UPDATE audit_checkpoint SET signature = 'x' WHERE seq = 5")
        later = await verify(trail.url, "customers", trail.signer, from_seq=6)
        assert later.broken == "the signature of the checkpoint at 5 is wrong"

    async def test_an_end_that_was_cut_off_shows_by_what_was_noted_elsewhere(self, trail: Trail) -> None:
        noted = await trail.verdict()
        await trail.tamper("DELETE FROM audit_entry WHERE seq > 5; DELETE FROM audit_checkpoint WHERE seq > 5")
        assert (await trail.verdict()).chained < noted.chained
        await write(trail.platform, 5)
        await trail.chain()
        again = await trail.verdict()
        assert (again.broken, again.chained) == ("", noted.chained)
        assert again.hash != noted.hash

    async def test_two_entries_that_change_places_are_found(self, trail: Trail) -> None:
        await trail.tamper("UPDATE audit_entry SET seq = -seq WHERE seq IN (2, 3)")
        await trail.tamper("UPDATE audit_entry SET seq = CASE seq WHEN -2 THEN 3 ELSE 2 END WHERE seq < 0")
        assert (await trail.verdict()).broken.startswith("entry 2 does not follow")

    async def test_a_chain_that_is_made_anew_lacks_the_signature(self, trail: Trail) -> None:
        forger = Signer.from_file(trail.platform.audit_keys_file)
        kid = next(iter(forger._public))
        forger._private = OKPKey.generate_key("Ed25519", parameters={"kid": str(kid)})
        await trail.tamper("UPDATE audit_entry SET actor = 'nobody' WHERE seq = 1")
        await trail.tamper("UPDATE audit_entry SET seq = NULL; DELETE FROM audit_checkpoint")
        connection = await asyncpg.connect(trail.url)
        await ChainWorker("customers", trail.url, forger).chain(connection)
        await connection.close()
        assert (await trail.verdict()).broken == "the signature of the checkpoint at 10 is wrong"

    async def test_a_former_key_still_counts(self, trail: Trail) -> None:
        former = trail.signer
        new = OKPKey.generate_key("Ed25519", parameters={"kid": "new"})
        trail.signer = Signer(new, [new, *former._public.values()])
        await write(trail.platform, 1)
        await trail.chain()
        assert (await trail.verdict()).broken == ""
        assert (await verify(trail.url, "customers", former)).broken.startswith("the signature of the checkpoint at 11")

    async def test_erasing_salts_breaks_nothing(self, trail: Trail) -> None:
        connection = await asyncpg.connect(trail.url)
        assert await connection.execute("UPDATE audit_entry SET salt = NULL") == "UPDATE 10"
        await connection.close()
        assert (await trail.verdict()).broken == ""

    @pytest.mark.parametrize("sql", ["UPDATE audit_entry SET actor = 'x' WHERE seq = 1", "DELETE FROM audit_entry"])
    async def test_the_service_itself_can_not_change_an_entry(self, trail: Trail, sql: str) -> None:
        connection = await asyncpg.connect(trail.url)
        with pytest.raises(asyncpg.RaiseError):
            await connection.execute(sql)
        await connection.close()


class TestWorker:
    async def test_chains_what_is_written_meanwhile(
        self, postgres: Postgres, start: Start, platform: TestPlatform
    ) -> None:
        own = await start(customers)
        trail = Trail(own, postgres)
        workers = [asyncio.create_task(ChainWorker("customers", trail.url, trail.signer).run()) for _ in range(3)]
        try:
            await asyncio.gather(*(write(own, 1) for _ in range(300)))

            async def whole() -> bool:
                verdict = await trail.verdict()
                assert not verdict.broken
                return verdict.chained == 300 and verdict.tail == 0

            await eventually(whole)
        finally:
            for worker in workers:
                worker.cancel()

    @pytest.mark.parametrize("statement", range(1, 7))
    async def test_one_that_dies_before_any_of_its_statements_leaves_a_chain_to_go_on_with(
        self, trail: Trail, statement: int
    ) -> None:
        await write(trail.platform, 3)
        connection = await asyncpg.connect(trail.url)
        passed = 0

        class Dying:
            def __getattr__(self, name: str) -> Any:
                nonlocal passed
                passed += 1
                if passed == statement:
                    connection.terminate()
                return getattr(connection, name)

        dead: Any = Dying()
        try:
            await ChainWorker("customers", trail.url, trail.signer).chain(dead)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            assert passed == statement
        else:
            assert passed < statement
        connection.terminate()
        assert not (await trail.verdict()).broken
        await trail.chain()
        verdict = await trail.verdict()
        assert (verdict.broken, verdict.chained, verdict.tail) == ("", 13, 0)


class TestLink:
    entry = st.fixed_dictionaries(
        {
            name: st.text(max_size=8)
            for name in (
                *("entry_id", "time", "noun", "record_id", "action", "method", "actor", "on_behalf_of"),
                *("session", "request_id", "trace_id", "changes"),
            )
        }
        | {"record_version": st.none() | st.integers(1, 99)}
    )

    @given(entry, entry)
    def test_entries_that_differ_have_different_hashes(self, one: dict[str, Any], other: dict[str, Any]) -> None:
        assert (link(b"", one) == link(b"", other)) == (one == other)
