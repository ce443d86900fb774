"""The methods of messages."""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from google.protobuf.message import Message as ProtoMessage
from sqlalchemy import select

from rotunda.sync.events.v1 import message_event_pb2 as events_pb
from rotunda.sync.v1 import message_service_pb2 as pb
from rotunda_kit.errors import FailedPrecondition, FieldViolation, InvalidArgument
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Call, Command
from rotunda_kit.server.method import Servicer, query
from rotunda_sync.mailboxes.model import Mailbox
from rotunda_sync.messages.model import Message, MessageDirection
from rotunda_sync.messages.rfc5322 import parse_mail

ABOUT = ("account_id", "contact_id", "opportunity_id", "ticket_id")

# Characters from which on a mail is read beside the event loop.
LARGE = 100_000

message = Message.__table__


def _digest(source: str) -> bytes:
    return hashlib.sha256(source.encode()).digest()


def _about(request: Any) -> dict[str, UUID]:
    return {name: UUID(getattr(request, name)) for name in ABOUT if getattr(request, name)}


async def new_message(call: Command, request: pb.CreateMessageRequest, values: dict[str, Any]) -> Message:
    """A new message, read from its source."""
    source = request.message.source
    mail = await asyncio.to_thread(parse_mail, source) if len(source) > LARGE else parse_mail(source)
    if not mail.from_address:
        raise InvalidArgument.of("message.source", "has no From header with an e-mail address")
    own = await _address(call, values["mailbox_id"])
    if own is None:
        raise InvalidArgument.of("message.mailbox_id", "there is no mailbox with this id")
    if "direction" not in values:
        sent = own.lower() == mail.from_address.lower()
        values["direction"] = MessageDirection.OUTBOUND if sent else MessageDirection.INBOUND
    read = asdict(mail)
    values |= _about(request)
    return Message(
        display_name=read.pop("subject"),
        source=source,
        source_digest=_digest(source),
        size_bytes=len(source.encode()),
        **read,
        **values,
    )


async def _address(call: Command, mailbox_id: UUID) -> str | None:
    """A mailbox's address. Until the end of the transaction it can't be deleted, which asks for its messages."""
    address: str | None = await call.session.scalar(
        select(Mailbox.email)
        .where(Mailbox.id == mailbox_id, Mailbox.delete_time.is_(None))
        .with_for_update(read=True, key_share=True)
    )
    return address


async def mailbox_lives(call: Command, record: Message) -> None:
    """Refuse to bring back a message into a mailbox that is deleted.

    Raises:
        FailedPrecondition: MAILBOX_DELETED.
    """
    if await _address(call, record.mailbox_id) is None:
        raise FailedPrecondition("MAILBOX_DELETED", "The message's mailbox is deleted.")


async def keep_source(_call: Command, record: Message, given: pb.Message) -> bool:
    """A source stays what it is."""
    if record.source_digest != _digest(given.source):
        raise InvalidArgument.of("message.source", "can't be changed once it is set")
    return False


class Messages(Collection[Message, pb.Message]):
    """A create request also says what a message is about; so it does where it meets one that exists."""

    async def change(self, call: Command, record: Message, request: ProtoMessage, mask: Iterable[str] = ()) -> bool:
        """Change a record as an update request, or a create request with an external id of it, says."""
        changed = await super().change(call, record, request, mask)
        if isinstance(request, pb.CreateMessageRequest):
            changed |= record.assign(_about(request))
        return changed


messages = Messages(
    Message,
    pb.Message,
    event=events_pb.MessageEvent,
    by_hand={"source": keep_source},
    build=new_message,
)


class MessageService(Servicer, service="rotunda.sync.v1.MessageService"):
    """Mails, and what they are about."""

    GetMessage = messages.get()
    ListMessages = messages.list()
    CreateMessage = messages.create()
    UpdateMessage = messages.update()
    DeleteMessage = messages.delete()
    UndeleteMessage = messages.undelete(mailbox_lives)
    BatchCreateMessages = messages.batch_create()
    BatchUpdateMessages = messages.batch_update()

    @messages.verb
    async def AssignMessage(_call: Command, record: Message, request: pb.AssignMessageRequest) -> None:  # noqa: N805
        """Say what a mail is about."""
        records = _about(request)
        if not records:
            raise InvalidArgument([FieldViolation(name, "one of the four must be set") for name in ABOUT])
        record.assign(records)

    @query
    async def GetMessageSource(self, request: pb.GetMessageSourceRequest, call: Call) -> pb.GetMessageSourceResponse:
        """The mail as it came over the wire."""
        statement = select(message.c.source).where(message.c.id == UUID(request.id), message.c.delete_time.is_(None))
        rows = await call.rows(await messages.admission.visible(call, statement))
        if not rows:
            raise messages.not_found()
        return pb.GetMessageSourceResponse(source=rows[0].source)
