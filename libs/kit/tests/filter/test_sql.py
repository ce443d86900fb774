from collections.abc import Mapping

import pytest
from sqlalchemy.dialects.postgresql import asyncpg

from rotunda_kit.errors import InvalidArgument
from rotunda_kit.filter import compile_filter
from rotunda_kit.listing.field import ListField

ID = "0198c2e4-7d1a-7e3f-8a55-2b9d4c6f1e07"

DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]

Fields = Mapping[str, ListField]


def sql(text: str, fields: Fields) -> str:
    condition = compile_filter(text, fields)
    assert condition is not None
    compiled = condition.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True})
    return compiled.string.replace("deal.", "")


def refusal(text: str, fields: Fields) -> str:
    with pytest.raises(InvalidArgument) as caught:
        compile_filter(text, fields)
    assert caught.value.reason == "INVALID_FILTER"
    [violation] = caught.value.violations
    assert violation.field == "filter"
    return violation.description


class TestCondition:
    def test_is_none_where_the_filter_is_blank(self, fields: Fields) -> None:
        assert compile_filter(" ", fields) is None

    @pytest.mark.parametrize("name", ["lastName", "last_name"])
    def test_knows_fields_in_camel_case_and_snake_case(self, name: str, fields: Fields) -> None:
        assert sql(f"{name} = Stein", fields) == "last_name = 'Stein'"

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("visits = 3 AND visits > 1 OR visits < 7", "visits = 3 AND (visits > 1 OR visits < 7)"),
            ("(visits = 3 AND visits > 1) OR visits < 7", "visits = 3 AND visits > 1 OR visits < 7"),
            ("visits >= -3 visits <= 5", "visits >= -3 AND visits <= 5"),
            ("amount > 10000 AND amount.currencyCode = EUR", "amount > 10000 AND amount_currency = 'EUR'"),
            ("amount >= 10.0000000005", "amount >= 10.0000000005"),
            ("state = OPEN", "state = 'OPEN'"),
            ("state:OPEN", "state = 'OPEN'"),
            ("closeDate >= 2026-01-31", "close_date >= '2026-01-31'"),
            ("active = true", "active = true"),
            (f"accountId = {ID.upper()}", f"account_id = '{ID}'"),
            ("createTime < 2026-01-31", "create_time < '2026-01-31 00:00:00+00:00'"),
            ("createTime < 2026-01-31T02:00:00.000001+02:00", "create_time < '2026-01-31 00:00:00.000001+00:00'"),
            ("createTime < '2026-01-31t00:00:00z'", "create_time < '2026-01-31 00:00:00+00:00'"),
        ],
    )
    def test_compares_by_value(self, text: str, expected: str, fields: Fields) -> None:
        assert sql(text, fields) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('lastName = "Stein*"', "last_name LIKE 'Stein%'"),
            ("lastName = Stein*", "last_name LIKE 'Stein%'"),
            ('lastName = "*st*in"', "last_name LIKE '%st%in'"),
            (r'lastName = "5\*"', "last_name = '5*'"),
            (r'lastName = "5\**"', "last_name LIKE '5*%'"),
            (r'lastName = "100%_\\*"', r"last_name LIKE '100\%\_\\%'"),
            ('displayName != "Stein*"', "display_name NOT LIKE 'Stein%'"),
            ('lastName:"st_in"', r"last_name ILIKE '%st\_in%'"),
        ],
    )
    def test_compares_texts_by_pattern(self, text: str, expected: str, fields: Fields) -> None:
        assert sql(text, fields) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("accountId:*", "account_id IS NOT NULL"),
            ("NOT accountId:*", "account_id IS NULL"),
            ("accountId = null", "account_id IS NULL"),
            ("accountId != null", "account_id IS NOT NULL"),
            ("lastName:*", "last_name IS NOT NULL"),
            ("displayName:*", "display_name != ''"),
            ("-displayName:*", "display_name = ''"),
            ("tags:*", "cardinality(tags) > 0"),
            ("NOT tags:*", "cardinality(tags) <= 0"),
            ("NOT skills:*", "(cardinality(skills) > 0) IS NOT true"),
            ("emails.address:*", "emails @? '$[*].\"address\"'"),
            ("regarding:*", "last_name IS NOT NULL OR account_id IS NOT NULL"),
            ("regarding = null", "NOT (last_name IS NOT NULL OR account_id IS NOT NULL)"),
        ],
    )
    def test_asks_whether_something_is_set(self, text: str, expected: str, fields: Fields) -> None:
        assert sql(text, fields) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("visits != 3", "visits != 3"),
            ("NOT visits = 3", "visits != 3"),
            ("NOT (visits > 3 OR visits < 1)", "NOT (visits > 3 OR visits < 1)"),
            ("rank != 3", "(rank = 3) IS NOT true"),
            ("NOT rank = 3", "(rank = 3) IS NOT true"),
            ("NOT rank != 3", "(rank = 3) IS true"),
            ("NOT (rank > 3 visits < 1)", "(rank > 3 AND visits < 1) IS NOT true"),
            ('lastName != "S*"', "(last_name LIKE 'S%') IS NOT true"),
        ],
    )
    def test_takes_the_unset_for_unequal(self, text: str, expected: str, fields: Fields) -> None:
        assert sql(text, fields) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("tags:vip", "tags @> ARRAY['vip']"),
            ("tags = vip", "tags @> ARRAY['vip']"),
            ("skills:WON", "skills @> ARRAY['WON']"),
            ("tags != vip", "NOT (tags @> ARRAY['vip'])"),
        ],
    )
    def test_looks_into_lists_by_containment(self, text: str, expected: str, fields: Fields) -> None:
        assert sql(text, fields) == expected

    @pytest.mark.parametrize(
        ("text", "expected", "value"),
        [
            ("emails:*", "emails @> $1::JSONB", [{}]),
            ("emails.address = 'a@b.c'", "emails @> $1::JSONB", [{"address": "a@b.c"}]),
            ("emails.address:'a@b.c'", "emails @> $1::JSONB", [{"address": "a@b.c"}]),
            ("emails.kind = WORK", "emails @> $1::JSONB", [{"kind": "EMAIL_KIND_WORK"}]),
            ("emails.kind != WORK", "NOT (emails @> $1::JSONB)", [{"kind": "EMAIL_KIND_WORK"}]),
        ],
    )
    def test_looks_into_lists_of_objects_by_containment(
        self, text: str, expected: str, value: object, fields: Fields
    ) -> None:
        condition = compile_filter(text, fields)
        assert condition is not None
        compiled = condition.compile(dialect=DIALECT)

        assert compiled.string.replace("deal.", "") == expected
        assert list(compiled.params.values()) == [value]

    def test_binds_every_value(self, fields: Fields) -> None:
        text = f'lastName = "x1*" OR state = WON OR visits = 77 OR tags:x2 OR emails.address = x3 OR id = {ID}'
        condition = compile_filter(text, fields)
        assert condition is not None
        compiled = condition.compile(dialect=DIALECT)

        assert not any(value in compiled.string for value in ("x1", "WON", "77", "x2", "x3", ID))

    @pytest.mark.parametrize("joint", [" OR ", " AND "])
    def test_can_be_as_deep_as_a_filter_may_be(self, joint: str, fields: Fields) -> None:
        other = " AND " if joint == " OR " else " OR "
        text = "rank = 0"
        for depth in range(50):
            text = f"NOT ({text}{joint if depth % 2 else other}rank = {depth})"

        assert sql(text, fields).count("rank = ") == 51


