"""The audit trail: written with what it tells of, and listed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import Row, text

from rotunda.kit.v1 import audit_entry_service_pb2
from rotunda_gateway.access.app import app as access
from rotunda_kit.audit.changes import digest
from rotunda_kit.db.engine import Database
from rotunda_kit.errors import RotundaError
from rotunda_kit.identity import ADMINISTRATOR, Principal
from rotunda_kit.model import new_id
from rotunda_kit.testing.platform import TestPlatform
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
