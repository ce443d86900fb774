"""Copies of others' records: the newest version wins, in whatever order and however often events come."""

from collections.abc import AsyncIterator, Iterable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import LargeBinary, Row, delete, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from rotunda.customers.events.v1 import account_event_pb2
from rotunda.customers.v1 import account_service_pb2
from rotunda_kit.db.engine import Database
from rotunda_kit.embedded import Postgres
from rotunda_kit.events.envelope import Event
from rotunda_kit.events.references import Reference, copy_of
from rotunda_kit.model import ModelBase, new_id, now, own_metadata


class Base(ModelBase, DeclarativeBase):
    metadata = own_metadata()


class AccountReference(Reference, Base):
    __noun__ = "customers.account"

    display_name: Mapped[str]
    parent_account_id: Mapped[UUID | None]
    founded_year: Mapped[int | None]
    snapshot: Mapped[bytes] = mapped_column(LargeBinary)


copy = copy_of(AccountReference, account_event_pb2.AccountEvent)


@pytest.fixture(scope="module")
async def copies(postgres: Postgres) -> AsyncIterator[Database]:
    database = Database(await postgres.create_database("copies"), 4)
    async with database.transaction() as session:
        await (await session.connection()).run_sync(Base.metadata.create_all)
    yield database
    await database.close()


def account(account_id: UUID, version: int) -> account_service_pb2.Account:
    return account_service_pb2.Account(id=str(account_id), display_name=f"Name {version}", etag=str(version))


def event(account_id: UUID, version: int, verb: str = "updated") -> Event:
    payload = account_event_pb2.AccountEvent(account=account(account_id, version))
    return Event(
        id=new_id(),
        noun="customers.account",
        verb=verb,
        aggregate_id=account_id,
        aggregate_version=version,
        time=now(),
        actor="test",
        traceparent="",
        payload=payload.SerializeToString(),
    )


async def hear(copies: Database, events: Iterable[Event]) -> None:
    async with copies.transaction() as session:
        await copy.reaction().handle(list(events), session)


async def kept(copies: Database, account_id: UUID) -> Row[Any, Any, Any] | None:
    table = copy.table
    async with copies.reading() as connection:
        statement = select(table.c.display_name, table.c.version, table.c.deleted).where(table.c.id == account_id)
        return (await connection.execute(statement)).one_or_none()


class TestEvents:
    async def test_the_columns_are_the_fields_of_the_record(self, copies: Database) -> None:
        account_id, parent_id = new_id(), new_id()
        shown = account(account_id, 1)
        shown.parent_account_id = str(parent_id)
        payload = account_event_pb2.AccountEvent(account=shown).SerializeToString()
        told = event(account_id, 1)
        await hear(copies, [Event(**{name: getattr(told, name) for name in Event.__slots__} | {"payload": payload})])
        async with copies.reading() as connection:
            row = (await connection.execute(select(copy.table).where(copy.table.c.id == account_id))).one()
        assert (row.display_name, row.parent_account_id, row.founded_year) == ("Name 1", parent_id, None)
        assert account_service_pb2.Account.FromString(row.snapshot) == shown

    async def test_an_older_version_never_overwrites_a_newer_one(self, copies: Database) -> None:
        account_id = new_id()
        await hear(copies, [event(account_id, 5)])
        await hear(copies, [event(account_id, 4)])
        assert await kept(copies, account_id) == ("Name 5", 5, False)

    async def test_a_deleted_record_stays_so_when_older_news_come_late(self, copies: Database) -> None:
        account_id = new_id()
        await hear(copies, [event(account_id, 3, "deleted")])
        await hear(copies, [event(account_id, 1, "created"), event(account_id, 2)])
        assert await kept(copies, account_id) == ("Name 3", 3, True)

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    async def test_any_order_with_gaps_and_repetitions_ends_at_the_newest(
        self, copies: Database, data: st.DataObject
    ) -> None:
        ids = [new_id(), new_id()]
        told = data.draw(st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(1, 6)), min_size=1, max_size=12))
        deleted = data.draw(st.booleans())
        events = [
            event(ids[which], version, "deleted" if deleted and version == 6 else "updated") for which, version in told
        ]
        while events:
            size = data.draw(st.integers(1, len(events)))
            await hear(copies, events[:size])
            events = events[size:]
        for which, account_id in enumerate(ids):
            versions = [version for number, version in told if number == which]
            row = await kept(copies, account_id)
            if versions:
                newest = max(versions)
                assert row == (f"Name {newest}", newest, deleted and newest == 6)
            else:
                assert row is None
        async with copies.transaction() as session:
            await session.execute(delete(copy.table))


class TestDeclaration:
    def test_the_owner_is_asked_by_its_standard_get_method(self) -> None:
        assert copy.get.full_name == "rotunda.customers.v1.AccountService.GetAccount"

    def test_a_copy_hears_every_verb_of_its_noun(self) -> None:
        reaction = copy.reaction()
        assert reaction.wants(event(new_id(), 1, "merged"))
        assert reaction.noun == "customers.account"
