"""From the text of a filter to its tree."""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken, VisitError

from rotunda_kit.errors import InvalidArgument
from rotunda_kit.filter.tree import And, Comparison, Expression, Not, Or, Value

MAX_LENGTH = 10_000
MAX_DEPTH = 50
MAX_COMPARISONS = 200

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_EXPECTED = {
    "FIELD": "a field with a comparison, such as displayName = ",
    "COMPARATOR": "one of = != < <= > >= :",
    "QUOTED": "a value",
    "BARE": "a value",
    "RPAR": "a closing parenthesis",
    "$END": "the end",
}


def wrong(position: int, description: str) -> InvalidArgument:
    """The error for a filter that can't be used; `position` counts characters from 1."""
    return InvalidArgument.of("filter", f"at character {position}: {description}", "INVALID_FILTER")


class _Build(Transformer[Token, Expression]):
    def expression(self, children: Sequence[Any]) -> Expression:
        return And(tuple(child for child in children if not isinstance(child, Token)))

    def sequence(self, children: Sequence[Any]) -> Expression:
        return And(tuple(children))

    def factor(self, children: Sequence[Any]) -> Expression:
        return Or(tuple(child for child in children if not isinstance(child, Token)))

    def negation(self, children: Sequence[Any]) -> Expression:
        return Not(children[1])

    def comparison(self, children: Sequence[Any]) -> Expression:
        field, operator, value = children
        return Comparison(str(field), str(operator), value, _position(field))

    def value(self, children: Sequence[Token]) -> Value:
        (token,) = children
        text = str(token)
        quoted = token.type == "QUOTED"
        return Value(_parts(text[1:-1] if quoted else text), quoted, _position(token))


def _position(token: Token) -> int:
    return (token.start_pos or 0) + 1


def _parts(text: str) -> tuple[str, ...]:
    """Split at stars that are not escaped, and resolve the escapes."""
    parts, part, at = [], "", 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            part += text[at + 1]
            at += 2
            continue
        if text[at] == "*":
            parts.append(part)
            part = ""
        else:
            part += text[at]
        at += 1
    return (*parts, part)


_parser = Lark(
    (Path(__file__).parent / "grammar.lark").read_text(),
    start="expression",
    parser="lalr",
    lexer="contextual",
    transformer=None,
)


@lru_cache(maxsize=1_000)
def parse(text: str) -> Expression | None:
    """The tree of a filter; None if it is blank.

    Raises:
        InvalidArgument: INVALID_FILTER, with the position.
    """
    if not text.strip():
        return None
    if len(text) > MAX_LENGTH:
        raise wrong(MAX_LENGTH + 1, f"the filter is longer than {MAX_LENGTH} characters")
    if "\0" in text:
        raise wrong(text.index("\0") + 1, "a NUL character")
    _check_depth(text)
    try:
        tree = _parser.parse(text)
        expression = _Build().transform(tree)
    except UnexpectedInput as error:
        raise _explain(text, error) from error
    except VisitError as error:
        raise error.orig_exc from error
    if _count(expression) > MAX_COMPARISONS:
        raise wrong(1, f"the filter has more than {MAX_COMPARISONS} comparisons")
    return expression


def _check_depth(text: str) -> None:
    depth = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth > MAX_DEPTH:
            raise wrong(at + 1, f"parentheses are nested deeper than {MAX_DEPTH}")


def _count(expression: Expression) -> int:
    if isinstance(expression, Comparison):
        return 1
    if isinstance(expression, Not):
        return _count(expression.operand)
    return sum(_count(operand) for operand in expression.operands)


def _explain(text: str, error: UnexpectedInput) -> InvalidArgument:
    if isinstance(error, UnexpectedCharacters):
        position, expected = error.pos_in_stream or 0, error.allowed
    elif isinstance(error, UnexpectedEOF):
        position, expected = len(text), set(error.expected)
    elif isinstance(error, UnexpectedToken):
        at_end = error.token.type == "$END"
        position, expected = len(text) if at_end else error.token.start_pos or 0, set(error.accepts or error.expected)
    else:
        position, expected = 0, set()
    found = text[position : position + 20]
    if found[:1] in ('"', "'") and not {"QUOTED"} & set(expected or ()):
        return wrong(position + 1, f"a value without a field: {found}; write for example displayName:{found}")
    hints = list(dict.fromkeys(_EXPECTED[name] for name in sorted(expected or ()) if name in _EXPECTED))
    hint = f"expected {' or '.join(hints)}" if hints else "this can't be read"
    return wrong(position + 1, f"{hint}, found {found!r}" if found else f"{hint}, found the end")
