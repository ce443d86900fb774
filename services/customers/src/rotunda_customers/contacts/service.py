"""The methods of contacts."""

from rotunda.customers.events.v1 import contact_event_pb2 as events_pb
from rotunda.customers.v1 import contact_service_pb2 as pb
from rotunda_customers.accounts.model import Account
from rotunda_customers.contacts.model import Contact
from rotunda_customers.references import UserReference
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.method import Servicer

contact = Contact.__table__
account = Account.__table__
owner = UserReference.__table__.alias("owner")

contacts = Collection(
    Contact,
    pb.Contact,
    event=events_pb.ContactEvent,
    derived={"account_display_name": account.c.display_name, "owner_display_name": owner.c.display_name},
    joins=[(account, account.c.id == contact.c.account_id), (owner, owner.c.id == contact.c.owner_id)],
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
