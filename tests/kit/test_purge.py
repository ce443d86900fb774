"""What has been in the recycle bin for long enough is emptied, here and wherever it was told."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Column, Enum, insert, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from rotunda_customers.accounts.model import Account
from rotunda_customers.app import app as customers
from rotunda_customers.contacts.model import Contact
from rotunda_kit.db.engine import Database
from rotunda_kit.embedded import Postgres
from rotunda_kit.errors import NotFound
from rotunda_kit.model import Resource, new_id, now
from rotunda_kit.resource.purge import BATCH, purge
from rotunda_kit.testing.platform import TestPlatform, platform_of
from rotunda_kit.testing.servers import nats_server
from rotunda_kit.testing.waiting import eventually
from rotunda_sales.app import app as sales

from .services import SERVICES, service_of

SERVICE = "rotunda.customers.v1."
KEEP = timedelta(days=30)
SECRET = "Canarysson"


class Bin:
    """Customers with sales behind it, and what is in the recycle bin."""

    def __init__(self, platform: TestPlatform) -> None:
        self.platform = platform
        self.database = platform.runtimes["customers"].database
        self.copier = platform.runtimes["sales"].database

    async def call(self, method: str, **fields: Any) -> Any:
        return await self.platform.call(f"{SERVICE}{method}", **fields)

    async def deleted(self, days: float, **fields: Any) -> str:
        """The id of an account that was deleted so many days ago."""
        account = (await self.call("AccountService.CreateAccount", account={"display_name": SECRET} | fields)).account
        await self.call("AccountService.DeleteAccount", id=account.id)
        await self.age(account.id, days)
        return str(account.id)

    async def age(self, account_id: str, days: float) -> None:
        async with self.database.transaction() as session:
            await session.execute(
                text("UPDATE account SET delete_time = delete_time - make_interval(days => :days) WHERE id = :id"),
                {"days": days, "id": UUID(account_id)},
            )

    async def purge(self, model: type[Resource] = Account) -> int:
        return await purge(self.database, model, now() - KEEP)

    async def row(self, account_id: str) -> dict[str, Any]:
        async with self.database.reading() as connection:
            found = await connection.execute(text("SELECT * FROM account WHERE id = :id"), {"id": UUID(account_id)})
            return dict(found.mappings().one())

    async def copied_name(self, account_id: str) -> str | None:
        async with self.copier.reading() as connection:
            name: str | None = await connection.scalar(
                text("SELECT display_name FROM account_reference WHERE id = :id"), {"id": UUID(account_id)}
            )
            return name


@pytest.fixture(scope="module")
async def platform(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestPlatform]:
    # A broker of its own: streams are named after services, and others run the same ones.
    with nats_server(tmp_path_factory) as nats:
        directory = tmp_path_factory.mktemp("purge")
        async with platform_of(customers, sales, postgres=postgres, nats=nats, directory=directory) as platform:
            yield platform


@pytest.fixture
def bin_(platform: TestPlatform) -> Bin:
    return Bin(platform)


async def test_a_record_that_is_old_enough_is_emptied(bin_: Bin) -> None:
    fields = {
        "description": SECRET,
        "emails": [{"address": "ada@example.com"}],
        "external_ids": [{"system": "erp", "id": "purged"}],
    }
    account_id = await bin_.deleted(31, **fields)
    before = await bin_.row(account_id)
    assert await bin_.purge() == 1
    after = await bin_.row(account_id)
    assert after["version"] == before["version"] + 1
    assert after["purge_time"] is not None
    kept = {"id", "create_time", "delete_time", "type", "account_number"}
    changed = {"version", "update_time", "purge_time"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert not {name: value for name, value in after.items() if name not in kept | changed and value}


async def test_what_is_younger_or_lives_stays(bin_: Bin) -> None:
    young = await bin_.deleted(29)
    living = (await bin_.call("AccountService.CreateAccount", account={"display_name": SECRET})).account.id
    assert await bin_.purge() == 0
    assert (await bin_.row(young))["display_name"] == SECRET
    assert (await bin_.row(living))["display_name"] == SECRET


async def test_what_is_purged_is_gone_for_ever(bin_: Bin) -> None:
    account_id = await bin_.deleted(31)
    await bin_.purge()
    assert await bin_.purge() == 0
    for method, more in (("Undelete", {}), ("Get", {"show_deleted": True})):
        with pytest.raises(NotFound, match="no such account"):
            await bin_.call(f"AccountService.{method}Account", id=account_id, **more)
    shown = await bin_.call("AccountService.ListAccounts", filter=f'id = "{account_id}"', show_deleted=True)
    assert not shown.accounts


async def test_copies_of_it_are_emptied_too(bin_: Bin) -> None:
    account_id = await bin_.deleted(31)

    async def is_copied() -> bool:
        return await bin_.copied_name(account_id) == SECRET

    async def is_emptied() -> bool:
        return await bin_.copied_name(account_id) == ""

    await eventually(is_copied, 20)
    await bin_.purge()
    await eventually(is_emptied, 20)


async def test_the_audit_trail_tells_of_it(bin_: Bin) -> None:
    account_id = await bin_.deleted(31)
    await bin_.purge()
    async with bin_.database.reading() as connection:
        told = await connection.scalars(
            text("SELECT action FROM audit_entry WHERE record_id = :id ORDER BY id"), {"id": UUID(account_id)}
        )
        assert told.all() == ["created", "deleted", "purged"]


async def test_who_brings_it_back_meanwhile_keeps_it(bin_: Bin) -> None:
    """A purge leaves alone what somebody has locked, and an undelete that comes first wins."""
    ids = [await bin_.deleted(31) for _ in range(20)]

    async def undelete(account_id: str) -> bool:
        try:
            await bin_.call("AccountService.UndeleteAccount", id=account_id)
        except NotFound:
            return False
        return True

    *back, _ = await asyncio.gather(*map(undelete, ids), bin_.purge())
    await bin_.purge()
    for account_id, is_back in zip(ids, back, strict=True):
        row = await bin_.row(account_id)
        assert (row["delete_time"] is None, row["display_name"]) == (is_back, SECRET if is_back else "")


async def test_many_are_purged_in_small_transactions(bin_: Bin) -> None:
    count = BATCH + 3
    async with bin_.database.transaction() as session:
        session.add_all(
            Contact(last_name=f"{SECRET} {n}", delete_time=now() - timedelta(days=31)) for n in range(count)
        )
    assert await bin_.purge(Contact) == count
    async with bin_.database.reading() as connection:
        found = await connection.execute(text("SELECT count(*), count(DISTINCT xmin::text) FROM contact"))
        assert tuple(found.one()) == (count, 2)
        assert not await connection.scalar(text("SELECT count(*) FROM contact WHERE last_name <> ''"))


def filled(column: Column[Any], number: int) -> Any:
    """A value of a column's type that tells something, where a value of that type can."""
    if isinstance(column.type, Enum):
        return next(iter(column.type.enum_class or ()))
    if isinstance(column.type, JSONB):
        return [{"id": SECRET}]
    if isinstance(column.type, ARRAY):
        return [SECRET] if column.type.item_type.python_type is str else [new_id()]
    values = {
        str: f"{SECRET} {number}",
        bytes: f"{SECRET} {number}".encode(),
        UUID: new_id(),
        bool: True,
        datetime: now() - timedelta(days=31),
        date: now().date(),
    }
    return values.get(column.type.python_type, number)


