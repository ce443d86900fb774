"""One account's view: every service is asked at the same time, and those that do not answer leave a gap."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from google.protobuf import symbol_database
from google.protobuf.any_pb2 import Any as AnyMessage
from sqlalchemy import Table, select

from rotunda.customers.v1 import account_service_pb2
from rotunda.kit.v1 import overview_service_pb2 as pb
from rotunda_gateway.access.references import AccountReference
from rotunda_gateway.overview.batches import OverviewBatches
from rotunda_gateway.overview.last_known import Key, LastKnown
from rotunda_kit.access.control import Access, AccessControl
from rotunda_kit.access.directory import Directory
from rotunda_kit.access.ownership import ownership
from rotunda_kit.access.permissions import READ, Permission
from rotunda_kit.client import Clients
from rotunda_kit.db.engine import Database
from rotunda_kit.descriptors import descriptor_of
from rotunda_kit.errors import NotFound, RotundaError, Unauthenticated, Unavailable
from rotunda_kit.identity import TokenVerifier
from rotunda_kit.json import encoder

# The view's sections in their order, and who has them.
SECTIONS = {
    "profile": "customers",
    "erpFacts": "customers",
    "contacts": "customers",
    "activities": "customers",
    "opportunities": "sales",
    "tickets": "service_desk",
    "campaigns": "marketing",
    "messages": "sync",
}
OWNER = "customers"

copies: Table = AccountReference.__table__  # type: ignore[assignment]
READING = Permission("customers.accounts", READ)


class Views:
    """Assembles views.

    Args:
        clients: to all services.
        database: with the gateway's copies of accounts.
        tokens: verifies internal tokens.
        directory: of roles and trees.
        deadline: seconds that a view waits.
    """

    def __init__(
        self, clients: Clients, database: Database, tokens: TokenVerifier, directory: Directory, deadline: float
    ) -> None:
        self._batches = {service: OverviewBatches(service, clients) for service in dict.fromkeys(SECTIONS.values())}
        self._database = database
        self._tokens = tokens
        copied = ownership(
            "customers.account",
            descriptor_of(account_service_pb2.Account),
            copies,
            {},
            {},
        )
        self._control = AccessControl(directory, {"customers.account": copied} if copied else {}, database)
        self._deadline = deadline
        self._last_known = LastKnown()

    async def get(self, account_id: str, token: str) -> dict[str, Any]:
        """The view of an account, ready to be written as JSON.

        Args:
            account_id: a UUID.
            token: the caller's internal token.

        Raises:
            NotFound: ACCOUNT_NOT_FOUND.
            PermissionDenied: PERMISSION_MISSING, he may read no accounts at all.
            Unavailable: the customers service is away, and nobody here ever heard of the account.
        """
        principal = self._tokens.verify(token)
        access = self._control.of(principal)
        access.require(READING, owned=True)
        ends = time.monotonic() + self._deadline
        answers = await asyncio.gather(
            *(batch.get(account_id, token, self._deadline) for batch in self._batches.values()), return_exceptions=True
        )
        overviews: dict[str, pb.Overview] = {}
        for service, answer in zip(self._batches, answers, strict=True):
            if isinstance(answer, pb.Overview):
                overviews[service] = answer
            elif isinstance(answer, Unauthenticated) or not isinstance(answer, RotundaError):
                raise answer
        as_of = _now()
        found = {section.name: section.data for overview in overviews.values() for section in overview.sections}
        if OWNER not in overviews:
            account: Mapping[str, Any] = await self._copied(account_id, access, ends)
        elif "account" in found:
            account = {"account": orjson.Fragment(_json(found["account"]))}
        else:
            raise NotFound("ACCOUNT_NOT_FOUND", "There is no such account.")
        forbidden = {name for overview in overviews.values() for name in overview.forbidden}
        # Another's view, or one with other rights, is never shown again.
        rights = 0 if principal.administrator else self._control.directory.epoch
        seer = f"{principal.subject} {hash((principal, rights))}"
        sections = [
            _forbidden(name) if name in forbidden else self._section((seer, account_id, name), found.get(name), as_of)
            for name in SECTIONS
        ]
        return {**account, "sections": sections}

    def _section(self, key: Key, data: AnyMessage | None, as_of: str) -> dict[str, Any]:
        name = key[2]
        if data is not None:
            content = _json(data)
            self._last_known.keep(key, as_of, content)
            return {"name": name, "status": "OK", "asOf": as_of, "data": orjson.Fragment(content)}
        known = self._last_known.get(key)
        if known is not None:
            return {"name": name, "status": "STALE", "asOf": known[0], "data": orjson.Fragment(known[1])}
        return {"name": name, "status": "UNAVAILABLE", "asOf": None, "data": None}

    async def _copied(self, account_id: str, access: Access, ends: float) -> dict[str, Any]:
        """The account as the gateway last heard of it; what was shared with the caller is known to customers alone."""
        statement = select(copies).where(copies.c.id == UUID(account_id))
        async with asyncio.timeout(max(0.1, ends - time.monotonic())):
            visible = await access.condition("customers.account", READING)
            if visible is not None:
                statement = statement.where(visible)
            async with self._database.reading() as connection:
                row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise Unavailable("SERVICE_UNAVAILABLE", "The customers service does not answer. Try again later.")
        if row.deleted:
            raise NotFound("ACCOUNT_NOT_FOUND", "There is no such account.")
        account = account_service_pb2.Account.FromString(row.snapshot)
        shield = access.shield(READING.resource)
        if shield is not None:
            shield.apply(account)
        encode = encoder(account_service_pb2.Account)
        return {"account": encode(account), "accountAsOf": encode(account)["updateTime"]}


def _forbidden(name: str) -> dict[str, Any]:
    return {"name": name, "status": "FORBIDDEN", "asOf": None, "data": None}


def _json(packed: AnyMessage) -> bytes:
    cls = symbol_database.Default().GetSymbol(packed.TypeName())
    return orjson.dumps(encoder(cls)(cls.FromString(packed.value)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
