"""The audit trail: written with what it tells of, chained behind it, and broken by whoever changes it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey
from sqlalchemy import Row, text

from rotunda.kit.v1 import audit_entry_service_pb2
from rotunda_customers.app import app as customers
from rotunda_gateway.access.app import app as access
from rotunda_kit.audit.chain import ChainWorker, Signer, link
from rotunda_kit.audit.changes import digest
from rotunda_kit.audit.verification import Verdict, verify
from rotunda_kit.db.engine import Database
from rotunda_kit.embedded import PostgresServer
from rotunda_kit.errors import RotundaError
from rotunda_kit.identity import ADMINISTRATOR, Principal
from rotunda_kit.model import new_id
from rotunda_kit.testing.platform import TestPlatform
from rotunda_kit.testing.waiting import eventually
from rotunda_sync.app import app as sync

ACCOUNTS = "rotunda.customers.v1.AccountService."

Start = Callable[..., Awaitable[TestPlatform]]


@pytest.fixture
def database(platform: TestPlatform) -> Database:
    return platform.runtimes["customers"].database


async def entries_about(database: Database, record_id: str) -> Sequence[Row[Any]]:
    async with database.reading() as connection:
        statement = text("SELECT * FROM audit_entry WHERE record_id = :id ORDER BY id")
        return (await connection.execute(statement, {"id": UUID(record_id)})).all()


def told(entry: Row[Any]) -> dict[str, dict[str, Any]]:
    """The changes of an entry by their fields."""
    return {change["field"]: change for change in entry.changes}


async def create(platform: TestPlatform, **fields: Any) -> Any:
    answer = await platform.call(f"{ACCOUNTS}CreateAccount", account={"display_name": "Rotunda", **fields})
    return answer.account


class TestEntry:
    async def test_tells_of_a_new_record(self, platform: TestPlatform, database: Database) -> None:
        money = {"currency_code": "EUR", "units": 12, "nanos": 500_000_000}
        answer = await platform.call(
            f"{ACCOUNTS}CreateAccount",
            account={"display_name": "Rotunda", "industry": "software", "annual_revenue": money},
            request_id="twelve",
        )
        (entry,) = await entries_about(database, answer.account.id)
        assert (entry.action, entry.noun, entry.record_version) == ("created", "customers.account", 1)
        assert (entry.actor, entry.on_behalf_of, entry.session) == (platform.subject, "", "test")
        assert (entry.method, entry.request_id) == (f"{ACCOUNTS}CreateAccount", "twelve")
        assert len(entry.trace_id) == 32
        changes = told(entry)
        assert changes["industry"] == {"field": "industry", "after": "software"}
        assert changes["annualRevenue"]["after"] == "12.5"
        assert changes["annualRevenue.currency"]["after"] == "EUR"
        assert changes["type"]["after"] == "COMPANY"
        assert "foundedYear" not in changes

    async def test_tells_what_differs_before_and_after(self, platform: TestPlatform, database: Database) -> None:
        account = await create(platform, industry="software", founded_year=1999)
        await platform.call(
            f"{ACCOUNTS}UpdateAccount",
            account={"id": account.id, "industry": "machines", "founded_year": 1999},
        )
        _, entry = await entries_about(database, account.id)
        assert (entry.action, entry.record_version) == ("updated", 2)
        assert entry.changes == [{"field": "industry", "before": "software", "after": "machines"}]

    async def test_tells_of_what_was_not_set_before_and_of_what_is_cleared(
        self, platform: TestPlatform, database: Database
    ) -> None:
        account = await create(platform, founded_year=1999)
        await platform.call(
            f"{ACCOUNTS}UpdateAccount",
            account={"id": account.id, "industry": "machines"},
            update_mask={"paths": ["industry", "founded_year"]},
        )
        _, entry = await entries_about(database, account.id)
        assert told(entry) == {
            "industry": {"field": "industry", "after": "machines"},
            "foundedYear": {"field": "foundedYear", "before": 1999},
        }

    async def test_a_personal_value_is_a_digest_that_its_salt_makes_checkable(
        self, platform: TestPlatform, database: Database
    ) -> None:
        account = await create(platform, display_name="Ada Lovelace", emails=[{"address": "ada@example.com"}])
        (entry,) = await entries_about(database, account.id)
        assert "Lovelace" not in str(entry.changes)
        assert "ada@" not in str(entry.changes)
        assert told(entry)["displayName"]["after"] == {"digest": digest("Ada Lovelace", entry.salt)}
        other = await create(platform, display_name="Ada Lovelace")
        (another,) = await entries_about(database, other.id)
        assert told(another)["displayName"]["after"] != told(entry)["displayName"]["after"]

    async def test_a_secret_only_changes(self, platform: TestPlatform) -> None:
        user = {"username": new_id().hex, "display_name": "Ada", "password": "correct horse battery"}
        answer = await platform.call("rotunda.access.v1.UserService.CreateUser", user=user)
        (entry,) = await entries_about(platform.runtimes["access"].database, answer.user.id)
        assert told(entry)["passwordHash"] == {"field": "passwordHash"}
        assert "argon2" not in str(entry.changes)

    async def test_says_on_whose_behalf(self, platform: TestPlatform, database: Database) -> None:
        subject, actor = str(new_id()), str(new_id())
        principal = Principal(subject, "session", frozenset({ADMINISTRATOR}), actor=actor)
        token = platform.issuer.mint_internal(principal)
        answer = await platform.call(f"{ACCOUNTS}CreateAccount", token, account={"display_name": "Rotunda"})
        (entry,) = await entries_about(database, answer.account.id)
        assert (entry.actor, entry.on_behalf_of) == (actor, subject)

    async def test_nothing_is_told_of_what_changes_nothing(self, platform: TestPlatform, database: Database) -> None:
        account = await create(platform, industry="software")
        await platform.call(f"{ACCOUNTS}UpdateAccount", account={"id": account.id, "industry": "software"})
        assert len(await entries_about(database, account.id)) == 1

    async def test_nothing_is_told_of_what_fails(self, platform: TestPlatform, database: Database) -> None:
        account = await create(platform)
        with pytest.raises(RotundaError):
            await platform.call(f"{ACCOUNTS}UpdateAccount", account={"id": account.id, "parent_account_id": account.id})
        assert len(await entries_about(database, account.id)) == 1

    async def test_in_a_batch_only_those_that_succeed_are_told_of(
        self, platform: TestPlatform, database: Database
    ) -> None:
        name = new_id().hex
        external = [{"system": "erp", "id": name}]
        requests = [
            {"account": {"display_name": "One", "external_ids": external}},
            {"account": {"display_name": "Two", "external_ids": external}},
            {"account": {"display_name": "Three"}},
        ]
        answer = await platform.call(f"{ACCOUNTS}BatchCreateAccounts", requests=requests)
        made = [result.account.id for result in answer.results if result.account.id]
        assert len(made) == 2
        for record_id in made:
            assert [entry.action for entry in await entries_about(database, record_id)] == ["created"]

    async def test_it_survives_the_record(self, platform: TestPlatform, database: Database) -> None:
        account = await create(platform)
        await platform.call(f"{ACCOUNTS}DeleteAccount", id=account.id)
        assert [entry.action for entry in await entries_about(database, account.id)] == ["created", "deleted"]

    async def test_two_hundred_at_once_have_one_each(self, platform: TestPlatform, database: Database) -> None:
        made = await asyncio.gather(*(create(platform) for _ in range(200)))
        for account in made:
            assert len(await entries_about(database, account.id)) == 1


async def asked(platform: TestPlatform, name: str, **fields: Any) -> Any:
    """The customers service's answer to a method of the contract."""
    method = audit_entry_service_pb2.DESCRIPTOR.services_by_name["AuditEntryService"].methods_by_name[name]
    request = GetMessageClass(method.input_type)(**fields)
    return await platform.clients.call(method, request, token=platform.token(), service="customers")


