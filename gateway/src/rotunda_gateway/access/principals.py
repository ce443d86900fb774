"""What tokens say of users: read in one statement, for as many as are in use."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    LargeBinary,
    Row,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from rotunda_gateway.access.api_keys.model import ApiKey
from rotunda_gateway.access.groups.queries import role_ids
from rotunda_gateway.access.users.model import User
from rotunda_gateway.auth.tables import session
from rotunda_kit.identity import Principal

user = User.__table__
subject = user.alias("subject")
api_key = ApiKey.__table__

SESSION, API_KEY, USER = "session", "API key", "user"

_IDS: Any = bindparam("ids", type_=ARRAY(Uuid))
_no_digest = cast(null(), LargeBinary)
_no_scopes = cast(null(), ARRAY(Text))
# What is no session gives nobody credentials that outlive it: see `Principal.limits`.
_all_scopes = cast(["*"], ARRAY(Text))
_credential = union_all(
    select(
        session.c.id,
        session.c.user_id,
        literal(SESSION).label("kind"),
        _no_digest.label("digest"),
        _no_scopes.label("scopes"),
    ).where(session.c.id == func.any(_IDS), session.c.end_time.is_(None), session.c.expire_time > func.now()),
    select(api_key.c.id, api_key.c.user_id, literal(API_KEY), api_key.c.digest, api_key.c.scopes).where(
        api_key.c.id == func.any(_IDS),
        api_key.c.delete_time.is_(None),
        api_key.c.revoke_time.is_(None),
        or_(api_key.c.expire_time.is_(None), api_key.c.expire_time > func.now()),
    ),
    # A user's own id speaks for whoever acts on his behalf, or shows an identity provider's token about him.
    select(subject.c.id, subject.c.id, literal(USER), _no_digest, _all_scopes).where(subject.c.id == func.any(_IDS)),
).subquery("credential")
_READ = (
    select(
        _credential.c.id,
        _credential.c.kind,
        _credential.c.digest,
        _credential.c.scopes,
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
    """What somebody shows, and for whom it speaks.

    `kind` is SESSION, API_KEY or USER; `digest` is that of an API key, else empty.
    """

    kind: str
    principal: Principal
    digest: bytes = b""


async def read_credentials(connection: AsyncConnection, ids: Collection[UUID]) -> dict[str, Credential]:
    """Who is behind these ids, of sessions, API keys and users.

    Returns:
        By id; what does not count any more is left out.
    """
    rows = await connection.execute(_READ, {"ids": list(ids)})
    return {str(row.id): Credential(row.kind, _principal(row), row.digest or b"") for row in rows}


def _principal(row: Row[Any]) -> Principal:
    return Principal(
        subject=str(row.user_id),
        session=str(row.id),
        roles=frozenset(map(str, row.role_ids)),
        teams=tuple(map(str, row.team_ids)),
        groups=tuple(map(str, row.group_ids)),
        territories=tuple(map(str, row.territory_ids)),
        limits=tuple(row.scopes or ()),
    )


async def note_use(transaction: AsyncSession, ids: Collection[UUID]) -> None:
    """Note that sessions and API keys were just used."""
    just_now = {"last_use_time": func.now()}
    await transaction.execute(update(session).where(session.c.id.in_(ids)).values(just_now))
    await transaction.execute(update(ApiKey).where(ApiKey.id.in_(ids)).values(just_now))