@pytest.mark.parametrize("name", SERVICES)
async def test_of_no_noun_a_text_stays(name: str, postgres: Postgres) -> None:
    service = service_of(name)
    url = await postgres.create_database(f"{name}_{new_id().hex[-8:]}")
    await service.migrate(url)
    database = Database(url, 2)
    try:
        for model in service.models:
            table: Any = model.__table__  # type: ignore[attr-defined] # every concrete mapped class has one
            columns = [c for c in table.columns if c.computed is None and c.name != "purge_time"]
            async with database.transaction() as session:
                # What the records refer to matters nothing here.
                for constraint in table.foreign_key_constraints:
                    await session.execute(text(f'ALTER TABLE "{table.name}" DROP CONSTRAINT {constraint.name}'))
                for number in (1, 2):
                    await session.execute(insert(table).values({c.name: filled(c, number) for c in columns}))
            assert await purge(database, model, now() - KEEP) == 2
            async with database.reading() as connection:
                rows = (await connection.execute(text(f'SELECT * FROM "{table.name}"'))).mappings().all()
            # The numbers of a noun, for people, are given once.
            once = {column.name for column in columns if column.unique}
            for row in rows:
                assert SECRET not in repr({field: value for field, value in row.items() if field not in once}), model
    finally:
        await database.close()