class TestList:
    async def test_filters_and_shows(self, platform: TestPlatform) -> None:
        account = await create(platform, industry="software")
        await platform.call(f"{ACCOUNTS}UpdateAccount", account={"id": account.id, "industry": "machines"})
        wanted = f'record.id = "{account.id}" AND changes.field:"industry" AND action = updated'
        (entry,) = (await asked(platform, "ListAuditEntries", filter=wanted)).audit_entries
        assert (entry.service, entry.actor_id, entry.record.type) == (
            "customers",
            platform.subject,
            "customers.account",
        )
        (change,) = entry.changes
        assert (change.field, change.before, change.after) == ("industry", '"software"', '"machines"')
        got = await asked(platform, "GetAuditEntry", id=entry.id)
        assert got.audit_entry == entry

    async def test_goes_through_the_pages_newest_first(self, platform: TestPlatform) -> None:
        account = await create(platform, industry="0")
        for number in range(1, 6):
            await platform.call(f"{ACCOUNTS}UpdateAccount", account={"id": account.id, "industry": str(number)})
        seen, token = [], ""
        while True:
            filter_ = f'record.id = "{account.id}"'
            page = await asked(platform, "ListAuditEntries", filter=filter_, page_size=2, page_token=token)
            seen += [entry.record_etag for entry in page.audit_entries]
            token = page.next_page_token
            if not token:
                break
        assert seen == ["6", "5", "4", "3", "2", "1"]


