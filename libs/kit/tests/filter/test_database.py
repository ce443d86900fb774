"""Filters in PostgreSQL, against what they mean, written in Python a second time."""

import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from rotunda_kit.embedded import Postgres
from rotunda_kit.filter import compile_filter
from rotunda_kit.listing.field import ListField
from rotunda_kit.testing.explain import Explain

Row = dict[str, Any]
Predicate = Callable[[Row], bool]
# A piece of a filter, and what it means.
Piece = tuple[str, Predicate]
Fields = Mapping[str, ListField]

# Few values, so that they often meet; with all that quoting, LIKE and escapes could stumble over.
TEXTS = st.text("aAb%_\\*\"' 日\n", max_size=4)
# All that are at most two characters long, of those that mean something to LIKE or to filters.
SHORT_TEXTS = ["".join(characters) for size in (1, 2) for characters in itertools.product("aA%_\\*", repeat=size)]
IDS = st.integers(1, 4).map(lambda number: UUID(int=number))
STATES = st.sampled_from(["OPEN", "WON", "LOST"])
INTEGERS = st.one_of(st.integers(-2, 2), st.integers(-(2**63), 2**63 - 1))
SMALL_INTEGERS = st.one_of(st.integers(-2, 2), st.integers(-(2**31), 2**31 - 1))
FLOATS = st.one_of(st.sampled_from([0.0, 0.1, 0.5, -1e300]), st.floats(allow_nan=False, allow_infinity=False))
# As many digits as the column keeps.
AMOUNTS = st.one_of(
    st.sampled_from([Decimal(0), Decimal("0.1"), Decimal(10000), Decimal("-3.000000001")]),
    st.decimals(-(10**18), 10**18, places=9),
)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-9, minutes=-30))])
TIMES = st.one_of(
    st.sampled_from([datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 1, 31, 0, 0, 0, 1, tzinfo=UTC)]),
    st.builds(datetime.combine, st.dates(date(1, 1, 3), date(9999, 12, 29)), st.times(), ZONES),
)
DATES = st.one_of(st.sampled_from([date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1)]), st.dates())
EMAILS = st.fixed_dictionaries(
    {}, optional={"address": TEXTS, "kind": st.sampled_from(["EMAIL_KIND_WORK", "EMAIL_KIND_HOME"])}
)

ROW = st.fixed_dictionaries(
    {
        "display_name": TEXTS,
        "last_name": st.none() | TEXTS,
        "state": st.none() | STATES,
        "account_id": st.none() | IDS,
        "visits": INTEGERS,
        "rank": st.none() | SMALL_INTEGERS,
        "score": st.none() | FLOATS,
        "amount": st.none() | AMOUNTS,
        "amount_currency": st.none() | st.sampled_from(["EUR", "USD"]),
        "active": st.none() | st.booleans(),
        "create_time": TIMES,
        "close_date": st.none() | DATES,
        "tags": st.lists(TEXTS, max_size=3),
        "skills": st.none() | st.lists(STATES, max_size=2),
        "member_user_ids": st.lists(IDS, max_size=2),
        "emails": st.lists(EMAILS, max_size=2),
    }
)

COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "=": lambda left, right: left == right,
    ":": lambda left, right: left == right,
}
SIZED = ["=", "!=", "<", "<=", ">", ">="]
UNSIZED = ["=", "!=", ":"]


def quoted(draw: st.DrawFn, text: str) -> str:
    quote = draw(st.sampled_from("\"'"))
    return quote + text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("*", "\\*") + quote


def meaning(comparator: str, holds: Predicate) -> Predicate:
    """`!=` is the contrary of `=`, of unset values too."""
    return (lambda row: not holds(row)) if comparator == "!=" else holds


@st.composite
def scalar_comparisons(draw: st.DrawFn) -> Piece:
    column, path, values, comparators = draw(
        st.sampled_from(
            [
                ("visits", "visits", INTEGERS, [*SIZED, ":"]),
                ("rank", "rank", INTEGERS, SIZED),
                ("score", "score", FLOATS, SIZED),
                ("amount", "amount", AMOUNTS, SIZED),
                ("amount_currency", "amount.currencyCode", st.sampled_from(["EUR", "USD"]), ["=", "!="]),
                ("state", "state", STATES, UNSIZED),
                ("account_id", "accountId", IDS, UNSIZED),
                ("active", "active", st.booleans(), UNSIZED),
                ("create_time", "createTime", st.one_of(TIMES, DATES), SIZED),
                ("close_date", "closeDate", DATES, SIZED),
                ("last_name", "lastName", TEXTS, SIZED),
                ("display_name", "display_name", TEXTS, SIZED),
            ]
        )
    )
    value: Any = draw(values)
    comparator = draw(st.sampled_from(comparators))
    if isinstance(value, str):
        written = quoted(draw, value)
    elif isinstance(value, bool):
        written = str(value).lower()
    elif isinstance(value, date):
        written = value.isoformat()
    else:
        written = str(value)
        if draw(st.booleans()):
            written = f'"{written}"'
    if column == "create_time" and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    compared = COMPARED["=" if comparator == "!=" else comparator]
    return f"{path}{comparator}{written}", meaning(
        comparator, lambda row: row[column] is not None and compared(row[column], value)
    )


