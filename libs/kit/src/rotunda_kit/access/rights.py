"""Roles, compiled: what their holder may do, with which records, and which fields are kept back from him."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from rotunda_kit.access.permissions import READ, Permission
from rotunda_kit.descriptors import snake_path

ANY = "*"


class Scope(StrEnum):
    """Which records a grant is about."""

    OWN = "OWN"
    TEAM = "TEAM"
    TERRITORY = "TERRITORY"
    ALL = "ALL"


class Visibility(IntEnum):
    """How a field is kept back; the greater, the more."""

    READ_ONLY = 1
    MASKED = 2
    HIDDEN = 3


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions on a resource, with the records of a scope; `*` stands for all."""

    resource: str
    actions: frozenset[str]
    scope: Scope

    def allows(self, permission: Permission) -> bool:
        """Whether it is about this action on this resource."""
        return covers(self.resource, permission.resource) and (ANY in self.actions or permission.action in self.actions)

    def includes(self, other: "Grant") -> bool:
        """Whether it allows all that another one does."""
        return (
            covers(self.resource, other.resource)
            and (ANY in self.actions or other.actions <= self.actions)
            and (self.scope is Scope.ALL or self.scope is other.scope or other.scope is Scope.OWN)
        )


@dataclass(frozen=True, slots=True)
class Role:
    """What the holders of one role may do; `restrictions` are by resource and field, in snake_case."""

    grants: tuple[Grant, ...]
    restrictions: Mapping[str, Mapping[str, Visibility]] = field(default_factory=dict)

    @classmethod
    def of(cls, grants: Iterable[Mapping[str, Any]], restrictions: Iterable[Mapping[str, Any]]) -> "Role":
        """From its JSON, with names as in the proto."""
        by_resource: dict[str, dict[str, Visibility]] = {}
        for each in restrictions:
            visibility = Visibility[each["visibility"].removeprefix("VISIBILITY_")]
            by_resource.setdefault(each["resource"], {})[snake_path(each["field"])] = visibility
        return cls(
            tuple(
                Grant(each["resource"], frozenset(each["actions"]), Scope(each["scope"].removeprefix("SCOPE_")))
                for each in grants
            ),
            by_resource,
        )

    def scopes(self, permission: Permission) -> set[Scope]:
        """With which records it allows something."""
        return {grant.scope for grant in self.grants if grant.allows(permission)}


EVERYTHING = Role((Grant(ANY, frozenset({ANY}), Scope.ALL),))


class Rights:
    """What several roles together allow.

    Args:
        roles: of the caller.
        limits: of an API key: permissions such as `customers.accounts.read`, or `*` at the end of a part; empty for no
            limit.
    """

    def __init__(self, roles: Iterable[Role], limits: Iterable[str] = ()) -> None:
        self._roles = tuple(roles)
        self._limits = tuple(limits)
        self._scopes: dict[Permission, frozenset[Scope]] = {}
        self._restrictions: dict[str, Mapping[str, Visibility]] = {}

    def scopes(self, permission: Permission) -> frozenset[Scope]:
        """With which records something is allowed; ALL alone if it is there, and empty if it is not allowed at all."""
        known = self._scopes.get(permission)
        if known is None:
            found: set[Scope] = set()
            if not self._limits or any(covers(limit, str(permission)) for limit in self._limits):
                found = {scope for role in self._roles for scope in role.scopes(permission)}
            known = self._scopes[permission] = frozenset({Scope.ALL} if Scope.ALL in found else found)
        return known

    def restrictions(self, resource: str) -> Mapping[str, Visibility]:
        """The fields of a resource that are kept back, in snake_case."""
        known = self._restrictions.get(resource)
        if known is None:
            reading = Permission(resource, READ)
            each = [role.restrictions.get(resource, {}) for role in self._roles if role.scopes(reading)]
            names = set(each[0]).intersection(*each[1:]) if each else set()
            known = self._restrictions[resource] = {name: min(one[name] for one in each) for name in names}
        return known

    def include(self, role: Role) -> bool:
        """Whether they allow all that a role does."""
        return not self._limits and all(
            any(own.includes(grant) for mine in self._roles for own in mine.grants) for grant in role.grants
        )


def covers(pattern: str, name: str) -> bool:
    """Whether a name, or a narrower pattern, is meant by a pattern: `sales.*` means `sales.opportunities.win`."""
    if pattern in (ANY, name):
        return True
    return pattern.endswith(f".{ANY}") and name.startswith(pattern[:-1])
