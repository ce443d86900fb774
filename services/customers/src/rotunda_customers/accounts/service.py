"""The methods of accounts."""

from sqlalchemy import and_, inspect

from rotunda.customers.events.v1 import account_event_pb2 as events_pb
from rotunda.customers.v1 import account_service_pb2 as pb
from rotunda_customers.accounts import queries
from rotunda_customers.accounts.model import Account
from rotunda_customers.erp_facts.service import facts_come_back_with_it, facts_go_with_it
from rotunda_kit.errors import InvalidArgument
from rotunda_kit.model import now
from rotunda_kit.resource.collection import Collection
from rotunda_kit.resource.hierarchy import in_hierarchy, no_children
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer


async def primary_contact_is_its_own(call: Command, account: Account) -> None:
    """Refuse to name somebody the primary contact who does not belong to the account.

    Raises:
        InvalidArgument: on `primary_contact_id`.
    """
    contact_id = account.primary_contact_id
    if contact_id is None or not inspect(account).attrs.primary_contact_id.history.has_changes():
        return
    contact = await call.session.scalar(queries.contact_at_rest(contact_id))
    if contact is None or not contact.belongs_to(account.id, now().date()):
        raise InvalidArgument.of("account.primary_contact_id", "is no contact of this account")


names = {
    "owner_display_name": queries.owner.c.display_name,
    "parent_account_display_name": queries.parent.c.display_name,
    "primary_contact_display_name": queries.primary_contact.c.display_name,
}
joins = [
    (queries.owner, queries.owner.c.id == queries.account.c.owner_id),
    (queries.parent, queries.parent.c.id == queries.account.c.parent_account_id),
    (
        queries.primary_contact,
        and_(
            queries.primary_contact.c.id == queries.account.c.primary_contact_id,
            queries.primary_contact.c.delete_time.is_(None),
        ),
    ),
]

accounts = Collection(
    Account,
    pb.Account,
    event=events_pb.AccountEvent,
    derived=names,
    joins=joins,
    # In this order: what the second one flushes, the first one would not see as a change any more.
    guards=[primary_contact_is_its_own, in_hierarchy(Account, "parent_account_id")],
)


class AccountService(Servicer, service="rotunda.customers.v1.AccountService"):
    """Companies and individuals."""

    GetAccount = accounts.get()
    ListAccounts = accounts.list()
    CreateAccount = accounts.create()
    UpdateAccount = accounts.update()
    DeleteAccount = accounts.delete(
        no_children(Account, "parent_account_id", "ACCOUNT_HAS_SUBSIDIARIES"), facts_go_with_it
    )
    UndeleteAccount = accounts.undelete(facts_come_back_with_it)
    BatchCreateAccounts = accounts.batch_create()
    BatchUpdateAccounts = accounts.batch_update()
