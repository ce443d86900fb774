"""Pages in PostgreSQL: together they are the whole list, in order, each row once."""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cmp_to_key
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from rotunda_kit.embedded import Postgres
from rotunda_kit.listing.field import ListField
from rotunda_kit.listing.page import Page

Row = dict[str, Any]
Fields = Mapping[str, ListField]

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
# Few values, so that rows are often alike; close to each other, so that inexact tokens would skip or repeat some.
VALUES: dict[str, Sequence[Any]] = {
    "display_name": ["", "a", "A", "a b", "日本", "\U0010ffff", "'\"\\%_"],
    "note": [None, "", "a", "ab"],
    "state": [None, "OPEN", "WON"],
    "rank": [0, 1, -1, 2**63 - 1, -(2**63)],
    "owner_id": [None, UUID(int=1), UUID(int=2**127)],
    "amount": [None, Decimal(0), Decimal("0.000000001"), Decimal("-9999999999999999999.999999999")],
    "score": [None, 0.0, 0.1, 0.1 + 0.2, 0.3, 5e-324, -1.7976931348623157e308],
    "done": [None, True, False],
    "create_time": [
        NOON,
        NOON + timedelta(microseconds=1),
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ],
    "due_date": [None, date(2026, 1, 31), date(9999, 12, 31)],
}
ROW = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})
TERM = st.tuples(st.sampled_from([*VALUES, "id"]), st.booleans())


@pytest.fixture(scope="module")
async def engine(postgres: Postgres, visit: Table) -> AsyncIterator[AsyncEngine]:
    url = await postgres.create_database("pages")
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(visit.metadata.create_all)
        await connection.execute(text("CREATE INDEX visit_rank ON visit (rank, id)"))
        await connection.execute(text("CREATE INDEX visit_note ON visit (note, id)"))
    yield engine
    await engine.dispose()


def with_ids(rows: list[Row]) -> list[Row]:
    """Ids that do not sort as the rows were made."""
    return [{"id": UUID(int=at * 7 % 101 + 1), **row} for at, row in enumerate(rows)]


def in_order(rows: list[Row], terms: Sequence[tuple[str, bool]]) -> list[UUID]:
    """The ids in the order of the terms, each a column and whether it descends, the unset last."""
    terms = [*terms, ("id", terms[-1][1])]

    def compare(left: Row, right: Row) -> int:
        for column, descending in terms:
            one, other = left[column], right[column]
            if one == other:
                continue
            if one is None or other is None:
                return 1 if one is None else -1
            return (1 if one > other else -1) * (-1 if descending else 1)
        return 0

    return [row["id"] for row in sorted(rows, key=cmp_to_key(compare))]


def page_of(fields: Fields, order_by: str, size: int, token: str, filter_text: str = "") -> Page:
    return Page(
        fields,
        filter=filter_text,
        order_by=order_by,
        page_size=size,
        page_token=token,
        binding="test",
        default_order="id",
    )


async def all_pages(
    connection: AsyncConnection, visit: Table, fields: Fields, order_by: str, size: int, filter_text: str = ""
) -> list[list[UUID]]:
    pages: list[list[UUID]] = []
    token = ""
    while token or not pages:
        page = page_of(fields, order_by, size, token, filter_text)
        rows, token = page.cut((await connection.execute(page.apply(select(visit.c.id)))).all())
        pages.append([row[0] for row in rows])
        assert len(pages) < 100
    return pages