@asynccontextmanager
async def superuser(postgres: PostgresServer, url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
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

    def __init__(self, platform: TestPlatform, postgres: PostgresServer) -> None:
        self.platform = platform
        self.url = platform.runtimes["customers"].settings.database_url
        self._postgres = postgres
        self.signer = Signer.from_file(platform.audit_keys_file)

    async def write(self, count: int) -> None:
        for number in range(count):
            await create(self.platform, industry=str(number))

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
async def trail(start: Start, postgres: PostgresServer) -> Trail:
    """Ten entries that are chained, in batches of five."""
    trail = Trail(await start(customers), postgres)
    for _ in range(2):
        await trail.write(5)
        await trail.chain()
    return trail


class TestVerify:
    async def test_finds_nothing_wrong_and_counts_the_tail(self, trail: Trail) -> None:
        verdict = await trail.verdict()
        assert (verdict.broken, verdict.chained, verdict.checkpoints, verdict.tail) == ("", 10, 2, 0)
        await trail.write(3)
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
        await trail.write(5)
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
        await trail.write(1)
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
        self, postgres: PostgresServer, start: Start, platform: TestPlatform
    ) -> None:
        own = await start(customers)
        trail = Trail(own, postgres)
        workers = [asyncio.create_task(ChainWorker("customers", trail.url, trail.signer).run()) for _ in range(3)]
        try:
            await asyncio.gather(*(create(own) for _ in range(300)))

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
        await trail.write(3)
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


class TestReads:
    async def test_who_reads_the_source_of_a_mail_is_told_of(self, start: Start) -> None:
        platform = await start(access, sync)
        answer = await platform.call(
            "rotunda.sync.v1.MailboxService.CreateMailbox", mailbox={"email": "office@example.com"}
        )
        message = {
            "mailbox_id": answer.mailbox.id,
            "source": "From: ada@example.com\r\nTo: office@example.com\r\nSubject: Inquiry\r\n\r\nHow much?",
        }
        kept = (await platform.call("rotunda.sync.v1.MessageService.CreateMessage", message=message)).message
        database = platform.runtimes["sync"].database
        reader = str(new_id())
        token = platform.token(subject=reader)
        await platform.call("rotunda.sync.v1.MessageService.GetMessage", token, id=kept.id)
        assert [entry.action for entry in await entries_about(database, kept.id)] == ["created"]
        await platform.call("rotunda.sync.v1.MessageService.GetMessageSource", token, id=kept.id)
        _, entry = await entries_about(database, kept.id)
        assert (entry.action, entry.actor, entry.noun) == ("read", reader, "sync.message")
        assert entry.changes == [{"field": "source"}]
