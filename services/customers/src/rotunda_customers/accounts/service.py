"""The methods of accounts."""

from rotunda.customers.events.v1 import account_event_pb2 as events_pb
from rotunda.customers.v1 import account_service_pb2 as pb
from rotunda_customers.accounts import queries
from rotunda_customers.accounts.model import Account
from rotunda_kit.resource.collection import Collection
from rotunda_kit.resource.hierarchy import in_hierarchy, no_children
from rotunda_kit.server.method import Servicer

names = {
    "owner_display_name": queries.owner.c.display_name,
    "parent_account_display_name": queries.parent.c.display_name,
}
joins = [
    (queries.owner, queries.owner.c.id == queries.account.c.owner_id),
    (queries.parent, queries.parent.c.id == queries.account.c.parent_account_id),
]

accounts = Collection(
    Account,
    pb.Account,
    event=events_pb.AccountEvent,
    derived=names,
    joins=joins,
    guards=[in_hierarchy(Account, "parent_account_id")],
)


class AccountService(Servicer, service="rotunda.customers.v1.AccountService"):
    """Companies and individuals."""

    GetAccount = accounts.get()
    ListAccounts = accounts.list()
    CreateAccount = accounts.create()
    UpdateAccount = accounts.update()
    DeleteAccount = accounts.delete(no_children(Account, "parent_account_id", "ACCOUNT_HAS_SUBSIDIARIES"))
    UndeleteAccount = accounts.undelete()
    BatchCreateAccounts = accounts.batch_create()
