"""Who may do what, decided in the service that has the records: on rights from roles, in SQL for rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, Uuid, bindparam, false, func, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_kit.access.directory import Directory
from rotunda_kit.access.fields import Shield
from rotunda_kit.access.ownership import Ownership
from rotunda_kit.access.permissions import CREATE, DELETE, READ, Permission
from rotunda_kit.access.rights import Rights, Scope
from rotunda_kit.access.shares.model import Share, ShareLevel
from rotunda_kit.db.engine import Database
from rotunda_kit.db.tables import access_reach
from rotunda_kit.errors import PermissionDenied
from rotunda_kit.identity import Principal

# Shares up to here are named one by one, so that an index on the records' ids serves them.
NAMED_SHARES = 500

share = Share.__table__

_SHARES = select(share.c.record_type, share.c.record_id, type_coerce(share.c.level, Text)).where(
    share.c.grantee_id == func.any(bindparam("grantees", type_=ARRAY(Uuid))), share.c.delete_time.is_(None)
)


class AccessControl:
    """What a service process knows to decide.

    Args:
        directory: of roles and trees.
        ownerships: by noun, of those whose records belong to someone.
        database: of the service, with its shares.
    """

    def __init__(self, directory: Directory, ownerships: Mapping[str, Ownership], database: Database) -> None:
        self.directory = directory
        self.ownerships = ownerships
        self.database = database

    def of(self, principal: Principal) -> "Access":
        """What one caller may do.

        Raises:
            Unavailable: what roles allow is not known yet.
        """
        return Access(principal, self.directory.rights(principal), self)


class Access:
    """What the caller of one call may do.

    Args:
        principal: who calls.
        rights: from his roles.
        control: of the service.
    """

    def __init__(self, principal: Principal, rights: Rights, control: AccessControl) -> None:
        self.principal = principal
        self._control = control
        self.rights = rights
        self._shares: Mapping[str, tuple[list[UUID], list[UUID]]] | None = None

    def require(self, permission: Permission, *, owned: bool) -> None:
        """Refuse what is not allowed with any record.

        Args:
            permission: what is to be done.
            owned: whether the records belong to someone; where they do not, only a grant for all of them counts.

        Raises:
            PermissionDenied: PERMISSION_MISSING.
        """
        if not self.allows(permission, owned=owned):
            raise PermissionDenied(
                "PERMISSION_MISSING", "None of your roles allows this.", {"permission": str(permission)}
            )

    def allows(self, permission: Permission, *, owned: bool) -> bool:
        """Whether something is allowed with some records at least."""
        scopes = self.rights.scopes(permission)
        return bool(scopes if owned else scopes & {Scope.ALL})

    def shield(self, resource: str) -> Shield | None:
        """What keeps fields of a resource back; None if all are seen and can be set."""
        restrictions = self.rights.restrictions(resource)
        return Shield(restrictions) if restrictions else None

    def unrestricted(self, noun: str, permission: Permission) -> bool:
        """Whether something is allowed with every record of a noun."""
        return noun not in self._control.ownerships or Scope.ALL in self.rights.scopes(permission)

    @property
    def ownerships(self) -> Mapping[str, Ownership]:
        """To whom records belong, by noun, of those that belong to someone."""
        return self._control.ownerships

    def ownership(self, noun: str) -> Ownership | None:
        """To whom the records of a noun belong."""
        return self._control.ownerships.get(noun)

    async def condition(self, noun: str, permission: Permission) -> ColumnElement[bool] | None:
        """The records of a noun with which something is allowed; None for all."""
        if self.unrestricted(noun, permission):
            return None
        scopes = self.rights.scopes(permission)
        if not scopes:
            return false()
        ownership = self._control.ownerships[noun]
        return or_(false(), *await self._reached(ownership, scopes, permission.action))

    async def _reached(self, ownership: Ownership, scopes: frozenset[Scope], action: str) -> list[ColumnElement[bool]]:
        reached = self._owned(ownership, scopes)
        shared = await self._shared(ownership, action)
        if shared is not None:
            reached.append(shared)
        if ownership.parent is not None and ownership.whole is not None:
            whole = ownership.whole
            of_whole = await self._reached(whole, scopes, action)
            if of_whole:
                reached.append(ownership.parent.in_(select(whole.table.c.id).where(or_(*of_whole))))
        return reached

    def _owned(self, ownership: Ownership, scopes: frozenset[Scope]) -> list[ColumnElement[bool]]:
        owned: list[ColumnElement[bool]] = []
        if ownership.owner is not None:
            if Scope.TEAM in scopes and self.principal.teams:
                owned.append(ownership.owner.in_(self._reach()))
            else:
                owned.append(ownership.owner == UUID(self.principal.subject))
        if Scope.TERRITORY in scopes and self.principal.territories:
            its = func.any(_ids(self.territories()))
            if ownership.territory is not None:
                owned.append(ownership.territory == its)
            if ownership.account is not None and ownership.accounts is not None:
                accounts = ownership.accounts
                owned.append(ownership.account.in_(select(accounts.c.id).where(accounts.c.territory_id == its)))
        return owned

    def _reach(self) -> Select[Any]:
        scopes = [UUID(each) for each in (self.principal.subject, *self.principal.teams)]
        return select(access_reach.c.user_id).where(access_reach.c.scope_id == func.any(_ids(scopes)))

    async def _shared(self, ownership: Ownership, action: str) -> ColumnElement[bool] | None:
        if action in (CREATE, DELETE):
            return None
        if self._shares is None:
            self._shares = await self._read_shares()
        seen, written = self._shares.get(ownership.noun, ([], []))
        ids = seen if action == READ else written
        if not ids:
            return None
        if len(ids) <= NAMED_SHARES:
            return ownership.table.c.id == func.any(_ids(ids))
        named = select(share.c.record_id).where(
            share.c.record_type == ownership.noun,
            share.c.grantee_id == func.any(_ids(self.grantees())),
            share.c.delete_time.is_(None),
        )
        return ownership.table.c.id.in_(named if action == READ else named.where(share.c.level == ShareLevel.WRITE))

    async def _read_shares(self) -> dict[str, tuple[list[UUID], list[UUID]]]:
        async with self._control.database.reading() as connection:
            rows = (await connection.execute(_SHARES, {"grantees": self.grantees()})).all()
        shares: dict[str, tuple[list[UUID], list[UUID]]] = {}
        for noun, record_id, level in rows:
            seen, written = shares.setdefault(noun, ([], []))
            seen.append(record_id)
            if level == ShareLevel.WRITE:
                written.append(record_id)
        return shares

    def grantees(self) -> list[UUID]:
        """As whom records may be shared with him: himself, his groups, his teams and those above them."""
        principal = self.principal
        return [
            UUID(principal.subject),
            *(UUID(group) for group in principal.groups),
            *self._control.directory.teams_above(principal.teams),
        ]

    def territories(self) -> list[UUID]:
        """Those that he works, and their parts."""
        return self._control.directory.territories_below(self.principal.territories)

    async def sort_out(
        self, session: AsyncSession, noun: str, permission: Permission, ids: Sequence[UUID]
    ) -> tuple[set[UUID], set[UUID]]:
        """Those of some records with which something is allowed, and those that may at least be seen."""
        may_act = await self.condition(noun, permission)
        if may_act is None:
            return set(ids), set(ids)
        may_see = await self.condition(noun, Permission(permission.resource, READ))
        table = self._control.ownerships[noun].table
        columns: list[ColumnElement[Any]] = [table.c.id, may_act.label("act")]
        if may_see is not None:
            columns.append(may_see.label("see"))
        rows = (await session.execute(select(*columns).where(table.c.id.in_(ids)))).all()
        return {row.id for row in rows if row.act}, {row.id for row in rows if row.act or may_see is None or row.see}


def _ids(ids: Iterable[UUID]) -> Any:
    return bindparam(None, list(ids), type_=ARRAY(Uuid), unique=True)