class TestRefusal:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("lastNme = x", 'at character 1: there is no field "lastNme"; did you mean "lastName"?'),
            ("visits = 1 AND amount.currency_cod = x", 'did you mean "amount.currencyCode"?'),
            ("xyzzy = 1", 'at character 1: there is no field "xyzzy"'),
            ("emails = x", "emails has fields; compare one of emails.address, emails.kind"),
            ("state = DONE", 'at character 9: state: expected one of OPEN, WON, LOST, found "DONE"'),
            ("state = open", "expected one of OPEN, WON, LOST"),
            ("emails.kind = EMAIL_KIND_WORK", "expected one of WORK, HOME"),
            ("skills:vip", "expected one of OPEN, WON, LOST"),
            ("accountId = 4711", "accountId: expected an id such as "),
            ("accountId = {0198c2e4-7d1a-7e3f-8a55-2b9d4c6f1e07}", "expected an id"),
            ('memberUserIds:"me"', "memberUserIds: expected an id"),
            ("visits = many", 'visits: expected a whole number, found "many"'),
            ("visits = 1.5", "expected a whole number"),
            ("visits = ١", "expected a whole number"),
            ("visits = 9223372036854775808", "expected a whole number of 64 bits"),
            (f"visits = {'9' * 5000}", "expected a whole number"),
            ("amount = NaN", "expected a number"),
            ("amount = Infinity", "expected a number"),
            ("amount = 1_000", "expected a number"),
            ("amount = 1e1000", "at most 1000 digits before and after the point"),
            ("amount = 1e-1001", "at most 1000 digits before and after the point"),
            ("score = 1e99999", "at most 1000 digits before and after the point"),
            ("active = yes", "expected true or false"),
            ("createTime > 2026-01-31T08:00:00", "expected a time with its zone such as 2026-01-31T08:00:00Z"),
            ("createTime > 2026-02-30", "that the calendar has"),
            ("createTime > 2026-01-31T25:00:00Z", "that the calendar has"),
            ("createTime > 0001-01-01T00:00:00+01:00", "that the calendar has"),
            ("createTime > 2026-01-31T08:00:00.1234567Z", "expected a time"),
            ("createTime > yesterday", "expected a time"),
            ("closeDate = 2026-1-31", "expected a date such as 2026-01-31"),
            ("closeDate = 2026-02-30", "that the calendar has"),
            ("closeDate = 2026-01-31T00:00:00Z", "expected a date such as 2026-01-31"),
            ("state > OPEN", "state has no size"),
            ("active < true", "active has no size"),
            (f"accountId >= {ID}", "accountId has no size"),
            ("tags > a", "tags is a list"),
            ("tags:a*", "at character 6: a star stands for a part of a text, and tags is compared as a whole"),
            (
                'emails.address = "*@b.c"',
                "a star stands for a part of a text, and emails.address is compared as a whole",
            ),
            ("state = O*", "state is compared as a whole"),
            ("lastName > S*", "lastName is compared as a whole"),
            ("visits > null", "null has no size"),
        ],
    )
    def test_says_what_is_wrong_with_a_comparison(self, text: str, expected: str, fields: Fields) -> None:
        description = refusal(text, fields)

        assert description.startswith("at character ")
        assert expected in description
