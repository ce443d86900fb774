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
from sqlalchemy import select

from rotunda.customers.v1 import account_service_pb2
from rotunda.kit.v1 import overview_service_pb2 as pb
from rotunda_gateway.access.references import AccountReference
from rotunda_gateway.overview.batches import OverviewBatches
from rotunda_gateway.overview.last_known import LastKnown
from rotunda_kit.client import Clients
from rotunda_kit.db.engine import Database
from rotunda_kit.errors import NotFound, RotundaError, Unauthenticated, Unavailable
from rotunda_kit.json import encoder

# The view's sections in their order, and who has them.
SECTIONS = {
    "profile": "customers",
    "contacts": "customers",
    "activities": "customers",
    "opportunities": "sales",
    "tickets": "service_desk",
    "campaigns": "marketing",
    "messages": "sync",
}
OWNER = "customers"

copies = AccountReference.__table__


class Views:
    """Assembles views.

    Args:
        clients: to all services.
        database: with the gateway's copies of accounts.
        deadline: seconds that a view waits.
    """

    def __init__(self, clients: Clients, database: Database, deadline: float) -> None:
        self._batches = {service: OverviewBatches(service, clients) for service in dict.fromkeys(SECTIONS.values())}
        self._database = database
        self._deadline = deadline
        self._last_known = LastKnown()

    async def get(self, account_id: str, caller: str, token: str) -> dict[str, Any]:
        """The view of an account, ready to be written as JSON.

        Args:
            account_id: a UUID.
            caller: his subject; what he saw last is shown to him alone.
            token: his internal token.

        Raises:
            NotFound: ACCOUNT_NOT_FOUND.
            Unavailable: the customers service is away, and nobody here ever heard of the account.
        """
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
            account: Mapping[str, Any] = await self._copied(account_id, ends)
        elif "account" in found:
            account = {"account": orjson.Fragment(_json(found["account"]))}
        else:
            raise NotFound("ACCOUNT_NOT_FOUND", "There is no such account.")
        sections = [
            self._section(caller, account_id, name, found.get(name) if service in overviews else None, as_of)
            for name, service in SECTIONS.items()
        ]
        return {**account, "sections": sections}

    def _section(self, caller: str, account_id: str, name: str, data: AnyMessage | None, as_of: str) -> dict[str, Any]:
        key = (caller, account_id, name)
        if data is not None:
            content = _json(data)
            self._last_known.keep(key, as_of, content)
            return {"name": name, "status": "OK", "asOf": as_of, "data": orjson.Fragment(content)}
        known = self._last_known.get(key)
        if known is not None:
            return {"name": name, "status": "STALE", "asOf": known[0], "data": orjson.Fragment(known[1])}
        return {"name": name, "status": "UNAVAILABLE", "asOf": None, "data": None}

    async def _copied(self, account_id: str, ends: float) -> dict[str, Any]:
        """The account as the gateway last heard of it."""
        async with asyncio.timeout(max(0.1, ends - time.monotonic())), self._database.reading() as connection:
            row = (await connection.execute(select(copies).where(copies.c.id == UUID(account_id)))).one_or_none()
        if row is None:
            raise Unavailable("SERVICE_UNAVAILABLE", "The customers service does not answer. Try again later.")
        if row.deleted:
            raise NotFound("ACCOUNT_NOT_FOUND", "There is no such account.")
        account = account_service_pb2.Account.FromString(row.snapshot)
        encode = encoder(account_service_pb2.Account)
        return {"account": encode(account), "accountAsOf": encode(account)["updateTime"]}


def _json(packed: AnyMessage) -> bytes:
    cls = symbol_database.Default().GetSymbol(packed.TypeName())
    return orjson.dumps(encoder(cls)(cls.FromString(packed.value)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
