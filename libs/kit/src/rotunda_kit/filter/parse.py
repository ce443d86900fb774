"""From the text of a filter to its tree."""

from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput, UnexpectedToken

from rotunda_kit.filter.explain import TOKEN, unreadable, wrong
from rotunda_kit.filter.tree import And, Comparison, Expression, Not, Or, Value
from rotunda_kit.listing.literal import UNSTORABLE

MAX_LENGTH = 10_000
MAX_DEPTH = 50
MAX_COMPARISONS = 200

_CACHED = 512
_GRAMMAR = Path(__file__).with_name("grammar.lark")
# What a backslash may stand before.
_ESCAPABLE = frozenset("\\\"'*")


@lru_cache(maxsize=_CACHED)
def parse(text: str) -> Expression | None:
    """The tree of a filter; None if it is blank.

    Args:
        text: AIP-160, at most 10,000 characters, 200 comparisons, and parentheses 50 deep.

    Raises:
        InvalidArgument: INVALID_FILTER on `filter`, with the position.
    """
    _check_text(text)
    if not text.strip():
        return None
    try:
        expression: Expression = _parser().parse(text)  # type: ignore[assignment] # what the transformer makes, not a Tree
    except UnexpectedInput as error:
        at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        raise unreadable(text, len(text) if at_end else error.pos_in_stream or 0) from None
    for count, comparison in enumerate(_comparisons(expression), 1):
        if count > MAX_COMPARISONS:
            raise wrong(comparison.position, f"there are more than {MAX_COMPARISONS} comparisons")
    return expression


@cache
def _parser() -> Lark:
    # The transformer works while the parser reads: no tree of lark's own, and no recursion over it.
    return Lark(
        _GRAMMAR.read_text(encoding="utf-8"),
        start="expression",
        parser="lalr",
        lexer="contextual",
        transformer=_TreeBuilder(),
    )


class _TreeBuilder(Transformer[Token, Expression]):
    def conjunction(self, operands: list[Expression]) -> Expression:
        flat: list[Expression] = []
        for operand in operands:
            flat.extend(operand.operands if isinstance(operand, And) else (operand,))
        return And(tuple(flat))

    def disjunction(self, operands: list[Expression]) -> Expression:
        return Or(tuple(operands))

    @v_args(inline=True)
    def negation(self, operand: Expression) -> Expression:
        return Not(operand)

    @v_args(inline=True)
    def comparison(self, field: Token, comparator: Token, value: Token) -> Expression:
        return Comparison(str(field), str(comparator), _value(value), _position(field))


def _position(token: Token) -> int:
    return (token.start_pos or 0) + 1


def _value(token: Token) -> Value:
    position = _position(token)
    if token.type == "BARE":
        return Value(tuple(token.split("*")), False, position)
    # Split at the stars that no backslash stands before.
    parts = [""]
    characters = enumerate(token[1:-1], position + 1)
    for at, character in characters:
        if character == "*":
            parts.append("")
            continue
        if character == "\\":
            _, character = next(characters)  # noqa: PLW2901 - the escape takes the next one too
            if character not in _ESCAPABLE:
                raise wrong(at, "a backslash stands only before another one, a quote or a star; write \\\\ for one")
        parts[-1] += character
    return Value(tuple(parts), True, position)


def _comparisons(expression: Expression) -> Iterator[Comparison]:
    match expression:
        case Comparison():
            yield expression
        case Not():
            yield from _comparisons(expression.operand)
        case And() | Or():
            for operand in expression.operands:
                yield from _comparisons(operand)


def _check_text(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise wrong(MAX_LENGTH + 1, f"the filter is longer than {MAX_LENGTH} characters")
    unstorable = UNSTORABLE.search(text)
    if unstorable:
        raise wrong(unstorable.start() + 1, "a NUL or a lone surrogate stands in no text")
    depth = 0
    for match in TOKEN.finditer(text):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth > MAX_DEPTH:
            raise wrong(match.start() + 1, f"parentheses are nested deeper than {MAX_DEPTH}")
