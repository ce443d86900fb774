"""Which user of ours someone is whom the provider knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from rotunda_gateway.access.administrators import flush_unless_last
from rotunda_gateway.access.groups.model import Group
from rotunda_gateway.access.users.model import User
from rotunda_kit.db.engine import Database
from rotunda_kit.db.failures import UNIQUE_VIOLATION, sqlstate
from rotunda_kit.db.tables import external_id
from rotunda_kit.db.unit_of_work import UnitOfWork, unit_of_work
from rotunda_kit.errors import AlreadyExists, FailedPrecondition, Unauthenticated

LONGEST_NAME = 255
MOST_GROUPS = 20
# What machines are known by begins with it.
MACHINE = "client:"

log = structlog.get_logger()


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


def key_of(claims: Mapping[str, Any], *, machine: bool) -> str:
    """What someone is known by: a person by his `sub`, a machine as `client:<its id>`.

    Raises:
        Unauthenticated: TOKEN_INVALID, nobody could be known by it, or a person would be taken for a machine.
    """
    key = f"{MACHINE}{claims['client_id']}" if machine else str(claims["sub"])
    if len(key) > LONGEST_NAME or key != _text(key) or (not machine and key.startswith(MACHINE)):
        raise Unauthenticated("TOKEN_INVALID", "The token is not valid.")
    return key


def groups_in(rules: Rules, claims: Mapping[str, Any]) -> set[str] | None:
    """The groups that a token names; None where it does not say.

    Raises:
        Unauthenticated: OIDC_GROUPS_MISSING, there are more than the provider puts into a token.
    """
    elsewhere = claims.get("_claim_names")
    if isinstance(elsewhere, Mapping) and rules.groups_claim in elsewhere:
        raise Unauthenticated("OIDC_GROUPS_MISSING", "You are in more groups than the identity provider names.")
    named = claims.get(rules.groups_claim)
    if isinstance(named, str):
        return {named}
    return {str(name) for name in named} if isinstance(named, list) else None


async def user_of(
    database: Database, rules: Rules, claims: Mapping[str, Any], key: str, groups: set[str] | None
) -> UUID:
    """The user that a token is about, with the groups that it names.

    Groups that the provider does not name any more are taken away, but for what makes someone the last administrator;
    those that it can't know stay.

    Args:
        database: of access.
        rules: how people become users.
        claims: of a verified token.
        key: his id at the provider, as `key_of` gives it.
        groups: their names; None leaves him those that he has.

    Raises:
        Unauthenticated: USER_UNKNOWN; USER_INACTIVE, he may not sign in any more; OIDC_TOO_MANY_GROUPS.
    """
    try:
        return await _user_of(database, rules, claims, key, groups)
    except (AlreadyExists, DBAPIError) as error:
        if not isinstance(error, AlreadyExists) and sqlstate(error) != UNIQUE_VIOLATION:
            raise
        # His first two sign-ins at the same time: the other one was faster.
        return await _user_of(database, rules, claims, key, groups)


async def _user_of(
    database: Database, rules: Rules, claims: Mapping[str, Any], key: str, groups: set[str] | None
) -> UUID:
    async with unit_of_work(database, "system") as work:
        user = await _known(work, rules, key) or await _same_address(work, rules, claims, key)
        if user is None:
            if not rules.provision:
                raise Unauthenticated("USER_UNKNOWN", "Nobody here is known by this sign-in. Ask an administrator.")
            user = _new(rules, claims, key)
            work.session.add(user)
        if not user.active or user.delete_time is not None:
            raise Unauthenticated("USER_INACTIVE", "The user may not sign in any more.")
        user_id = user.id
        if groups is not None:
            await _join(work, user, await _groups(work, rules, user, groups))
        return user_id


async def _join(work: UnitOfWork, user: User, group_ids: list[UUID]) -> None:
    if sorted(group_ids) == sorted(user.group_ids):
        return
    try:
        async with work.savepoint():
            user.change({"group_ids": group_ids})
            await flush_unless_last(work)
    except FailedPrecondition:
        # He may sign in, and mend it.
        log.warning("the last administrator keeps his groups")


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
    address = _address(claims)
    if not rules.link_by_email or address is None:
        return None
    statement = (
        select(User)
        .where(func.lower(User.email) == address.lower(), User.delete_time.is_(None))
        .limit(2)
        .with_for_update()
    )
    found = list(await work.session.scalars(statement))
    if len(found) != 1 or any(each["system"] == rules.issuer for each in found[0].external_ids):
        # Nobody, or somebody whom the provider knows as another.
        return None
    found[0].change({"external_ids": [*found[0].external_ids, {"system": rules.issuer, "id": key}]})
    return found[0]


def _new(rules: Rules, claims: Mapping[str, Any], key: str) -> User:
    email = _address(claims)
    name = _text(claims.get("name") or claims.get("preferred_username") or email or key)
    # What he is called there may be someone else's name here.
    username = _text(f"{claims.get('preferred_username') or key}@{rules.issuer.split('://')[-1]}")
    return User(
        username=username.lower()[:LONGEST_NAME],
        display_name=name[:LONGEST_NAME],
        email=email,
        external_ids=[{"system": rules.issuer, "id": key}],
    )


def _address(claims: Mapping[str, Any]) -> str | None:
    """His address, where the provider has verified it."""
    if claims.get("email_verified") is not True or not claims.get("email"):
        return None
    address = _text(claims["email"])
    return address if len(address) <= LONGEST_NAME else None


def _text(value: Any) -> str:
    """A text that PostgreSQL can keep: without NUL and halves of characters."""
    return str(value).encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


async def _groups(work: UnitOfWork, rules: Rules, user: User, names: set[str]) -> list[UUID]:
    rows = await work.session.execute(
        select(external_id.c.external_id, external_id.c.resource_id).where(
            external_id.c.noun == Group.__noun__, external_id.c.system == rules.issuer
        )
    )
    kept = {row.resource_id: row.external_id for row in rows}
    by_hand = [group for group in user.group_ids if group not in kept]
    granted = sorted(group for group, name in kept.items() if name in names)
    if len(by_hand) + len(granted) > MOST_GROUPS:
        raise Unauthenticated("OIDC_TOO_MANY_GROUPS", f"You are in more than {MOST_GROUPS} groups that count here.")
    return [*by_hand, *granted]
