"""A service's own copies of what decides who may do what, kept up from the events of access."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Table, Uuid, bindparam, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda.access.events.v1 import (
    group_event_pb2,
    role_event_pb2,
    team_event_pb2,
    territory_event_pb2,
    user_event_pb2,
)
from rotunda_kit.db.tables import access_group, access_role, access_team, access_territory, access_user
from rotunda_kit.events.envelope import Event
from rotunda_kit.events.reactions import Reaction
from rotunda_kit.events.references import keep_newest
from rotunda_kit.resource.values import object_of

_NEXT_EPOCH = text(
    "INSERT INTO access_epoch (epoch) VALUES (1) ON CONFLICT (single) DO UPDATE SET epoch = access_epoch.epoch + 1"
)

# UNION, not UNION ALL: copies that were changed in another order than their sources may stand in a circle for a moment.
_REACH = """
WITH RECURSIVE up (team_id, above_id) AS (
    SELECT id, id FROM access_team WHERE NOT deleted
    UNION
    SELECT up.team_id, above.id
    FROM up JOIN access_team team ON team.id = up.above_id JOIN access_team above ON above.id = team.parent_id
    WHERE NOT above.deleted
), wanted AS (
    SELECT id AS scope_id, id AS user_id FROM access_user {these}
    UNION
    SELECT up.above_id, member.id
    FROM access_user member CROSS JOIN unnest(member.team_ids) AS of_team JOIN up ON up.team_id = of_team {those}
), gone AS (
    DELETE FROM access_reach reach
    WHERE NOT EXISTS (SELECT 1 FROM wanted WHERE (wanted.scope_id, wanted.user_id) = (reach.scope_id, reach.user_id))
    {and_these}
)
INSERT INTO access_reach (scope_id, user_id) SELECT scope_id, user_id FROM wanted ON CONFLICT DO NOTHING
"""
ALL_REACH = text(_REACH.format(these="", those="", and_these=""))
_REACH_OF_USERS = text(
    _REACH.format(
        these="WHERE id = ANY(:users)",
        those="WHERE member.id = ANY(:users)",
        and_these="AND reach.user_id = ANY(:users)",
    )
).bindparams(bindparam("users", type_=ARRAY(Uuid)))


def _row(event: Event, record: Any) -> dict[str, Any]:
    return {"id": UUID(record.id), "version": int(record.etag), "deleted": event.verb == "deleted"}


def _parent(value: str) -> UUID | None:
    return UUID(value) if value else None


async def keep_roles(events: Sequence[Event], session: AsyncSession) -> None:
    """Keep up the copies of roles."""
    rows = []
    for event in events:
        role = role_event_pb2.RoleEvent.FromString(event.payload).role
        rows.append(
            _row(event, role)
            | {
                "grants": [object_of(grant) for grant in role.grants],
                "field_restrictions": [object_of(restriction) for restriction in role.field_restrictions],
            }
        )
    await keep_newest(session, access_role, rows)
    await session.execute(_NEXT_EPOCH)


async def keep_groups(events: Sequence[Event], session: AsyncSession) -> None:
    """Keep up which groups there are."""
    rows = [_row(event, group_event_pb2.GroupEvent.FromString(event.payload).group) for event in events]
    await keep_newest(session, access_group, rows)


async def keep_territories(events: Sequence[Event], session: AsyncSession) -> None:
    """Keep up the tree of territories."""
    rows = []
    for event in events:
        territory = territory_event_pb2.TerritoryEvent.FromString(event.payload).territory
        rows.append(_row(event, territory) | {"parent_id": _parent(territory.parent_territory_id)})
    await keep_newest(session, access_territory, rows)
    await session.execute(_NEXT_EPOCH)


async def keep_teams(events: Sequence[Event], session: AsyncSession) -> None:
    """Keep up the tree of teams, and who is below which of them."""
    rows = []
    for event in events:
        team = team_event_pb2.TeamEvent.FromString(event.payload).team
        rows.append(_row(event, team) | {"parent_id": _parent(team.parent_team_id)})
    await keep_newest(session, access_team, rows)
    await session.execute(ALL_REACH)
    await session.execute(_NEXT_EPOCH)


async def keep_users(events: Sequence[Event], session: AsyncSession) -> None:
    """Keep up the teams of users."""
    rows = []
    for event in events:
        user = user_event_pb2.UserEvent.FromString(event.payload).user
        rows.append(_row(event, user) | {"team_ids": [UUID(team) for team in user.team_ids]})
    await keep_newest(session, access_user, rows)
    await session.execute(_REACH_OF_USERS, {"users": [row["id"] for row in rows]})


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """Which noun a table has copies of, with `id`, `version` and `deleted`."""

    noun: str
    table: Table

    async def forget(self, session: AsyncSession, ids: Sequence[UUID]) -> None:
        """Take records for deleted, of which no event will tell."""
        await session.execute(update(self.table).where(self.table.c.id.in_(ids)).values(deleted=True))
        await session.execute(ALL_REACH)
        await session.execute(_NEXT_EPOCH)


COPIES = (
    KeptCopy("access.role", access_role),
    KeptCopy("access.group", access_group),
    KeptCopy("access.territory", access_territory),
    KeptCopy("access.team", access_team),
    KeptCopy("access.user", access_user),
)

REACTIONS = (
    Reaction("access.role", frozenset(), keep_roles),
    Reaction("access.group", frozenset(), keep_groups),
    Reaction("access.territory", frozenset(), keep_territories),
    Reaction("access.team", frozenset(), keep_teams),
    Reaction("access.user", frozenset(), keep_users),
)