@st.composite
def text_patterns(draw: st.DrawFn, texts: st.SearchStrategy[str] = TEXTS) -> Piece:
    column = draw(st.sampled_from(["last_name", "display_name"]))
    comparator = draw(st.sampled_from(UNSIZED))
    parts = draw(st.lists(texts, min_size=1 if comparator == ":" else 2, max_size=3))
    if comparator == ":" and parts == ["", ""]:
        parts = ["a"]
    pattern = ".*".join(map(re.escape, parts))
    if comparator == ":":
        pattern = f".*{pattern}.*"
    flags = re.DOTALL | (re.IGNORECASE if comparator == ":" else 0)
    written = "*".join(part.replace("\\", "\\\\").replace('"', '\\"').replace("*", "\\*") for part in parts)
    return f'{column} {comparator} "{written}"', meaning(
        comparator, lambda row: row[column] is not None and re.fullmatch(pattern, row[column], flags) is not None
    )


@st.composite
def list_comparisons(draw: st.DrawFn) -> Piece:
    comparator = draw(st.sampled_from(UNSIZED))
    kind = draw(st.sampled_from(["tags", "skills", "member_user_ids", "address", "kind"]))
    if kind in ("address", "kind"):
        value: Any = draw(TEXTS if kind == "address" else st.sampled_from(["WORK", "HOME"]))
        kept = value if kind == "address" else f"EMAIL_KIND_{value}"
        return f"emails.{kind} {comparator} {quoted(draw, value)}", meaning(
            comparator, lambda row: any(email.get(kind) == kept for email in row["emails"])
        )
    value = draw({"tags": TEXTS, "skills": STATES, "member_user_ids": IDS}[kind])
    return f"{kind} {comparator} {quoted(draw, str(value))}", meaning(
        comparator, lambda row: value in (row[kind] or ())
    )


def is_set(*columns: str) -> Predicate:
    return lambda row: any(row[column] is not None for column in columns)


PRESENCE: Mapping[str, Predicate] = {
    "lastName": is_set("last_name"),
    "displayName": lambda row: row["display_name"] != "",
    "state": is_set("state"),
    "accountId": is_set("account_id"),
    "visits": is_set("visits"),
    "amount": is_set("amount"),
    "closeDate": is_set("close_date"),
    "tags": lambda row: bool(row["tags"]),
    "skills": lambda row: bool(row["skills"]),
    "memberUserIds": lambda row: bool(row["member_user_ids"]),
    "emails": lambda row: bool(row["emails"]),
    "emails.address": lambda row: any("address" in email for email in row["emails"]),
    "regarding": is_set("last_name", "account_id"),
}


@st.composite
def presence(draw: st.DrawFn) -> Piece:
    name = draw(st.sampled_from(sorted(PRESENCE)))
    holds = PRESENCE[name]
    form = draw(st.sampled_from([":*", "!=null", "=null"]))
    return f"{name}{form}", (lambda row: not holds(row)) if form == "=null" else holds


COMPARISONS = st.one_of(scalar_comparisons(), text_patterns(), list_comparisons(), presence())


@st.composite
def joined(draw: st.DrawFn, simple: st.SearchStrategy[Piece]) -> Piece:
    """AIP-160's grammar: sequences of ANDs, of ORs, of negations of simple pieces."""
    filters, all_of = [], []
    for at in range(draw(st.integers(1, 3))):
        terms, any_of = [], []
        for _ in range(draw(st.integers(1, 3))):
            written, holds = draw(simple)
            negation = draw(st.sampled_from(["", "", "NOT ", "-"]))
            terms.append(negation + written)
            any_of.append((lambda row, holds=holds: not holds(row)) if negation else holds)
        filters.append((draw(st.sampled_from([" AND ", " "])) if at else "") + " OR ".join(terms))
        all_of.append(any_of)
    return "".join(filters), lambda row: all(any(holds(row) for holds in any_of) for any_of in all_of)


FILTERS = joined(
    st.one_of(COMPARISONS, joined(COMPARISONS).map(lambda piece: (f"({piece[0]})", piece[1]))),
)


