"""The tree of a filter expression, which knows nothing of fields and their types."""

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
        """Without quotes and escapes."""
        return "*".join(self.parts)

    @property
    def has_stars(self) -> bool:
        """Whether a part of it is left open."""
        return len(self.parts) > 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field comparator value`.

    `field` is as the caller wrote it, in snake_case or camelCase. `position` is the field's, from 1.
    """

    field: str
    comparator: str
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
