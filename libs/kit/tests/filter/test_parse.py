from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotunda_kit.errors import InvalidArgument
from rotunda_kit.filter import parse
from rotunda_kit.filter.tree import And, Comparison, Expression, Not, Or


def shape(expression: Expression | None) -> object:
    """The tree without positions: comparisons as `field comparator text`."""
    match expression:
        case Comparison():
            return f"{expression.field} {expression.comparator} {expression.value.text}"
        case Not():
            return ("NOT", shape(expression.operand))
        case And():
            return ("AND", *map(shape, expression.operands))
        case Or():
            return ("OR", *map(shape, expression.operands))
    return None


def refusal(text: str) -> str:
    with pytest.raises(InvalidArgument) as caught:
        parse(text)
    assert caught.value.reason == "INVALID_FILTER"
    [violation] = caught.value.violations
    assert violation.field == "filter"
    return violation.description


class TestExpression:
    @pytest.mark.parametrize("text", ["", " ", "\n\t"])
    def test_is_none_where_the_filter_is_blank(self, text: str) -> None:
        assert parse(text) is None

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a = 1", "a = 1"),
            ("a = 1 AND b = 2", ("AND", "a = 1", "b = 2")),
            ("a = 1 OR b = 2", ("OR", "a = 1", "b = 2")),
            ("a=1 b=2", ("AND", "a = 1", "b = 2")),
            ("a=1 b=2 AND c=3", ("AND", "a = 1", "b = 2", "c = 3")),
            ("NOT a = 1", ("NOT", "a = 1")),
            ("-a = 1", ("NOT", "a = 1")),
            ("- a = 1", ("NOT", "a = 1")),
            ("NOT (a = 1 b = 2)", ("NOT", ("AND", "a = 1", "b = 2"))),
            ("((a = 1))", "a = 1"),
            ("NOT(a=1)OR(b=2)", ("OR", ("NOT", "a = 1"), "b = 2")),
        ],
    )
    def test_joins_comparisons(self, text: str, expected: object) -> None:
        assert shape(parse(text)) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a=1 AND b=2 OR c=3", ("AND", "a = 1", ("OR", "b = 2", "c = 3"))),
            ("a=1 OR b=2 AND c=3", ("AND", ("OR", "a = 1", "b = 2"), "c = 3")),
            ("a=1 b=2 OR c=3", ("AND", "a = 1", ("OR", "b = 2", "c = 3"))),
            ("(a=1 AND b=2) OR c=3", ("OR", ("AND", "a = 1", "b = 2"), "c = 3")),
            ("NOT a=1 OR b=2", ("OR", ("NOT", "a = 1"), "b = 2")),
        ],
    )
    def test_lets_or_bind_tighter_than_and(self, text: str, expected: object) -> None:
        assert shape(parse(text)) == expected

    @pytest.mark.parametrize("word", ["NOTE", "ORDER", "ANDROID", "and", "or", "not"])
    def test_takes_names_that_begin_like_keywords_for_names(self, word: str) -> None:
        assert shape(parse(f"{word} = {word} OR a = 1")) == ("OR", f"{word} = {word}", "a = 1")

    @pytest.mark.parametrize("comparator", ["=", "!=", "<", "<=", ">", ">=", ":"])
    def test_compares_with_and_without_spaces(self, comparator: str) -> None:
        assert shape(parse(f"a{comparator}1")) == shape(parse(f" a\n{comparator}\t1 ")) == f"a {comparator} 1"

    def test_is_remembered(self) -> None:
        assert parse("remembered = 1") is parse("remembered = 1")