@pytest.fixture(scope="module")
async def engine(postgres: Postgres, deal: Table) -> AsyncIterator[AsyncEngine]:
    url = await postgres.create_database("filters")
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(deal.metadata.create_all)
        await connection.execute(text("CREATE INDEX deal_last_name ON deal (last_name text_pattern_ops)"))
        await connection.execute(text("CREATE INDEX deal_account ON deal (account_id)"))
        await connection.execute(text("CREATE INDEX deal_state ON deal (state)"))
        await connection.execute(text("CREATE INDEX deal_emails ON deal USING gin (emails jsonb_path_ops)"))
        await connection.execute(text("CREATE INDEX deal_tags ON deal USING gin (tags)"))
    yield engine
    await engine.dispose()


async def matching(engine: AsyncEngine, deal: Table, fields: Fields, rows: Iterable[Row], filter_text: str) -> set[int]:
    """The positions of the rows that the filter finds; nothing is left behind."""
    kept = [{"id": UUID(int=at), **row} for at, row in enumerate(rows)]
    condition = compile_filter(filter_text, fields)
    assert condition is not None
    async with engine.connect() as connection:
        if kept:
            await connection.execute(insert(deal), kept)
        return {found.int for found in await connection.scalars(select(deal.c.id).where(condition))}


ALL_UNSET: Row = {
    "display_name": "",
    "last_name": None,
    "state": None,
    "account_id": None,
    "visits": 0,
    "rank": None,
    "score": None,
    "amount": None,
    "amount_currency": None,
    "active": None,
    "create_time": datetime(2026, 1, 31, tzinfo=UTC),
    "close_date": None,
    "tags": [],
    "skills": None,
    "member_user_ids": [],
    "emails": [],
}


class TestFilter:
    @settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(rows=st.lists(ROW, max_size=6), piece=FILTERS)
    async def test_finds_the_rows_that_it_means(
        self, engine: AsyncEngine, deal: Table, fields: Fields, rows: list[Row], piece: Piece
    ) -> None:
        written, holds = piece
        rows = [*rows, ALL_UNSET]

        expected = {at for at, row in enumerate(rows) if holds(row)}

        assert await matching(engine, deal, fields, rows, written) == expected

    @settings(max_examples=100, deadline=None)
    @given(piece=text_patterns(st.sampled_from(["", *SHORT_TEXTS])))
    async def test_takes_no_character_of_a_text_for_a_pattern_but_the_star(
        self, engine: AsyncEngine, deal: Table, fields: Fields, piece: Piece
    ) -> None:
        written, holds = piece
        rows = [ALL_UNSET | {"last_name": text, "display_name": text} for text in SHORT_TEXTS]

        expected = {at for at, row in enumerate(rows) if holds(row)}

        assert await matching(engine, deal, fields, rows, written) == expected

    @pytest.mark.parametrize(
        "written",
        [
            "amount > 1e999",
            "amount < -1e999",
            "amount = 1e-1000",
            f"amount = {'9' * 1000}.{'9' * 1000}",
            "score < 1e999",
            "score != 1e-999",
            "visits > -9223372036854775808",
            "rank < 9223372036854775807",
            "createTime > 0001-01-01",
            "createTime < 9999-12-31T23:59:59.999999Z",
            "closeDate < 9999-12-31",
            "displayName = '\U0010ffff\x01'",
            "NOT (" * 50 + "rank = 1" + ")" * 50,
            " OR ".join(["rank = 1 tags:x"] * 100),
        ],
    )
    async def test_within_its_limits_never_fails(
        self, engine: AsyncEngine, deal: Table, fields: Fields, written: str
    ) -> None:
        await matching(engine, deal, fields, [ALL_UNSET], written)

    async def test_compares_amounts_with_more_digits_than_the_column_keeps(
        self, engine: AsyncEngine, deal: Table, fields: Fields
    ) -> None:
        rows = [ALL_UNSET | {"amount": Decimal("0.1")}]

        assert await matching(engine, deal, fields, rows, "amount = 0.1000000001") == set()
        assert await matching(engine, deal, fields, rows, "amount < 0.1000000001") == {0}
        assert await matching(engine, deal, fields, rows, "amount = 0.10") == {0}

    @pytest.mark.parametrize(
        ("written", "index"),
        [
            ('lastName = "Stein*"', "deal_last_name"),
            ("lastName = Stein", "deal_last_name"),
            ("state = WON", "deal_state"),
            ("accountId = 0198c2e4-7d1a-7e3f-8a55-2b9d4c6f1e07", "deal_account"),
            ("NOT accountId:*", "deal_account"),
            ("emails.address = 'a@b.c'", "deal_emails"),
            ("tags:vip", "deal_tags"),
        ],
    )
    async def test_is_served_by_an_index(
        self, engine: AsyncEngine, deal: Table, fields: Fields, written: str, index: str
    ) -> None:
        condition = compile_filter(written, fields)
        assert condition is not None
        async with engine.connect() as connection:
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
            plan = "\n".join(await connection.scalars(Explain(select(deal.c.id).where(condition))))

        assert index in plan
