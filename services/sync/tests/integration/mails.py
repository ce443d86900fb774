"""Calls of sync as its tests make them."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from rotunda_kit.testing.platform import TestPlatform

MAILBOXES = "rotunda.sync.v1.MailboxService."
MESSAGES = "rotunda.sync.v1.MessageService."


def source(sender: str = "ada@example.com", message_id: str | None = None, day: int = 31) -> str:
    """A mail."""
    return (
        f"From: Ada <{sender}>\r\nTo: bob@example.com\r\nSubject: The offer\r\n"
        f"Date: {day} Jan 2017 10:00:00 +0000\r\nMessage-ID: <{message_id or uuid4()}@example.com>\r\n\r\nHere it is."
    )


async def new_mailbox(platform: TestPlatform, **fields: Any) -> Any:
    """A new mailbox, as the answer shows it."""
    mailbox = {"email": f"{uuid4().hex}@example.com"} | fields
    return (await platform.call(MAILBOXES + "CreateMailbox", mailbox=mailbox)).mailbox


async def new_message(platform: TestPlatform, mailbox: Any, mail: str | None = None, **more: Any) -> Any:
    """A new message, as the answer shows it; `more` stands beside it in the request."""
    message = {"mailbox_id": mailbox.id, "source": mail or source()}
    return (await platform.call(MESSAGES + "CreateMessage", message=message, **more)).message


async def new_account(platform: TestPlatform) -> str:
    """The id of a new account."""
    answer = await platform.call("rotunda.customers.v1.AccountService.CreateAccount", account={"display_name": "Acme"})
    return str(answer.account.id)


async def new_contact(platform: TestPlatform) -> str:
    """The id of a new contact."""
    answer = await platform.call("rotunda.customers.v1.ContactService.CreateContact", contact={"last_name": "Lovelace"})
    return str(answer.contact.id)


async def verbs_told(platform: TestPlatform, record_id: str) -> list[str]:
    """Verbs of the events about a record, in their order."""
    async with platform.runtimes["sync"].database.reading() as connection:
        rows = await connection.execute(
            text("SELECT verb FROM outbox WHERE aggregate_id = :id ORDER BY id"), {"id": UUID(record_id)}
        )
        return [row.verb for row in rows]
