"""What follows when custom fields come and go: indexes that lists use, and values that go with the last of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from google.protobuf.struct_pb2 import Struct
from sqlalchemy import text

from rotunda.kit.v1 import custom_field_service_pb2 as pb
from rotunda_customers.accounts.model import Account
from rotunda_customers.app import app as customers
from rotunda_kit.custom_fields.catalogue import Catalogue, catalogue_of
from rotunda_kit.custom_fields.model import CustomField
from rotunda_kit.custom_fields.upkeep import LOCK_KEY
from rotunda_kit.db.engine import Database
from rotunda_kit.db.tables import outbox
from rotunda_kit.embedded import Postgres
from rotunda_kit.errors import FailedPrecondition, NotFound, Unavailable
from rotunda_kit.events.republish import restate
from rotunda_kit.filter import compile_filter
from rotunda_kit.listing.page import Page
from rotunda_kit.model import now
from rotunda_kit.resource.publication import publication_of
from rotunda_kit.resource.purge import purge
from rotunda_kit.testing.explain import Explain
from rotunda_kit.testing.platform import TestPlatform, platform_of
from rotunda_kit.testing.servers import nats_server
from rotunda_kit.testing.waiting import eventually

SERVICE = "rotunda.kit.v1.CustomFieldService."
ACCOUNTS = "rotunda.customers.v1.AccountService."
INDEXES = (
    "SELECT count(*) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indisvalid AND relname LIKE :name"
)

Define = Callable[..., Awaitable[Any]]


@pytest.fixture(scope="module")
async def platform(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestPlatform]:
    # A broker of its own: streams are named after services, and others run the same ones.
    with nats_server(tmp_path_factory) as nats:
        directory = tmp_path_factory.mktemp("custom fields")
        async with platform_of(customers, postgres=postgres, nats=nats, directory=directory) as platform:
            yield platform


@pytest.fixture
def database(platform: TestPlatform) -> Database:
    return platform.runtimes["customers"].database


async def _define(platform: TestPlatform, name: str, kind: Any, choices: list[str]) -> Any:
    field = pb.CustomField(
        record_type="customers.account",
        name=name,
        type=kind,
        display_name="A field",
        choices=choices if kind in OF_CHOICES else [],
    )
    return (await platform.call(f"{SERVICE}CreateCustomField", of="customers", custom_field=field)).custom_field


@pytest.fixture
def define(platform: TestPlatform) -> Define:
    """Adds a text to accounts."""

    async def new(name: str) -> Any:
        return await _define(platform, name, pb.CUSTOM_FIELD_TYPE_TEXT, [])

    return new


async def account(platform: TestPlatform, **values: Any) -> Any:
    custom = Struct()
    custom.update(values)
    made = {"display_name": "Somebody", "custom_fields": custom}
    return (await platform.call(f"{ACCOUNTS}CreateAccount", account=made)).account


async def indexes(database: Database, field: Any) -> int:
    async with database.reading() as connection:
        return int(await connection.scalar(text(INDEXES), {"name": f"%{UUID(field.id).hex}"}) or 0)


async def indexed(database: Database, field: Any, count: int) -> None:
    async def is_so() -> bool:
        return await indexes(database, field) == count

    await eventually(is_so)


# Each kind with values of 20,000 accounts, in SQL, and a comparison that few of them meet.
KINDS = {
    pb.CUSTOM_FIELD_TYPE_TEXT: ("to_jsonb('x' || number)", '= "x7"'),
    pb.CUSTOM_FIELD_TYPE_EMAIL: ("to_jsonb(number || '@example.com')", '= "7@example.com"'),
    pb.CUSTOM_FIELD_TYPE_INTEGER: ("to_jsonb(number)", "> 19990"),
    pb.CUSTOM_FIELD_TYPE_DECIMAL: ("to_jsonb(number / 2.0)", "< 4.5"),
    pb.CUSTOM_FIELD_TYPE_BOOLEAN: ("to_jsonb(number = 7)", "= true"),
    pb.CUSTOM_FIELD_TYPE_DATE: ("to_jsonb(date '2000-01-01' + number)", '< "2000-01-10"'),
    pb.CUSTOM_FIELD_TYPE_TIME: (
        (
            "to_jsonb(to_char(timestamp '2000-01-01' + make_interval(hours => number),"
            ' \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\'))'
        ),
        '< "2000-01-01T10:00:00+01:00"',
    ),
    pb.CUSTOM_FIELD_TYPE_CHOICE: ("to_jsonb(CASE number WHEN 7 THEN 'A' ELSE 'B' END)", '= "A"'),
    pb.CUSTOM_FIELD_TYPE_CHOICES: ("jsonb_build_array('B', CASE number WHEN 7 THEN 'A' ELSE 'C' END)", ':"A"'),
}
OF_CHOICES = frozenset({pb.CUSTOM_FIELD_TYPE_CHOICE, pb.CUSTOM_FIELD_TYPE_CHOICES})


@pytest.fixture(scope="module")
async def filled(platform: TestPlatform) -> dict[Any, Any]:
    """Custom fields of all kinds, indexed, and accounts that have them all."""
    fields = {kind: await _define(platform, f"indexed{kind}", kind, ["A", "B", "C"]) for kind in KINDS}
    database = platform.runtimes["customers"].database
    values = ", ".join(f"'{fields[kind].id}', {value}" for kind, (value, _) in KINDS.items())
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            "INSERT INTO account (id, version, create_time, update_time, external_ids, display_name, type, addresses,"
            " phones, emails, custom_fields) SELECT gen_random_uuid(), 1, now(), now(), '[]', 'One of many', 'COMPANY',"
            f" '[]', '[]', '[]', jsonb_build_object({values}) FROM generate_series(1, 20000) AS number"
        )
    for field in fields.values():
        await indexed(database, field, 1)
    async with database.transaction() as session:
        await (await session.connection()).exec_driver_sql("ANALYZE account")
    return fields


@pytest.mark.parametrize("kind", KINDS)
async def test_lists_use_the_index(database: Database, filled: dict[Any, Any], kind: Any) -> None:
    field = filled[kind]
    async with database.reading() as connection:
        await catalogue_of("customers").refresh(connection)
        mapping = publication_of(Account).mapping
        condition = compile_filter(f"customFields.{field.name} {KINDS[kind][1]}", mapping.listed())
        assert condition is not None
        statement = mapping.select().where(condition)
        plan = "\n".join(await connection.scalars(Explain(statement.limit(10))))
        assert f"account_custom_{UUID(field.id).hex}" in plan, plan
        found = (await connection.execute(statement)).all()
    assert 0 < len(found) < 20


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - OF_CHOICES))
async def test_orders_use_the_index(database: Database, filled: dict[Any, Any], kind: Any) -> None:
    field = filled[kind]
    async with database.reading() as connection:
        await catalogue_of("customers").refresh(connection)
        mapping = publication_of(Account).mapping
        page = Page(
            mapping.listed(),
            filter="",
            order_by=f"customFields.{field.name}",
            page_size=10,
            page_token="",
            binding="",
            default_order="id",
        )
        plan = "\n".join(await connection.scalars(Explain(page.apply(mapping.select()))))
    assert f"account_custom_{UUID(field.id).hex}" in plan, plan


async def test_the_index_goes_with_the_field_and_comes_back(
    platform: TestPlatform, database: Database, define: Define
) -> None:
    field = await define("comesBack")
    await indexed(database, field, 1)
    await platform.call(f"{SERVICE}DeleteCustomField", of="customers", id=field.id)
    await indexed(database, field, 0)
    await platform.call(f"{SERVICE}UndeleteCustomField", of="customers", id=field.id)
    await indexed(database, field, 1)


async def test_a_half_made_index_is_made_again(platform: TestPlatform, database: Database, define: Define) -> None:
    field = await define("halfMade")
    await indexed(database, field, 1)
    await account(platform)
    await account(platform)
    name = f"account_custom_{UUID(field.id).hex}"
    connection = await asyncpg.connect(database.url)
    try:
        # In place of the worker, as if it had been killed over it.
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
        await connection.execute(f"DROP INDEX {name}")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON account ((1))")
    finally:
        await connection.close()
    await indexed(database, field, 1)
    async with database.reading() as connection:
        made = await connection.scalar(text("SELECT indexdef FROM pg_indexes WHERE indexname = :name"), {"name": name})
    assert str(field.id) in str(made)


async def test_values_go_when_the_field_is_purged(platform: TestPlatform, database: Database, define: Define) -> None:
    field, other = [await define(f"purged{at}") for at in range(2)]
    alone = await account(platform, purged0="canarysson")
    both = await account(platform, purged0="canarysson", purged1="kept")
    await platform.call(f"{SERVICE}DeleteCustomField", of="customers", id=field.id)
    assert await purge(database, CustomField, now() + timedelta(days=1)) == 1

    async def is_stripped() -> bool:
        async with database.reading() as connection:
            rows = await connection.execute(
                text("SELECT custom_fields FROM account WHERE id IN (:alone, :both) ORDER BY id"),
                {"alone": UUID(alone.id), "both": UUID(both.id)},
            )
            return [row.custom_fields for row in rows] == [None, {other.id: "kept"}]

    await eventually(is_stripped)

    async def is_forgotten() -> bool:
        async with database.reading() as connection:
            left = text("SELECT count(*) FROM custom_field WHERE id = :id")
            return bool(await connection.scalar(left, {"id": UUID(field.id)}) == 0)

    await eventually(is_forgotten)
    with pytest.raises(NotFound):
        await platform.call(f"{SERVICE}UndeleteCustomField", of="customers", id=field.id)


async def test_states_that_are_told_again_have_them(platform: TestPlatform, database: Database, define: Define) -> None:
    await define("toldAgain")
    made = await account(platform, toldAgain="x")
    table: Any = Account.__table__
    async with database.transaction() as session:
        await restate(session, Account, table.c.id == UUID(made.id), fresh=True)
        payloads = (
            await session.scalars(
                outbox.select().with_only_columns(outbox.c.payload).where(outbox.c.aggregate_id == UUID(made.id))
            )
        ).all()
    event = publication_of(Account).event
    assert event is not None
    told: list[Any] = [event.FromString(payload) for payload in payloads]
    assert [dict(each.account.custom_fields) for each in told] == [{"toldAgain": "x"}] * 2


async def test_a_noun_has_so_many_and_no_more(platform: TestPlatform, database: Database, define: Define) -> None:
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO custom_field (id, version, create_time, update_time, external_ids,"
                " record_type, name, type, display_name, required, choices)"
                " SELECT gen_random_uuid(), 1, now(), now(), '[]',"
                " 'customers.contact', 'many' || number, 'TEXT', 'One of many', false, '{}'"
                " FROM generate_series(1, 200) AS number"
            )
        )
    field = pb.CustomField(
        record_type="customers.contact", name="tooMany", type=pb.CUSTOM_FIELD_TYPE_TEXT, display_name="One too many"
    )
    with pytest.raises(FailedPrecondition, match="200"):
        await platform.call(f"{SERVICE}CreateCustomField", of="customers", custom_field=field)


def test_nothing_is_left_out_while_nothing_is_known() -> None:
    with pytest.raises(Unavailable):
        Catalogue().shown({"some id": "some value"})


async def test_other_processes_know_it_at_once(platform: TestPlatform, database: Database) -> None:
    """As they last looked before it was made, and before a record had it."""
    catalogue = catalogue_of("customers")
    field = await _define(platform, "justMade", pb.CUSTOM_FIELD_TYPE_TEXT, [])
    made = await account(platform, justMade="x")
    stale = {key: value for key, value in catalogue._by_key.items() if key != field.id}
    for method, fields in (
        ("GetAccount", {"id": made.id}),
        ("ListAccounts", {"filter": 'customFields.justMade = "x"'}),
        ("ListAccounts", {"filter": f'id = "{made.id}"'}),
    ):
        catalogue._by_key, catalogue._state = stale, ()
        answer = await platform.call(ACCOUNTS + method, **fields)
        shown = answer.account if method == "GetAccount" else answer.accounts[0]
        assert dict(shown.custom_fields) == {"justMade": "x"}
