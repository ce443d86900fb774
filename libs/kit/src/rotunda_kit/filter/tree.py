"""The tree of a filter expression."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Value:
    """What a field is compared with.

    `parts` are the texts between unescaped stars, so a value without a star has one part. `position` counts characters
    from 1.
    """

    parts: tuple[str, ...]
    quoted: bool
    position: int

    @property
    def text(self) -> str:
        """As it was written, without quotes and escapes."""
        return "*".join(self.parts)

    @property
    def pattern(self) -> bool:
        """Whether it holds a star."""
        return len(self.parts) > 1

    @property
    def anything(self) -> bool:
        """Whether it is a star alone."""
        return self.parts == ("", "") and not self.quoted


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator value`."""

    field: str
    operator: str
    value: Value
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    """Everything but."""

    operand: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    operands: tuple["Expression", ...]


Expression: TypeAlias = Comparison | Not | And | Or