class TestValue:
    @pytest.mark.parametrize(
        "text",
        [
            "2026-01-31",
            "2026-01-31T08:00:00Z",
            "2026-01-31T08:00:00.123456+02:00",
            "-5",
            "+5.25e3",
            "0198c2e4-7d1a-7e3f-8a55-2b9d4c6f1e07",
            "ada@example.com",
            "true",
            "Müller",
            "a:b",
        ],
    )
    def test_needs_no_quotes_where_it_has_no_spaces(self, text: str) -> None:
        expression = parse(f"a = {text} AND b = {text}")

        assert shape(expression) == ("AND", f"a = {text}", f"b = {text}")

    @pytest.mark.parametrize(
        ("written", "text"),
        [
            ('"Ada Lovelace"', "Ada Lovelace"),
            ("'Ada Lovelace'", "Ada Lovelace"),
            ('"O\'Hara"', "O'Hara"),
            (r'"say \"yes\""', 'say "yes"'),
            (r"'O\'Hara'", "O'Hara"),
            (r'"back\\slash"', "back\\slash"),
            ('"(a = 1)"', "(a = 1)"),
            ('""', ""),
            ('"null"', "null"),
            ('"two\nlines"', "two\nlines"),
        ],
    )
    def test_in_quotes_may_hold_anything(self, written: str, text: str) -> None:
        expression = parse(f"a = {written}")

        assert isinstance(expression, Comparison)
        assert expression.value.text == text
        assert expression.value.quoted
        assert not expression.value.has_stars

    @pytest.mark.parametrize(
        ("written", "parts"),
        [
            ('"Stein*"', ("Stein", "")),
            ("Stein*", ("Stein", "")),
            ('"*son"', ("", "son")),
            ('"J*n*"', ("J", "n", "")),
            ("*", ("", "")),
            (r'"5\*"', ("5*",)),
            (r'"5\**"', ("5*", "")),
            (r'"\\*"', ("\\", "")),
        ],
    )
    def test_is_split_at_its_stars(self, written: str, parts: tuple[str, ...]) -> None:
        expression = parse(f"a = {written}")

        assert isinstance(expression, Comparison)
        assert expression.value.parts == parts

    def test_knows_where_it_stands(self) -> None:
        expression = parse('  a  =  "1"')

        assert isinstance(expression, Comparison)
        assert (expression.position, expression.value.position) == (3, 9)

    @given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.sampled_from("\"'"))
    def test_comes_back_as_it_was_quoted(self, text: str, quote: str) -> None:
        escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("*", "\\*")
        expression = parse(f"a = {quote}{escaped}{quote}")

        assert isinstance(expression, Comparison)
        assert expression.value.parts == (text,)


class TestRefusal:
    @pytest.mark.parametrize(
        ("text", "position", "words"),
        [
            ("stein", 1, "stein stands alone; a word can't be looked for in all fields"),
            ("a = 1 AND stein", 11, "stein stands alone"),
            ("-stein", 2, "stein stands alone"),
            ("a b = 1", 1, "a stands alone"),
            ("lower(a)", 1, "lower stands alone"),
            ('"stein"', 1, 'expected a field with a comparison, such as displayName = "Ada", found "stein"'),
            ("42", 1, "expected a field with a comparison"),
            ("a = 1 OR", 9, "expected a field with a comparison"),
            ("NOT", 4, "found the end"),
            ("()", 2, "expected a field with a comparison"),
            ("a = 1 AND AND b = 2", 11, "found AND"),
            ("a =", 4, "expected a value, found the end"),
            ("a = ", 5, "expected a value, found the end"),
            ("a == 1", 4, "expected a value, found ="),
            ("a = (1 OR 2)", 5, "expected a value, found ("),
            ("state = OR", 9, "expected a value, found OR; in quotes it is a value"),
            ('a = "x', 5, "the text that begins here has no closing quote"),
            ("b = 'x' AND a = 'x", 17, "the text that begins here has no closing quote"),
            (r'a = "x\n"', 7, "a backslash stands only before another one, a quote or a star"),
            ("(a = 1", 7, "expected AND, OR, ) or another comparison, found the end"),
            ("a = 1)", 6, "this parenthesis closes none"),
            ("a = 1, b = 2", 6, "expected AND, OR or another comparison, found ,"),
            ("a = b = 3", 7, "expected AND, OR or another comparison, found ="),
            ("a = 'it''s'", 9, "expected AND, OR or another comparison, found 's'"),
            ("a = 1\0", 6, "a NUL or a lone surrogate stands in no text"),
            ("a = \ud800", 5, "a NUL or a lone surrogate stands in no text"),
        ],
    )
    def test_names_the_position_and_what_was_expected(self, text: str, position: int, words: str) -> None:
        description = refusal(text)

        assert description.startswith(f"at character {position}: ")
        assert words in description

    def test_meets_a_filter_that_is_too_long(self) -> None:
        assert parse(f"a = {'x' * 9_996}") is not None
        assert refusal(f"a = {'x' * 9_997}") == "at character 10001: the filter is longer than 10000 characters"

    @pytest.mark.parametrize("opening", ["(", "NOT (", "-("])
    def test_meets_parentheses_that_are_nested_too_deep(self, opening: str) -> None:
        assert parse(opening * 50 + "a = ')('" + ")" * 50) is not None
        assert "nested deeper than 50" in refusal(opening * 51 + "a = 1" + ")" * 51)

    def test_meets_too_many_comparisons(self) -> None:
        assert parse(" ".join(["a=1"] * 200)) is not None
        assert refusal(" ".join(["a=1"] * 201)) == "at character 801: there are more than 200 comparisons"

    @given(st.one_of(st.text(), st.text("abOR ANDNOT-()=<>!:\"'\\*.,12\n")))
    def test_is_the_only_other_outcome(self, text: str) -> None:
        with suppress(InvalidArgument):
            parse(text)
