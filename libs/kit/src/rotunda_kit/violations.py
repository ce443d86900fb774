"""Gathering what is wrong with an input, so that a caller reads of every wrong field at once."""

import difflib
from collections.abc import Iterable

from rotunda_kit.errors import FieldViolation

MAX_VIOLATIONS = 100
"""No more are gathered: who sends more wrong fields than this has one cause, and answers stay small."""

_MAX_NAME_SHOWN = 64


class Unfit(ValueError):  # noqa: N818 - says what the value is, as the product's other errors do
    """A value that does not fit its field; the text is the description of the violation."""


class Violations(list[FieldViolation]):
    """The wrong fields of one input, at most `MAX_VIOLATIONS`."""

    def add(self, field: str, description: str) -> None:
        """Note that the field at this path is wrong."""
        if len(self) < MAX_VIOLATIONS:
            self.append(FieldViolation(field, description))

    @property
    def full(self) -> bool:
        """Whether looking for more is in vain."""
        return len(self) >= MAX_VIOLATIONS


def member(path: str, name: str) -> str:
    """The path of a field inside of the message at `path`; the message itself has the empty path."""
    return f"{path}.{name}" if path else name


def shown(name: str) -> str:
    """A name that the caller chose, as it may stand in an answer: short, and valid in UTF-8."""
    return name[:_MAX_NAME_SHOWN].encode(errors="replace").decode()


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that offers the known name most like an unknown one; empty where none is like it."""
    matches = difflib.get_close_matches(shown(name), known, n=1)
    return f'; did you mean "{matches[0]}"?' if matches else ""