class TestPages:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        rows=st.lists(ROW, max_size=12).map(with_ids),
        terms=st.lists(TERM, min_size=1, max_size=4, unique_by=lambda term: term[0]),
        size=st.integers(1, 4),
    )
    async def test_hold_every_row_once_and_in_order(
        self,
        engine: AsyncEngine,
        visit: Table,
        fields: Fields,
        rows: list[Row],
        terms: list[tuple[str, bool]],
        size: int,
    ) -> None:
        order_by = ", ".join(f"{name}{' desc' if descending else ''}" for name, descending in terms)
        async with engine.connect() as connection:
            if rows:
                await connection.execute(insert(visit), rows)
            pages = await all_pages(connection, visit, fields, order_by, size)

        assert list(itertools.chain(*pages)) == in_order(rows, terms)
        assert all(len(page) == size for page in pages[:-1])
        assert len(pages) == max(1, -(-len(rows) // size))

    @pytest.mark.parametrize("directions", list(itertools.product(["", " desc"], repeat=3)))
    @pytest.mark.parametrize("columns", [("rank", "create_time"), ("note", "rank"), ("rank", "note"), ("note", "done")])
    async def test_hold_every_row_once_in_every_combination_of_directions(
        self,
        engine: AsyncEngine,
        visit: Table,
        fields: Fields,
        columns: tuple[str, str],
        directions: tuple[str, str, str],
    ) -> None:
        """Every combination of the values of two columns, twice."""
        plain: Row = {name: values[0] for name, values in VALUES.items()}
        combinations = itertools.product(*(VALUES[column] for column in columns))
        rows = with_ids([plain | dict(zip(columns, values, strict=True)) for values in combinations] * 2)
        names = [*columns, "id"]
        order_by = ", ".join(name + direction for name, direction in zip(names, directions, strict=True))

        async with engine.connect() as connection:
            await connection.execute(insert(visit), rows)
            pages = await all_pages(connection, visit, fields, order_by, 3)

        terms = [(name, bool(direction)) for name, direction in zip(names, directions, strict=True)]
        assert list(itertools.chain(*pages)) == in_order(rows, terms)

    async def test_hold_only_what_the_filter_finds(self, engine: AsyncEngine, visit: Table, fields: Fields) -> None:
        plain: Row = {name: values[0] for name, values in VALUES.items()}
        rows = with_ids([plain | {"rank": number, "done": [None, True, False][number % 3]} for number in range(20)])

        async with engine.connect() as connection:
            await connection.execute(insert(visit), rows)
            pages = await all_pages(connection, visit, fields, "rank desc", 4, "rank < 15 AND done != true")

        expected = [row for row in rows if row["rank"] < 15 and row["done"] is not True]
        assert list(itertools.chain(*pages)) == in_order(expected, [("rank", True)])

    async def test_skip_and_repeat_nothing_while_rows_come_and_go(
        self, engine: AsyncEngine, visit: Table, fields: Fields
    ) -> None:
        plain: Row = {name: values[0] for name, values in VALUES.items()}
        rows = [{"id": UUID(int=number), **plain, "rank": number} for number in range(10, 20)]
        async with engine.connect() as connection:
            await connection.execute(insert(visit), rows)
            first = page_of(fields, "rank", 5, "")
            seen, token = first.cut((await connection.execute(first.apply(select(visit.c.rank)))).all())
            await connection.execute(insert(visit), [{"id": UUID(int=1), **plain, "rank": 1}])
            await connection.execute(visit.delete().where(visit.c.rank == 14))
            second = page_of(fields, "rank", 5, token)
            rest, _ = second.cut((await connection.execute(second.apply(select(visit.c.rank)))).all())

        assert [row[0] for row in (*seen, *rest)] == list(range(10, 20))

    @pytest.mark.parametrize(
        ("order_by", "index"),
        [
            ("rank", "visit_rank"),
            ("rank desc", "visit_rank"),
            ("note", "visit_note"),
            ("id", "visit_pkey"),
            ("id desc", "visit_pkey"),
        ],
    )
    async def test_are_read_from_an_index_without_sorting(
        self, engine: AsyncEngine, visit: Table, fields: Fields, order_by: str, index: str
    ) -> None:
        plain: Row = {name: values[-1] for name, values in VALUES.items()}
        async with engine.connect() as connection:
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
            await connection.execute(insert(visit), with_ids([plain] * 5))
            first = page_of(fields, order_by, 2, "")
            _, token = first.cut((await connection.execute(first.apply(select(visit.c.id)))).all())
            second = page_of(fields, order_by, 2, token).apply(select(visit.c.display_name))
            written = second.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})
            plan = "\n".join((await connection.exec_driver_sql(f"EXPLAIN {written}")).scalars())

        assert index in plan
        assert "Sort" not in plan
        if order_by != "note":
            assert "Index Cond" in plan
