"""The methods of mailboxes."""

from sqlalchemy import exists, select

from rotunda.sync.events.v1 import mailbox_event_pb2 as events_pb
from rotunda.sync.v1 import mailbox_service_pb2 as pb
from rotunda_kit.errors import FailedPrecondition
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer
from rotunda_sync.mailboxes.model import Mailbox
from rotunda_sync.messages.model import Message
from rotunda_sync.references import UserReference

mailbox = Mailbox.__table__
message = Message.__table__
user = UserReference.__table__.alias("user")


async def empty(call: Command, record: Mailbox) -> None:
    """Refuse to delete a mailbox that has messages."""
    if await call.session.scalar(
        select(exists().where(message.c.mailbox_id == record.id, message.c.delete_time.is_(None)))
    ):
        raise FailedPrecondition("MAILBOX_HAS_MESSAGES", "The mailbox has messages.")


mailboxes = Collection(
    Mailbox,
    pb.Mailbox,
    event=events_pb.MailboxEvent,
    derived={"user_display_name": user.c.display_name},
    joins=[(user, user.c.id == mailbox.c.user_id)],
)


class MailboxService(Servicer, service="rotunda.sync.v1.MailboxService"):
    """Mailboxes whose mails are kept here."""

    GetMailbox = mailboxes.get()
    ListMailboxes = mailboxes.list()
    CreateMailbox = mailboxes.create()
    UpdateMailbox = mailboxes.update()
    DeleteMailbox = mailboxes.delete(empty)
    UndeleteMailbox = mailboxes.undelete()
    BatchCreateMailboxes = mailboxes.batch_create()
    BatchUpdateMailboxes = mailboxes.batch_update()
