"""The methods of ERP facts."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from rotunda.customers.events.v1 import erp_facts_event_pb2 as events_pb
from rotunda.customers.v1 import erp_facts_service_pb2 as pb
from rotunda_customers.accounts.model import Account
from rotunda_customers.erp_facts.model import ErpFacts
from rotunda_kit.access.permissions import Permission
from rotunda_kit.errors import FieldViolation, NotFound
from rotunda_kit.resource.batch import CREATED, UNCHANGED, UPDATED, BatchItem, batch_method
from rotunda_kit.resource.collection import Collection
from rotunda_kit.resource.external_ids import records_named
from rotunda_kit.server.call import Call, Command
from rotunda_kit.server.method import Servicer, query

facts = ErpFacts.__table__
account = Account.__table__

erp_facts = Collection(
    ErpFacts,
    pb.ErpFacts,
    event=events_pb.ErpFactsEvent,
    derived={"account_display_name": account.c.display_name},
    joins=[(account, account.c.id == facts.c.account_id)],
)


async def facts_go_with_it(call: Command, record: Account) -> None:
    """Let the facts of a deleted account go into the recycle bin, too."""
    told = (await _told(call, {record.id})).get(record.id)
    if told is not None and told.delete_time is None:
        told.delete()


async def facts_come_back_with_it(call: Command, record: Account) -> None:
    """Let the facts of an account come back with it."""
    told = (await _told(call, {record.id})).get(record.id)
    if told is not None and told.delete_time is not None:
        told.undelete()


@dataclass(frozen=True, slots=True)
class Named:
    """The accounts that items name, by external id: those of which the caller may tell, and those that he may see."""

    allowed: dict[tuple[str, str], UUID]
    seen: frozenset[tuple[str, str]]


async def _named(call: Command, permission: Permission, items: Sequence[pb.UpsertErpFactsRequest]) -> Named:
    """The accounts that items name, locked."""
    keys = {(item.external_id.system, item.external_id.id) for item in items}
    named = await records_named(call.session, Account.__noun__, keys)
    found = await _lock(call, set(named.values()))
    allowed, seen = await call.access.sort_out(call.session, Account.__noun__, permission, list(found))
    return Named(
        {key: account_id for key, account_id in named.items() if account_id in allowed},
        frozenset(key for key, account_id in named.items() if account_id in seen),
    )


async def _lock(call: Command, ids: set[UUID]) -> dict[UUID, Account]:
    """Living accounts, which nobody else changes until the end of the transaction."""
    statement = (
        select(Account)
        .where(Account.id.in_(ids), Account.delete_time.is_(None))
        .order_by(Account.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = {record.id: record for record in await call.session.scalars(statement)}
    call.work.note_locked(found.values())
    return found


async def _told(call: Command, accounts: set[UUID]) -> dict[UUID, ErpFacts]:
    """The facts of accounts, which are locked."""
    statement = select(ErpFacts).where(ErpFacts.account_id.in_(accounts)).execution_options(populate_existing=True)
    found = {record.account_id: record for record in await call.session.scalars(statement)}
    call.work.note_locked(found.values())
    return found


async def take_in(
    call: Command, _request: pb.BatchUpsertErpFactsRequest, items: Sequence[pb.UpsertErpFactsRequest]
) -> Callable[[Any], Awaitable[BatchItem]]:
    """The code that takes in the facts of one account.

    An item that fails takes the state of all records back to before it, so each item asks for its own again.
    """
    permission = erp_facts.admission.permission(call, "upsert")
    named = await _named(call, permission, items)
    known = {account_id: told.id for account_id, told in (await _told(call, set(named.allowed.values()))).items()}

    async def handle(item: pb.UpsertErpFactsRequest) -> BatchItem:
        key = (item.external_id.system, item.external_id.id)
        account_id = named.allowed.get(key)
        if account_id is None and key in named.seen:
            raise erp_facts.admission.refusal(permission)
        if account_id is None:
            raise NotFound("ACCOUNT_NOT_FOUND", "There is no account with this external id.").at(
                FieldViolation("external_id", "no account has it")
            )
        its = call.work.locked(Account, account_id) or (await _lock(call, {account_id}))[account_id]
        values = erp_facts.mapping.values(item.erp_facts, erp_facts.mapping.writable(item.erp_facts, ["*"]))
        record = None
        if account_id in known:
            record = call.work.locked(ErpFacts, known[account_id]) or (await _told(call, {account_id})).get(account_id)
        if record is None:
            record = ErpFacts(account_id=account_id, **values)
            known[account_id] = record.id
            call.session.add(record)
            call.work.note_locked([record])
            outcome = CREATED
        else:
            outcome = await _renew(call, record, values)
        its.change({"credit_status": record.credit_status})
        return BatchItem(record, outcome)

    return handle


async def _renew(call: Command, record: ErpFacts, values: dict[str, Any]) -> str:
    as_of = values.pop("as_of_time")
    if as_of < record.as_of_time:
        # It was overtaken on its way.
        return UNCHANGED
    if all(getattr(record, name) == value for name, value in values.items()):
        # Nobody need hear of it; but what comes late must not take its place.
        await call.session.execute(update(ErpFacts).where(ErpFacts.id == record.id).values(as_of_time=as_of))
        return UNCHANGED
    record.change(values | {"as_of_time": as_of})
    return UPDATED


class ErpFactsService(Servicer, service="rotunda.customers.v1.ErpFactsService"):
    """What the ERP tells of accounts."""

    @query
    async def GetErpFacts(self, request: pb.GetErpFactsRequest, call: Call) -> pb.GetErpFactsResponse:
        """What it tells of one."""
        its = erp_facts.mapping.select().where(facts.c.account_id == UUID(request.account_id))
        rows = await call.rows(await erp_facts.admission.visible(call, its))
        if not rows:
            raise erp_facts.not_found()
        message = erp_facts.mapping.read(rows[0])
        erp_facts.admission.shield(call, message)
        return pb.GetErpFactsResponse(erp_facts=message)

    ListErpFacts = erp_facts.list()
    BatchUpsertErpFacts = batch_method(take_in, erp_facts.admission.shield)
