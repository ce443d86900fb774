"""What to tell a caller whose filter can't be read."""

import re

from rotunda_kit.errors import InvalidArgument
from rotunda_kit.violations import shown

# As in the grammar, but for words, which may be fields, values or keywords, and single characters that are nothing.
TOKEN = re.compile(
    r"""(?P<quoted>"([^"\\]|\\.)*"|'([^'\\]|\\.)*')|(?P<parenthesis>[()])|(?P<comparator>[<>!]=|[<>=:])"""
    r"""|(?P<word>[^\s()"'\\<>=!:,]+)|\S""",
    re.DOTALL,
)
_KEYWORDS = frozenset({"AND", "OR", "NOT"})
_BEFORE_A_FIELD = _KEYWORDS | {"-", "("}


def wrong(position: int, description: str) -> InvalidArgument:
    """The error for a filter that can't be used; `position` counts characters from 1."""
    return InvalidArgument.of("filter", f"at character {position}: {description}", "INVALID_FILTER")


def unreadable(text: str, at: int) -> InvalidArgument:
    """The error for a filter that the grammar can't go on with.

    The parser's own sets of terminals are no help: by the time it finds out, it has put together what came before.

    Args:
        text: of the filter.
        at: how many characters can be read; all of them if more should follow.
    """
    here = TOKEN.match(text, at)
    met = here[0] if here else ""
    found = f"found {shown(met) or 'the end'}"
    if met in ('"', "'"):
        return wrong(at + 1, "the text that begins here has no closing quote")
    before = list(TOKEN.finditer(text, 0, at))
    last = before[-1] if before else None
    if last is None or last[0] in _BEFORE_A_FIELD:
        return wrong(at + 1, f'expected a field with a comparison, such as displayName = "Ada", {found}')
    if last["comparator"]:
        hint = "; in quotes it is a value" if met in _KEYWORDS else ""
        return wrong(at + 1, f"expected a value, {found}{hint}")
    if last["word"] and not (before[1:] and before[-2]["comparator"]):
        return _alone(last)
    depth = sum({"(": 1, ")": -1}.get(token[0], 0) for token in before)
    if met == ")" and not depth:
        return wrong(at + 1, "this parenthesis closes none")
    return wrong(at + 1, f"expected AND, OR{', )' if depth else ''} or another comparison, {found}")


def _alone(word: re.Match[str]) -> InvalidArgument:
    text = word[0].removeprefix("-")
    field = shown(text)
    return wrong(
        word.end() - len(text) + 1,
        f'{field} stands alone; a word can\'t be looked for in all fields, only in one: {field} = "Ada"',
    )
