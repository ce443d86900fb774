"""What tokens say of users: read in one statement, for as many as are in use."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from rotunda_gateway.access.groups.queries import role_ids
from rotunda_gateway.access.users.model import User
from rotunda_gateway.auth.tables import session
from rotunda_kit.identity import Principal

user = User.__table__
subject = user.alias("subject")

SESSION, ON_BEHALF = "session", "on behalf"

_IDS: Any = bindparam("ids", type_=ARRAY(Uuid))
_credential = union_all(
    select(session.c.id, session.c.user_id, literal(SESSION).label("kind")).where(
        session.c.id == func.any(_IDS), session.c.end_time.is_(None), session.c.expire_time > func.now()
    ),
    # A user's own id speaks for whoever acts on his behalf.
    select(subject.c.id, subject.c.id, literal(ON_BEHALF)).where(subject.c.id == func.any(_IDS)),
).subquery("credential")
_READ = (
    select(
        _credential.c.id,
        _credential.c.kind,
        user.c.id.label("user_id"),
        user.c.team_ids,
        user.c.group_ids,
        user.c.territory_ids,
        role_ids().label("role_ids"),
    )
    .select_from(_credential.join(user, user.c.id == _credential.c.user_id))
    .where(user.c.active, user.c.delete_time.is_(None))
)


@dataclass(frozen=True, slots=True)
class Credential:
    """What somebody shows, and for whom it speaks; `kind` is SESSION or ON_BEHALF."""

    kind: str
    principal: Principal


async def read_credentials(connection: AsyncConnection, ids: Collection[UUID]) -> dict[str, Credential]:
    """Who is behind these ids, of sessions and of users on whose behalf others act.

    Returns:
        By id; what does not count any more is left out.
    """
    rows = await connection.execute(_READ, {"ids": list(ids)})
    return {str(row.id): Credential(row.kind, _principal(row)) for row in rows}


def _principal(row: Row[Any]) -> Principal:
    return Principal(
        subject=str(row.user_id),
        session=str(row.id),
        roles=frozenset(map(str, row.role_ids)),
        teams=tuple(map(str, row.team_ids)),
        groups=tuple(map(str, row.group_ids)),
        territories=tuple(map(str, row.territory_ids)),
    )
