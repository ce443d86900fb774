"""Copies that were lost or broken are mended: by telling again, and by comparing them with what they are copies of."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from rotunda_customers.accounts.model import Account
from rotunda_customers.app import app as customers
from rotunda_kit.embedded import Postgres
from rotunda_kit.events.broker import connect
from rotunda_kit.events.commands import moment
from rotunda_kit.events.reconcile import Finding, Reconciler
from rotunda_kit.events.republish import republish_all, republish_since, told_nouns
from rotunda_kit.testing.platform import TestPlatform, platform_of
from rotunda_kit.testing.servers import nats_server
from rotunda_kit.testing.waiting import eventually
from rotunda_sales.app import app as sales

SERVICE = "rotunda.customers.v1.AccountService"
AN_HOUR_AGO = timedelta(hours=1)


class World:
    """Customers and sales at work, with accounts of which some were changed and one was deleted."""

    def __init__(self, platform: TestPlatform) -> None:
        self.platform = platform
        self.owner = platform.runtimes["customers"].database
        self.copier = platform.runtimes["sales"].database

    async def populate(self) -> None:
        accounts = [(await self.call("Create", account={"display_name": f"Account {n}"})).account for n in range(12)]
        for account in accounts[:5]:
            await self.call("Update", account={"id": account.id, "display_name": f"{account.display_name} renamed"})
        await self.call("Delete", id=accounts[11].id)
        await eventually(self.living_equal, 30)

    async def call(self, verb: str, **fields: Any) -> Any:
        return await self.platform.call(f"{SERVICE}.{verb}Account", **fields)

    async def source(self) -> set[tuple[UUID, int, bool]]:
        async with self.owner.reading() as connection:
            rows = await connection.execute(text("SELECT id, version, delete_time IS NOT NULL FROM account"))
            return {(row[0], row[1], row[2]) for row in rows}

    async def copies(self) -> set[tuple[UUID, int, bool]]:
        async with self.copier.reading() as connection:
            rows = await connection.execute(text("SELECT id, version, deleted FROM account_reference"))
            return {(row[0], row[1], row[2]) for row in rows}

    async def equal(self) -> bool:
        return await self.source() == await self.copies()

    async def living_equal(self) -> bool:
        """As `equal`, but for copies that are not there of records that are not there any more."""
        source, copies = await self.source(), await self.copies()
        return copies <= source and {row for row in source if not row[2]} <= copies

    async def in_sales(self, statement: str) -> None:
        async with self.copier.transaction() as session:
            await session.execute(text(statement))

    async def restate(self) -> int:
        told = 0
        async for told, _ in republish_all(self.owner, Account):  # noqa: B007 - looked at in the end
            pass
        return told

    async def taken_in(self) -> bool:
        """Whether sales has heard every state that was ever told again."""
        async with self.owner.reading() as connection:
            told = set(await connection.scalars(text("SELECT event_id FROM outbox WHERE verb = 'restated'")))
        async with self.copier.reading() as connection:
            return told <= set(await connection.scalars(text("SELECT event_id FROM inbox")))

    async def quiet(self) -> bool:
        async with self.owner.reading() as connection:
            return not await connection.scalar(text("SELECT count(*) FROM outbox WHERE sent_time IS NULL"))


@pytest.fixture(scope="module")
async def platform(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestPlatform]:
    # A broker of its own: streams are named after services, and others run the same ones.
    with nats_server(tmp_path_factory) as nats:
        directory = tmp_path_factory.mktemp("republish")
        async with platform_of(customers, sales, postgres=postgres, nats=nats, directory=directory) as platform:
            yield platform


@pytest.fixture
async def world(platform: TestPlatform) -> World:
    world = World(platform)
    await world.populate()
    return world


async def found(world: World) -> dict[str, Finding]:
    """What comparing the copies in sales finds."""
    broker = await connect(world.platform.nats.url, "test")
    try:
        of_customers = [copy for copy in sales.copies if copy.noun.startswith("customers.")]
        compared = Reconciler(of_customers, world.copier, broker, 0)
        return {finding.noun: finding async for finding in compared.compare()}
    finally:
        await broker.close()


class TestAll:
    async def test_a_projection_that_lost_everything_is_rebuilt(self, world: World) -> None:
        await world.in_sales("TRUNCATE account_reference, inbox")
        assert await world.restate() == len(await world.source())
        await eventually(world.equal)

    async def test_told_a_second_time_it_has_no_second_effect(self, world: World) -> None:
        await world.restate()
        await eventually(world.taken_in)
        await world.in_sales("TRUNCATE account_reference")
        await world.restate()
        (account,) = [(await world.call("Create", account={"display_name": "Last"})).account]

        async def last_came() -> bool:
            return any(str(record_id) == account.id for record_id, _, _ in await world.copies())

        await eventually(last_came)
        assert len(await world.copies()) == 1
        # Comparing finds what the inbox takes for known.
        await found(world)
        await eventually(world.living_equal)

    async def test_it_goes_on_where_it_was_interrupted(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotunda_kit.events.republish.BATCH", 5)
        expected = len(await world.source())
        begun = republish_all(world.owner, Account)
        told, reached = await anext(begun)
        await begun.aclose()  # type: ignore[attr-defined] # it is a generator
        rest = 0
        async for rest, _ in republish_all(world.owner, Account, reached):  # noqa: B007 - looked at in the end
            pass
        assert (told, rest) == (5, expected - 5)

    def test_only_nouns_that_others_hear_of_are_told(self) -> None:
        assert [model.__noun__ for model in told_nouns("customers")] == [
            "customers.account",
            "customers.activity",
            "customers.contact",
            "customers.erp_facts",
        ]


class TestSince:
    async def test_what_was_sent_is_sent_again_with_its_ids_and_mends_what_missed_it(self, world: World) -> None:
        await world.in_sales("TRUNCATE account_reference, inbox")
        async with world.owner.reading() as connection:
            sent = await connection.scalar(text("SELECT count(*) FROM outbox WHERE sent_time IS NOT NULL"))
        # The broker would take them for what it has.
        jetstream = (await connect(world.platform.nats.url, "test")).jetstream()
        await jetstream.delete_stream("CUSTOMERS")
        told = 0
        async for told, _ in republish_since(world.owner, datetime.now(UTC) - AN_HOUR_AGO):  # noqa: B007 - see below
            pass
        assert told == sent
        await eventually(world.equal, 30)
        await jetstream._nc.close()

    async def test_what_was_sent_before_is_left_alone(self, world: World) -> None:
        await eventually(world.quiet)
        assert [told async for told in republish_since(world.owner, datetime.now(UTC) + AN_HOUR_AGO)] == []

    @pytest.mark.parametrize(("written", "ago"), [("90s", 90), ("2h", 7200), ("3d", 259200)])
    def test_a_moment_is_written_as_so_long_ago(self, written: str, ago: int) -> None:
        assert abs(datetime.now(UTC) - timedelta(seconds=ago) - moment(written)) < timedelta(seconds=5)

    @pytest.mark.parametrize("written", ["soon", "2", "2026-01-01T00:00:00", "h"])
    def test_what_is_no_moment_is_refused(self, written: str) -> None:
        with pytest.raises(ValueError, match=r"isoformat|zone"):
            moment(written)


class TestReconcile:
    async def test_copies_that_agree_are_left_alone(self, world: World) -> None:
        finding = (await found(world))["customers.account"]
        assert (finding.compared, finding.missing, finding.old, finding.told) == (len(await world.source()), 0, 0, 0)

    async def test_missing_and_old_ones_are_told_again(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotunda_kit.events.reconcile.PAGE", 7)
        await world.in_sales(
            "DELETE FROM account_reference"
            " WHERE id IN (SELECT id FROM account_reference WHERE NOT deleted ORDER BY id LIMIT 3)"
        )
        await world.in_sales(
            "UPDATE account_reference SET version = version - 1"
            " WHERE id IN (SELECT id FROM account_reference WHERE NOT deleted ORDER BY id DESC LIMIT 2)"
        )
        finding = (await found(world))["customers.account"]
        assert (finding.missing, finding.old, finding.told) == (3, 2, 5)
        await eventually(world.living_equal)

    async def test_a_copy_that_never_heard_of_a_deletion_hears_of_it(self, world: World) -> None:
        await world.in_sales("UPDATE account_reference SET version = version - 1, deleted = false WHERE deleted")
        assert (await found(world))["customers.account"].old > 0
        await eventually(world.living_equal)
