"""What one command writes: all of it, or nothing."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, text

from rotunda.customers.events.v1 import account_event_pb2
from rotunda_customers.accounts.model import Account
from rotunda_kit.db.engine import Database
from rotunda_kit.db.unit_of_work import unit_of_work
from rotunda_kit.errors import InvalidArgument
from rotunda_kit.model import new_id
from rotunda_kit.testing.platform import TestPlatform

ACCOUNTS = "rotunda.customers.v1.AccountService."


class CrashError(Exception):
    """A crash of the code of a command."""


@pytest.fixture
def database(platform: TestPlatform) -> Database:
    return platform.runtimes["customers"].database


async def rows(database: Database, sql: str, **parameters: Any) -> Sequence[Row[Any]]:
    async with database.reading() as connection:
        return (await connection.execute(text(sql), parameters)).all()


async def events_about(database: Database, record_id: str | UUID) -> list[tuple[str, int, str]]:
    """Verb, version and name in the payload of every event about an account, in the outbox's order."""
    found = await rows(
        database,
        "SELECT verb, aggregate_version, payload FROM outbox WHERE aggregate_id = :id ORDER BY id",
        id=str(record_id),
    )
    payloads = [account_event_pb2.AccountEvent.FromString(row.payload) for row in found]
    return [
        (row.verb, row.aggregate_version, event.account.display_name)
        for row, event in zip(found, payloads, strict=True)
    ]


async def create(platform: TestPlatform, name: str = "Rotunda") -> Any:
    answer = await platform.call(f"{ACCOUNTS}CreateAccount", account={"display_name": name})
    return answer.account


class TestCommit:
    async def test_record_event_and_answer_are_of_one_transaction(
        self, platform: TestPlatform, database: Database
    ) -> None:
        answer = await platform.call(
            f"{ACCOUNTS}CreateAccount",
            account={"display_name": "One", "external_ids": [{"system": "erp", "id": str(new_id())}]},
            request_id=str(new_id()),
        )
        transactions = await rows(
            database,
            "SELECT xmin::text FROM account WHERE id = :id"
            " UNION ALL SELECT xmin::text FROM outbox WHERE aggregate_id = :id"
            " UNION ALL SELECT xmin::text FROM external_id WHERE resource_id = :id"
            " UNION ALL SELECT idempotency.xmin::text FROM idempotency"
            " JOIN account ON account.xmin = idempotency.xmin WHERE id = :id",
            id=answer.account.id,
        )
        assert len(transactions) == 4
        assert len(set(transactions)) == 1

    async def test_an_event_shows_the_record_as_it_is_after_the_change(
        self, platform: TestPlatform, database: Database
    ) -> None:
        account = await create(platform, "Before")
        await platform.call(f"{ACCOUNTS}UpdateAccount", account={"id": account.id, "display_name": "After"})
        await platform.call(f"{ACCOUNTS}DeleteAccount", id=account.id)
        assert await events_about(database, account.id) == [
            ("created", 1, "Before"),
            ("updated", 2, "After"),
            ("deleted", 3, "After"),
        ]

    async def test_an_update_that_changes_nothing_tells_nothing(
        self, platform: TestPlatform, database: Database
    ) -> None:
        account = await create(platform, "Same")
        answer = await platform.call(f"{ACCOUNTS}UpdateAccount", account={"id": account.id, "display_name": "Same"})
        assert answer.account == account
        assert [verb for verb, *_ in await events_about(database, account.id)] == ["created"]

    async def test_a_record_that_is_changed_after_its_first_flush_is_told_as_created_too(
        self, database: Database
    ) -> None:
        account = Account(display_name="New")
        async with unit_of_work(database, "test") as work:
            work.session.add(account)
            await work.flush()
            account.change({"display_name": "Newer"})
        assert await events_about(database, account.id) == [("created", 2, "Newer"), ("updated", 2, "Newer")]


class TestRollback:
    async def test_a_command_that_fails_after_its_events_were_written_leaves_nothing(self, database: Database) -> None:
        account = Account(display_name="Lost", external_ids=[{"system": "erp", "id": str(new_id())}])

        async def crash() -> None:
            async with unit_of_work(database, "test") as work:
                work.session.add(account)
                await work.write_events()
                assert await work.session.scalar(text("SELECT count(*) FROM outbox WHERE actor = 'test'"))
                raise CrashError

        with pytest.raises(CrashError):
            await crash()
        left = await rows(
            database,
            "SELECT id FROM account WHERE id = :id UNION ALL SELECT aggregate_id FROM outbox WHERE aggregate_id = :id"
            " UNION ALL SELECT resource_id FROM external_id WHERE resource_id = :id",
            id=str(account.id),
        )
        assert not left

    async def test_a_record_whose_event_can_not_be_written_is_not_written(self, database: Database) -> None:
        account = Account(display_name="Untold")
        account.record("created", nobody_knows_this_field=1)
        with pytest.raises(KeyError):
            async with unit_of_work(database, "test") as work:
                work.session.add(account)
        assert not await rows(database, "SELECT id FROM account WHERE id = :id", id=str(account.id))

    async def test_a_record_that_breaks_a_rule_of_its_own_is_not_written(self, database: Database) -> None:
        account = Account(display_name="Firm", first_name="Ada")
        with pytest.raises(InvalidArgument):
            async with unit_of_work(database, "test") as work:
                work.session.add(account)
        assert not await events_about(database, account.id)


class TestSavepoint:
    async def test_what_failed_inside_leaves_neither_records_nor_events(self, database: Database) -> None:
        kept, lost = Account(display_name="Kept"), Account(display_name="Lost")
        async with unit_of_work(database, "test") as work:
            work.session.add(kept)
            with suppress(CrashError):
                async with work.savepoint():
                    work.session.add(lost)
                    lost.record("created")
                    await work.flush()
                    raise CrashError
        assert await events_about(database, kept.id) == [("created", 1, "Kept")]
        assert not await events_about(database, lost.id)
        assert not await rows(database, "SELECT id FROM account WHERE id = :id", id=str(lost.id))

    async def test_a_record_goes_back_to_what_it_was_before(self, database: Database) -> None:
        account = Account(display_name="Before")
        async with unit_of_work(database, "test") as work:
            work.session.add(account)
            with suppress(CrashError):
                async with work.savepoint():
                    account.change({"display_name": "Inside"})
                    raise CrashError
        assert await events_about(database, account.id) == [("created", 1, "Before")]

    async def test_what_had_happened_before_is_told_and_what_failed_inside_is_not(self, database: Database) -> None:
        account = Account(display_name="Before")
        async with unit_of_work(database, "test") as work:
            work.session.add(account)
            account.record("noticed")
            with suppress(CrashError):
                async with work.savepoint():
                    account.record("forgotten")
                    raise CrashError
        assert await events_about(database, account.id) == [("created", 1, "Before"), ("noticed", 1, "Before")]

    async def test_what_succeeded_inside_is_told_once(self, database: Database) -> None:
        account = Account(display_name="Before")
        async with unit_of_work(database, "test") as work:
            async with work.savepoint():
                work.session.add(account)
            async with work.savepoint():
                account.change({"display_name": "After"})
        assert await events_about(database, account.id) == [("created", 2, "After"), ("updated", 2, "After")]
