"""Roles, teams and territories in memory, as this service last heard of them."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from uuid import UUID

import structlog
from sqlalchemy import select

from rotunda_kit.access.rights import EVERYTHING, Rights, Role
from rotunda_kit.db.engine import Database
from rotunda_kit.db.tables import access_epoch, access_role, access_team, access_territory
from rotunda_kit.errors import Unavailable
from rotunda_kit.identity import Principal

log = structlog.get_logger()

# Seconds between two looks at whether something changed.
POLL = 0.5
CACHE_SIZE = 10_000


class Directory:
    """Knows what roles allow, and how teams and territories stand below each other.

    Args:
        database: of the service, with its copies.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._epoch: int | None = None
        self._roles: dict[str, Role] = {}
        self._team_parents: dict[UUID, UUID | None] = {}
        self._territory_parts: dict[UUID, list[UUID]] = {}
        self._rights: OrderedDict[tuple[frozenset[str], tuple[str, ...]], Rights] = OrderedDict()

    @property
    def epoch(self) -> int:
        """Changes when what is known here changes."""
        return self._epoch or 0

    async def run(self) -> None:
        """Stay up to date until cancelled."""
        while True:
            try:
                await self.refresh()
            except Exception as error:  # what is known stays valid until the database is back
                log.warning("directory not refreshed", error=type(error).__name__)
            await asyncio.sleep(POLL)

    async def refresh(self) -> None:
        """Take in what changed since the last time."""
        async with self._database.reading() as connection:
            epoch = await connection.scalar(select(access_epoch.c.epoch)) or 0
            if epoch == self._epoch:
                return
            roles = (
                await connection.execute(
                    select(access_role.c.id, access_role.c.grants, access_role.c.field_restrictions).where(
                        ~access_role.c.deleted
                    )
                )
            ).all()
            teams = (
                await connection.execute(
                    select(access_team.c.id, access_team.c.parent_id).where(~access_team.c.deleted)
                )
            ).all()
            territories = (
                await connection.execute(
                    select(access_territory.c.id, access_territory.c.parent_id).where(~access_territory.c.deleted)
                )
            ).all()
        self._roles = {str(row.id): Role.of(row.grants, row.field_restrictions) for row in roles}
        self._team_parents = {row.id: row.parent_id for row in teams}
        self._territory_parts = {}
        for row in territories:
            self._territory_parts.setdefault(row.id, [])
            if row.parent_id is not None:
                self._territory_parts.setdefault(row.parent_id, []).append(row.id)
        self._rights.clear()
        # Read before the rest: what changed meanwhile is taken in the next time.
        self._epoch = epoch

    def rights(self, principal: Principal) -> Rights:
        """What a caller may do.

        Raises:
            Unavailable: what roles allow is not known yet.
        """
        key = (principal.roles, principal.limits)
        known = self._rights.get(key)
        if known is None:
            if principal.administrator:
                roles: Iterable[Role] = [EVERYTHING]
            elif self._epoch is None:
                raise Unavailable("ROLES_NOT_LOADED", "The service has just started. Try again in a moment.")
            else:
                roles = [self._roles[role] for role in principal.roles if role in self._roles]
            known = self._rights[key] = Rights(roles, principal.limits)
            if len(self._rights) > CACHE_SIZE:
                self._rights.popitem(last=False)
        return known

    def teams_above(self, teams: Iterable[str]) -> list[UUID]:
        """Teams, and those that they are a part of."""
        found: dict[UUID, None] = {}
        for team in teams:
            at: UUID | None = UUID(team)
            while at is not None and at not in found and at in self._team_parents:
                found[at] = None
                at = self._team_parents[at]
        return list(found)

    def territories_below(self, territories: Iterable[str]) -> list[UUID]:
        """Territories, and their parts at any depth."""
        return below([UUID(territory) for territory in territories], self._territory_parts)


def below(starts: Iterable[UUID], parts: Mapping[UUID, list[UUID]]) -> list[UUID]:
    """What stands in a tree at or below some places in it; those that are not in it are left out."""
    found: dict[UUID, None] = {}
    waiting = [start for start in starts if start in parts]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found[at] = None
            waiting += parts[at]
    return list(found)
