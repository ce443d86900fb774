from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import asyncpg

from rotunda_kit.errors import InvalidArgument
from rotunda_kit.listing.field import ListField
from rotunda_kit.listing.page import Page
from rotunda_kit.listing.token import write_token

DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]
ID = UUID("0198c2e4-7d1a-7e3f-8a55-2b9d4c6f1e07")

Fields = Mapping[str, ListField]


def page_of(fields: Fields, **asked: Any) -> Page:
    plain: dict[str, Any] = {
        "filter": "",
        "order_by": "",
        "page_size": 0,
        "page_token": "",
        "binding": "test",
        "default_order": "",
    }
    return Page(fields, **plain | asked)


def sql(visit: Table, fields: Fields, after: list[Any] | None = None, **asked: Any) -> str:
    """What stands behind FROM, on the page behind a row with these values."""
    page = page_of(fields, **asked)
    if after is not None:
        # As `cut` does with the last row of a page.
        _, token = page.cut([tuple(after)] * (page.size + 1))  # type: ignore[list-item]
        page = page_of(fields, **asked | {"page_token": token})
    compiled = page.apply(select(visit.c.note)).compile(dialect=DIALECT, compile_kwargs={"literal_binds": True})
    return " ".join(compiled.string.split("FROM visit ")[1].replace("visit.", "").split())


class TestPage:
    @pytest.mark.parametrize(("asked", "size"), [(0, 50), (1, 1), (1000, 1000), (1001, 1000), (2**31 - 1, 1000)])
    def test_has_a_bounded_size(self, asked: int, size: int, visit: Table, fields: Fields) -> None:
        page = page_of(fields, page_size=asked)

        assert page.size == size
        assert sql(visit, fields, page_size=asked).endswith(f"LIMIT {size + 1}")

    def test_appends_what_it_orders_by_to_the_columns(self, visit: Table, fields: Fields) -> None:
        statement = page_of(fields, order_by="rank").apply(select(visit.c.rank, visit.c.id))

        assert [column.name for column in statement.selected_columns] == ["rank", "id", "page_key_0", "page_key_1"]

    @pytest.mark.parametrize(
        ("order_by", "expected"),
        [
            ("", "ORDER BY id DESC"),
            ("id", "ORDER BY id ASC"),
            ("rank", "ORDER BY rank ASC, id ASC"),
            ("rank desc", "ORDER BY rank DESC, id DESC"),
            ("note", "ORDER BY note ASC, id ASC"),
            ("note desc", "ORDER BY note DESC NULLS LAST, id DESC"),
            ("rank desc, note", "ORDER BY rank DESC, note ASC, id ASC"),
        ],
    )
    def test_puts_the_unset_last(self, order_by: str, expected: str, visit: Table, fields: Fields) -> None:
        assert sql(visit, fields, order_by=order_by, default_order="id desc") == f"{expected} LIMIT 51"

    @pytest.mark.parametrize(
        ("order_by", "after", "expected"),
        [
            ("id", [ID], f"id > '{ID}'"),
            ("id desc", [ID], f"id < '{ID}'"),
            ("rank", [5, ID], f"(rank, id) > (5, '{ID}')"),
            ("rank desc", [5, ID], f"(rank, id) < (5, '{ID}')"),
            ("rank, displayName", [5, "x", ID], f"(rank, display_name, id) > (5, 'x', '{ID}')"),
            ("rank desc, id", [5, ID], f"rank <= 5 AND (rank < 5 OR rank = 5 AND id > '{ID}')"),
            ("note", ["x", ID], f"note > 'x' OR note IS NULL OR note = 'x' AND id > '{ID}'"),
            ("note desc", ["x", ID], f"note < 'x' OR note IS NULL OR note = 'x' AND id < '{ID}'"),
            ("note", [None, ID], f"note IS NULL AND id > '{ID}'"),
        ],
    )
    def test_begins_behind_the_last_row(
        self, order_by: str, after: list[Any], expected: str, visit: Table, fields: Fields
    ) -> None:
        found = sql(visit, fields, after, order_by=order_by)

        assert found.removeprefix("WHERE ").split(" ORDER BY ")[0] == expected

    def test_keeps_to_the_filter(self, visit: Table, fields: Fields) -> None:
        found = sql(visit, fields, [ID], filter="rank > 3 OR done = true")

        assert found.startswith(f"WHERE (rank > 3 OR done = true) AND id > '{ID}' ORDER BY")


class TestCut:
    def test_gives_no_token_on_the_last_page(self, fields: Fields) -> None:
        page = page_of(fields, page_size=2)
        rows: Any = [("a", ID), ("b", ID)]

        kept, token = page.cut(rows)

        assert kept is rows
        assert token == ""

    def test_gives_the_token_of_the_last_row_that_it_keeps(self, fields: Fields) -> None:
        page = page_of(fields, page_size=2)
        first, second, third = (("a", UUID(int=1)), ("b", UUID(int=2)), ("c", UUID(int=3)))

        rows, token = page.cut([first, second, third])  # type: ignore[list-item]

        assert list(rows) == [first, second]
        assert token == page.cut([second, second, third])[1]  # type: ignore[list-item]
        assert token != page.cut([first, first, third])[1]  # type: ignore[list-item]


class TestRefusal:
    @pytest.mark.parametrize(
        ("asked", "field", "reason"),
        [
            ({"page_size": -1}, "page_size", "INVALID_FIELDS"),
            ({"filter": "rank"}, "filter", "INVALID_FILTER"),
            ({"order_by": "rnk"}, "order_by", "INVALID_ORDER_BY"),
            ({"page_token": "x"}, "page_token", "INVALID_PAGE_TOKEN"),
            ({"page_token": write_token("", [ID])}, "page_token", "INVALID_PAGE_TOKEN"),
        ],
    )
    def test_names_the_field(self, asked: dict[str, Any], field: str, reason: str, fields: Fields) -> None:
        with pytest.raises(InvalidArgument) as caught:
            page_of(fields, **asked)

        assert caught.value.reason == reason
        assert [violation.field for violation in caught.value.violations] == [field]

    def test_names_every_wrong_field_at_once(self, fields: Fields) -> None:
        with pytest.raises(InvalidArgument) as caught:
            page_of(fields, page_size=-1, filter="rank", order_by="rnk")

        assert caught.value.reason == "INVALID_FIELDS"
        assert [violation.field for violation in caught.value.violations] == ["page_size", "filter", "order_by"]

    @pytest.mark.parametrize(
        "other", [{"filter": "rank > 3"}, {"order_by": "rank desc"}, {"binding": "other"}, {"order_by": "create_time"}]
    )
    def test_meets_a_token_of_another_query(self, other: dict[str, Any], fields: Fields) -> None:
        _, token = page_of(fields, order_by="rank").cut([(5, ID)] * 51)  # type: ignore[list-item]

        with pytest.raises(InvalidArgument) as caught:
            page_of(fields, **{"order_by": "rank", "page_token": token} | other)

        assert caught.value.reason == "INVALID_PAGE_TOKEN"

    @pytest.mark.parametrize("same", [{"page_size": 7}, {"filter": " "}, {"order_by": "rank asc, id"}])
    def test_does_not_meet_a_token_of_the_same_query_in_other_words(self, same: dict[str, Any], fields: Fields) -> None:
        _, token = page_of(fields, order_by="rank").cut([(5, ID)] * 51)  # type: ignore[list-item]

        page_of(fields, **{"order_by": "rank", "page_token": token} | same)
