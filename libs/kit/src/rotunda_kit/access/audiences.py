"""To whom records belong, told to the gateway, which decides with it who hears of their changes.

`Viewer` is the twin in memory of `Access.condition`: what a statement finds for a caller, and what he sees by the
audience of a record, must always be the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Uuid, bindparam, func, null, select
from sqlalchemy.dialects.postgresql import ARRAY

from rotunda.kit.v1 import audience_service_pb2 as pb
from rotunda_kit.access.control import Access
from rotunda_kit.access.ownership import ACCOUNT, Ownership
from rotunda_kit.access.permissions import Permission
from rotunda_kit.access.rights import Scope
from rotunda_kit.access.shares.model import Share
from rotunda_kit.db.tables import access_reach
from rotunda_kit.errors import PermissionDenied
from rotunda_kit.server.call import Call
from rotunda_kit.server.method import Servicer, query

share = Share.__table__

_IDS: Any = bindparam("ids", type_=ARRAY(Uuid))
_SHARES = select(share.c.record_id, share.c.grantee_id).where(
    share.c.record_id == func.any(_IDS), share.c.record_type == bindparam("noun"), share.c.delete_time.is_(None)
)
_TEAMS = select(access_reach.c.user_id, access_reach.c.scope_id).where(
    access_reach.c.user_id == func.any(_IDS), access_reach.c.scope_id != access_reach.c.user_id
)


@dataclass(frozen=True, slots=True)
class Audience:
    """All that makes somebody see a record; ids, see `rotunda.kit.v1.Audience`."""

    owners: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    territories: frozenset[str] = frozenset()
    grantees: frozenset[str] = frozenset()
    account: str = ""

    @classmethod
    def of(cls, message: pb.Audience) -> Self:
        """From its message."""
        return cls(
            frozenset(message.owner_ids),
            frozenset(message.team_ids),
            frozenset(message.territory_ids),
            frozenset(message.grantee_ids),
            message.account_id,
        )


class Viewer:
    """What one caller sees, by the audiences of records.

    Args:
        access: what his roles allow.
    """

    def __init__(self, access: Access) -> None:
        self.principal = access.principal
        self.rights = access.rights
        self._subject = access.principal.subject
        self._teams = frozenset(access.principal.teams)
        self._territories = frozenset(map(str, access.territories()))
        self._grantees = frozenset(map(str, access.grantees()))

    def sees(self, permission: Permission, audience: Audience | None) -> bool:
        """Whether he may see a record.

        Args:
            permission: to read records like it.
            audience: of it; None where such records belong to the organisation.
        """
        scopes = self.rights.scopes(permission)
        if Scope.ALL in scopes:
            return True
        if not scopes or audience is None:
            return False
        return (
            self._subject in audience.owners
            or (Scope.TEAM in scopes and not self._teams.isdisjoint(audience.teams))
            or (Scope.TERRITORY in scopes and not self._territories.isdisjoint(audience.territories))
            or not self._grantees.isdisjoint(audience.grantees)
        )


@dataclass(slots=True)
class _Found:
    """What was found of one record."""

    owners: set[UUID] = field(default_factory=set)
    territories: set[UUID] = field(default_factory=set)
    grantees: set[UUID] = field(default_factory=set)
    account: UUID | None = None

    def take(self, whole: "_Found") -> None:
        """Belong to whom the whole belongs, too."""
        self.owners |= whole.owners
        self.territories |= whole.territories
        self.grantees |= whole.grantees
        self.account = self.account or whole.account


class AudienceServicer(Servicer, service="rotunda.kit.v1.AudienceService"):
    """Tells the audiences of a service's records."""

    @query
    async def BatchGetAudiences(self, request: pb.BatchGetAudiencesRequest, call: Call) -> pb.BatchGetAudiencesResponse:
        """For the gateway alone."""
        if not call.principal.administrator:
            raise PermissionDenied("PERMISSION_MISSING", "None of your roles allows this.")
        by_noun: dict[str, list[UUID]] = {}
        for record in request.records:
            by_noun.setdefault(record.type, []).append(UUID(record.id))
        found: dict[tuple[str, UUID], _Found] = {}
        for noun, ids in by_noun.items():
            ownership = call.access.ownership(noun)
            if ownership is not None:
                found.update(((noun, each), of) for each, of in (await _find(call, ownership, ids)).items())
        teams = await _teams(call, {owner for of in found.values() for owner in of.owners})
        answer = pb.BatchGetAudiencesResponse()
        for record in request.records:
            audience, of = answer.audiences.add(), found.get((record.type, UUID(record.id)))
            if of is not None:
                audience.owner_ids.extend(map(str, of.owners))
                audience.team_ids.extend({str(team) for owner in of.owners for team in teams.get(owner, ())})
                audience.territory_ids.extend(map(str, of.territories))
                audience.grantee_ids.extend(map(str, of.grantees))
                audience.account_id = str(of.account or "")
        return answer


async def _find(call: Call, ownership: Ownership, ids: Iterable[UUID]) -> dict[UUID, _Found]:
    """What there is of records of one noun, by their ids."""
    table, accounts = ownership.table, ownership.accounts
    account = table.c.id if ownership.noun == ACCOUNT else ownership.account
    columns = {
        "owner": ownership.owner,
        "territory": ownership.territory,
        "account": account,
        "parent": ownership.parent,
        "account_territory": None if accounts is None else accounts.c.territory_id,
    }
    source = table
    if accounts is not None:
        source = table.outerjoin(accounts, accounts.c.id == ownership.account)  # type: ignore[assignment]
    chosen = [(null() if column is None else column).label(name) for name, column in columns.items()]
    statement = select(table.c.id, *chosen).select_from(source).where(table.c.id == func.any(_IDS))
    asked = list(ids)
    rows = await call.rows(statement, {"ids": asked})
    found = {
        row.id: _Found({row.owner} - {None}, {row.territory, row.account_territory} - {None}, account=row.account)
        for row in rows
    }
    for row in await call.rows(_SHARES, {"ids": asked, "noun": ownership.noun}):
        if row.record_id in found:
            found[row.record_id].grantees.add(row.grantee_id)
    if ownership.whole is not None:
        wholes = await _find(call, ownership.whole, {row.parent for row in rows} - {None})
        for row in rows:
            if row.parent in wholes:
                found[row.id].take(wholes[row.parent])
    return found


async def _teams(call: Call, users: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    """The teams in which users are, at any depth."""
    teams: dict[UUID, list[UUID]] = {}
    for row in await call.rows(_TEAMS, {"ids": list(users)}):
        teams.setdefault(row.user_id, []).append(row.scope_id)
    return teams
