from collections.abc import Mapping

import pytest

from rotunda_kit.errors import InvalidArgument
from rotunda_kit.listing.field import ListField
from rotunda_kit.listing.order import parse_order

Fields = Mapping[str, ListField]


def order(text: str, fields: Fields) -> list[tuple[str, bool]]:
    """The paths, and whether each descends."""
    return [(term.field.path, term.descending) for term in parse_order(text, fields)]


class TestOrder:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("rank", [("rank", False), ("id", False)]),
            ("rank desc", [("rank", True), ("id", True)]),
            ("rank asc", [("rank", False), ("id", False)]),
            (" rank  DESC ,createTime", [("rank", True), ("create_time", False), ("id", False)]),
            ("display_name, create_time desc", [("display_name", False), ("create_time", True), ("id", True)]),
            ("line1", [("line_1", False), ("id", False)]),
        ],
    )
    def test_ends_with_the_id_in_the_direction_of_the_last_field(
        self, text: str, expected: list[tuple[str, bool]], fields: Fields
    ) -> None:
        assert order(text, fields) == expected

    @pytest.mark.parametrize("text", ["", " "])
    def test_is_by_id_where_nothing_is_said(self, text: str, fields: Fields) -> None:
        assert order(text, fields) == [("id", False)]

    def test_ignores_what_follows_the_id(self, fields: Fields) -> None:
        assert order("rank, id desc, note", fields) == [("rank", False), ("id", True)]

    def test_takes_five_fields(self, fields: Fields) -> None:
        assert len(order("rank, note, state, done, score", fields)) == 6

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("rnk", 'there is no field "rnk"; did you mean "rank"?'),
            ("displayNam desc", 'did you mean "displayName"?'),
            ("tags", "can't order by tags, which is a list of texts"),
            ("rank, note, rank desc", "names rank twice"),
            ("createTime, create_time", "names createTime twice"),
            ("rank, note, state, done, score, amount", "has more than 5 fields"),
            ("rank down", 'found "rank down"'),
            ("rank,,note", "found nothing between two commas"),
            ("rank,", "found nothing between two commas"),
            ("rank; DROP TABLE visit", 'found "rank; DROP TABLE visit"'),
            ("-rank", 'found "-rank"'),
            (f"{'x' * 5000}", "there is no field"),
            ("rank \ud800", "found"),
        ],
    )
    def test_is_refused_where_it_is_wrong(self, text: str, expected: str, fields: Fields) -> None:
        with pytest.raises(InvalidArgument) as caught:
            parse_order(text, fields)

        assert caught.value.reason == "INVALID_ORDER_BY"
        [violation] = caught.value.violations
        assert violation.field == "order_by"
        assert expected in violation.description
        assert len(violation.description.encode()) < 300
