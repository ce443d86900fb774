"""The methods of contacts."""

from sqlalchemy import inspect, select

from rotunda.customers.events.v1 import contact_event_pb2 as events_pb
from rotunda.customers.v1 import contact_service_pb2 as pb
from rotunda_customers.accounts.model import Account
from rotunda_customers.contacts.model import Contact
from rotunda_customers.references import UserReference
from rotunda_kit.model import now
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer

contact = Contact.__table__
account = Account.__table__
owner = UserReference.__table__.alias("owner")


async def leave_accounts(call: Command, record: Contact) -> None:
    """Cease to be the primary contact of accounts to which they do not belong any more."""
    state = inspect(record)
    changed = any(state.attrs[name].history.has_changes() for name in ("account_id", "account_roles"))
    if not changed or not state.persistent:
        return
    led = select(Account).where(Account.primary_contact_id == record.id, Account.delete_time.is_(None))
    today = now().date()
    for left in await call.session.scalars(led.order_by(Account.id).with_for_update()):
        if not record.belongs_to(left.id, today):
            left.change({"primary_contact_id": None})


contacts = Collection(
    Contact,
    pb.Contact,
    event=events_pb.ContactEvent,
    derived={"account_display_name": account.c.display_name, "owner_display_name": owner.c.display_name},
    joins=[(account, account.c.id == contact.c.account_id), (owner, owner.c.id == contact.c.owner_id)],
    guards=[leave_accounts],
)


class ContactService(Servicer, service="rotunda.customers.v1.ContactService"):
    """The people that one deals with."""

    GetContact = contacts.get()
    ListContacts = contacts.list()
    CreateContact = contacts.create()
    UpdateContact = contacts.update()
    DeleteContact = contacts.delete()
    UndeleteContact = contacts.undelete()
    BatchCreateContacts = contacts.batch_create()
    BatchUpdateContacts = contacts.batch_update()
