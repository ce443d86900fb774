"""Filters of SCIM (RFC 7644, 3.4.2.2) as filters of the platform's own lists (AIP-160)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from scim2_models import InvalidFilterException
from scim2_models.path import (
    AttrPath,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

from rotunda_gateway.scim.resources import EXTERNAL_SYSTEM

ALL, NONE = "id:*", "NOT id:*"

_SIGNS = {"eq": "=", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def quoted(text: str) -> str:
    """A text as AIP-160 has it, standing for nothing but itself."""
    return f'"{_escaped(text)}"'


def any_of(conditions: Sequence[str]) -> str:
    """Where at least one holds; nowhere without any."""
    return f"({' OR '.join(conditions)})" if conditions else NONE


def record_id(value: object) -> str | None:
    """An id as the platform writes it; None if it can't be one."""
    try:
        return str(UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("*", "\\*")


def _unsupported(attribute: str, operator: str) -> InvalidFilterException:
    return InvalidFilterException(detail=f"{attribute} can't be filtered by {operator}.")


@dataclass(frozen=True, slots=True)
class Attribute:
    """How an attribute is compared: `name` is the field of the platform that keeps it."""

    name: str

    def present(self) -> str:
        """Where it has a value."""
        return f"{self.name}:*"

    def compare(self, operator: str, value: Any) -> str:
        """Where it compares so.

        Raises:
            InvalidFilterException: it can't be compared so.
        """
        if value is None and operator == "eq":
            return f"NOT {self.present()}"
        if value is None and operator == "ne":
            return self.present()
        return self._compare(operator, value)

    def _compare(self, operator: str, value: Any) -> str:
        raise NotImplementedError


class Text(Attribute):
    """A text."""

    def _compare(self, operator: str, value: Any) -> str:
        if not isinstance(value, str):
            raise _unsupported(self.name, f"{operator} {value}")
        text = self._kept(value)
        match operator:
            case "co":
                return f"{self.name}:{quoted(text)}"
            case "sw":
                return f'{self.name} = "{_escaped(text)}*"'
            case "ew":
                return f'{self.name} = "*{_escaped(text)}"'
            case _:
                return f"{self.name} {_SIGNS[operator]} {quoted(text)}"

    def _kept(self, text: str) -> str:
        return text


class LowerCaseText(Text):
    """A text that is kept in lower case."""

    def _kept(self, text: str) -> str:
        return text.lower()


class Equality(Attribute):
    """What is only asked whether it is something."""

    def _compare(self, operator: str, value: Any) -> str:
        if operator not in ("eq", "ne"):
            raise _unsupported(self.name, operator)
        return self._equal(value) if operator == "eq" else f"NOT {self._equal(value)}"

    def _equal(self, value: Any) -> str:
        raise NotImplementedError


class Id(Equality):
    """An id, or a list of ids."""

    def _equal(self, value: Any) -> str:
        found = record_id(value)
        return f"({NONE})" if found is None else f'{self.name}:"{found}"'


class ExternalId(Equality):
    """The name that the identity provider has for a record."""

    def present(self) -> str:
        """Where it has a value."""
        return f"{self.name}.system = {quoted(EXTERNAL_SYSTEM)}"

    def _equal(self, value: Any) -> str:
        if not isinstance(value, str):
            raise _unsupported("externalId", f"eq {value}")
        return f"({self.present()} AND {self.name}.id = {quoted(value)})"


class Flag(Equality):
    """True or false; Entra ID writes it as a text."""

    def _equal(self, value: Any) -> str:
        text = str(value).lower()
        if text not in ("true", "false"):
            raise _unsupported(self.name, f"eq {value}")
        return f"{self.name} = {text}"


class Fixed(Equality):
    """What is the same in every value that there is: it compares as this where `name` is set."""

    constant: str = ""

    def _equal(self, value: Any) -> str:
        return self.present() if str(value).lower() == self.constant else f"({NONE})"


class Work(Fixed):
    """The type of an e-mail address."""

    constant = "work"


class Primary(Fixed):
    """Whether an e-mail address is the primary one."""

    constant = "true"


class Time(Attribute):
    """A moment."""

    def _compare(self, operator: str, value: Any) -> str:
        if operator not in _SIGNS:
            raise _unsupported(self.name, operator)
        try:
            moment = datetime.fromisoformat(value)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            raise InvalidFilterException(detail="A time is written as 2026-01-31T08:00:00Z.") from None
        return f'{self.name} {_SIGNS[operator]} "{moment.isoformat()}"'


Attributes = Mapping[str, Attribute]
"""By their names in SCIM, in lower case."""

_EVERY: Attributes = {
    "id": Id("id"),
    "externalid": ExternalId("external_ids"),
    "displayname": Text("display_name"),
    "meta.created": Time("create_time"),
    "meta.lastmodified": Time("update_time"),
}
USER: Attributes = {
    **_EVERY,
    "username": LowerCaseText("username"),
    "name.formatted": Text("display_name"),
    "emails": Text("email"),
    "emails.value": Text("email"),
    "emails.type": Work("email"),
    "emails.primary": Primary("email"),
    "active": Flag("active"),
    "preferredlanguage": Text("language"),
    "timezone": Text("time_zone"),
    "groups": Id("group_ids"),
    "groups.value": Id("group_ids"),
}
GROUP = _EVERY

ORDERS = {
    "id": "id",
    "username": "username",
    "displayname": "display_name",
    "name.formatted": "display_name",
    "meta.created": "create_time",
    "meta.lastmodified": "update_time",
}
"""What lists can be sorted by."""


class Translation(FilterVisitor[str]):
    """Writes a filter anew.

    Args:
        attributes: that it may name.
        groups_of: the groups of every user whom the filter names as a member.
    """

    def __init__(self, attributes: Attributes, groups_of: Mapping[str, Sequence[str]] | None = None) -> None:
        self._attributes = attributes
        self._groups_of = groups_of or {}
        self._within = ""

    def visit_comparison(self, node: Comparison) -> str:
        """`attribute operator value`."""
        name = self._name(node.attr_path)
        if _is_members(name):
            if node.op != "eq":
                raise _unsupported("members", node.op)
            groups = self._groups_of.get(record_id(node.value) or "", ())
            return any_of([f"id = {quoted(group_id)}" for group_id in groups])
        return self._attribute(name).compare(node.op.value, node.value)

    def visit_present(self, node: Present) -> str:
        """`attribute pr`."""
        return self._attribute(self._name(node.attr_path)).present()

    def visit_not(self, node: Not) -> str:
        """`not (…)`."""
        return f"NOT ({self.visit(node.expr)})"

    def visit_logical_expr(self, node: LogicalExpr) -> str:
        """`… and …`, `… or …`."""
        joint = " AND " if node.op is LogicalOperator.and_ else " OR "
        return f"({joint.join(map(self.visit, node.terms))})"

    def visit_value_path(self, node: ValuePath) -> str:
        """`attribute[…]`. There is one value at most, so that what holds for it holds for the record."""
        outer, self._within = self._within, f"{node.attr_path.attr.lower()}."
        try:
            return f"({self.visit(node.val_filter)})"
        finally:
            self._within = outer

    def _name(self, path: AttrPath) -> str:
        return _name(path, self._within)

    def _attribute(self, name: str) -> Attribute:
        found = self._attributes.get(name)
        if found is None:
            raise InvalidFilterException(detail=f"{name} can't be filtered by.")
        return found


def members_named(node: FilterNode, within: str = "") -> Iterator[str]:
    """The ids of the users whom a filter names as members."""
    match node:
        case Comparison() if _is_members(_name(node.attr_path, within)):
            user_id = record_id(node.value)
            if user_id is not None:
                yield user_id
        case Not():
            yield from members_named(node.expr, within)
        case LogicalExpr():
            for term in node.terms:
                yield from members_named(term, within)
        case ValuePath():
            yield from members_named(node.val_filter, f"{node.attr_path.attr.lower()}.")


def external_id_required(node: FilterNode) -> str | None:
    """The externalId without which nothing matches a filter.

    The platform's filter looks for the system and the id one by one, and might find the id under another system.
    """
    match node:
        case Comparison(value=str()) if _name(node.attr_path) == "externalid" and node.op == "eq":
            return str(node.value)
        case LogicalExpr(op=LogicalOperator.and_):
            return next(filter(None, map(external_id_required, node.terms)), None)
    return None


def _name(path: AttrPath, within: str = "") -> str:
    sub = f".{path.sub_attr}" if path.sub_attr else ""
    return f"{within}{path.attr}{sub}".lower()


def _is_members(name: str) -> bool:
    return name in ("members", "members.value")
