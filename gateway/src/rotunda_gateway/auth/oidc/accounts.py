"""Which user of ours someone is whom the provider knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from rotunda_gateway.access.groups.model import Group
from rotunda_gateway.access.users.model import User
from rotunda_kit.db.engine import Database
from rotunda_kit.db.failures import UNIQUE_VIOLATION, sqlstate
from rotunda_kit.db.tables import external_id
from rotunda_kit.db.unit_of_work import UnitOfWork, unit_of_work
from rotunda_kit.errors import AlreadyExists, Unauthenticated

LONGEST_NAME = 255
MOST_GROUPS = 20


@dataclass(frozen=True, slots=True)
class Rules:
    """How people and machines become users.

    `issuer` is the provider; `groups_claim` names the claim with the names of groups, which count where a group of ours
    has the external id `{system: issuer, id: name}`; `provision` makes users who are not there yet; `link_by_email`
    lets someone with a verified address be the user who has it.
    """

    issuer: str
    groups_claim: str
    provision: bool
    link_by_email: bool


async def user_of(database: Database, rules: Rules, claims: Mapping[str, Any], key: str) -> UUID:
    """The user that a token is about, with the groups that it names.

    Groups that the provider does not name any more are taken away; those that it can't know stay.

    Args:
        database: of access.
        rules: how people become users.
        claims: of a verified token.
        key: his id at the provider.

    Raises:
        Unauthenticated: USER_UNKNOWN, or USER_INACTIVE, he may not sign in any more.
    """
    try:
        return await _user_of(database, rules, claims, key)
    except (AlreadyExists, DBAPIError) as error:
        if not isinstance(error, AlreadyExists) and sqlstate(error) != UNIQUE_VIOLATION:
            raise
        # His first two sign-ins at the same time: the other one was faster.
        return await _user_of(database, rules, claims, key)


async def _user_of(database: Database, rules: Rules, claims: Mapping[str, Any], key: str) -> UUID:
    async with unit_of_work(database, "system") as work:
        user = await _known(work, rules, key) or await _same_address(work, rules, claims, key)
        if user is None:
            if not rules.provision:
                raise Unauthenticated("USER_UNKNOWN", "Nobody here is known by this sign-in. Ask an administrator.")
            user = _new(rules, claims, key)
            work.session.add(user)
        if not user.active or user.delete_time is not None:
            raise Unauthenticated("USER_INACTIVE", "The user may not sign in any more.")
        named = claims.get(rules.groups_claim)
        if isinstance(named, list):
            user.change({"group_ids": await _groups(work, rules, user, {str(name) for name in named})})
        return user.id


async def _known(work: UnitOfWork, rules: Rules, key: str) -> User | None:
    statement = (
        select(User)
        .join(external_id, external_id.c.resource_id == User.id)
        .where(
            external_id.c.noun == User.__noun__,
            external_id.c.system == rules.issuer,
            external_id.c.external_id == key,
        )
        .with_for_update(of=User)
    )
    user: User | None = await work.session.scalar(statement)
    return user


async def _same_address(work: UnitOfWork, rules: Rules, claims: Mapping[str, Any], key: str) -> User | None:
    if not rules.link_by_email or claims.get("email_verified") is not True or not claims.get("email"):
        return None
    statement = (
        select(User)
        .where(func.lower(User.email) == str(claims["email"]).lower(), User.delete_time.is_(None))
        .limit(2)
        .with_for_update()
    )
    found = list(await work.session.scalars(statement))
    if len(found) != 1:
        return None
    found[0].change({"external_ids": [*found[0].external_ids, {"system": rules.issuer, "id": key}]})
    return found[0]


def _new(rules: Rules, claims: Mapping[str, Any], key: str) -> User:
    email = claims.get("email") if claims.get("email_verified") is True else None
    name = str(claims.get("name") or claims.get("preferred_username") or email or key)
    # What he is called there may be someone else's name here.
    username = f"{claims.get('preferred_username') or key}@{rules.issuer.split('://')[-1]}"
    return User(
        username=username.lower()[:LONGEST_NAME],
        display_name=name[:LONGEST_NAME],
        email=str(email) if email else None,
        external_ids=[{"system": rules.issuer, "id": key}],
    )


async def _groups(work: UnitOfWork, rules: Rules, user: User, names: set[str]) -> list[UUID]:
    rows = await work.session.execute(
        select(external_id.c.external_id, external_id.c.resource_id).where(
            external_id.c.noun == Group.__noun__, external_id.c.system == rules.issuer
        )
    )
    kept = {row.resource_id: row.external_id for row in rows}
    by_hand = [group for group in user.group_ids if group not in kept]
    granted = sorted(group for group, name in kept.items() if name in names)
    return [*by_hand, *granted][:MOST_GROUPS]
