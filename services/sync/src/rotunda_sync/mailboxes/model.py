"""Mailboxes: nothing but their fields; the one rule, whose address it is, is kept by an index."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_kit.model import Resource, living
from rotunda_sync.database import Base


class MailboxProvider(StrEnum):
    """How the mails of a mailbox get here."""

    NONE = "NONE"
    MICROSOFT_GRAPH = "MICROSOFT_GRAPH"
    CALDAV = "CALDAV"
    IMAP = "IMAP"


class Mailbox(Resource, Base):
    """A mailbox whose mails are kept here."""

    __noun__ = "sync.mailbox"

    email: Mapped[str]
    display_name: Mapped[str | None] = mapped_column(default=None)
    user_id: Mapped[UUID | None] = mapped_column(default=None)
    provider: Mapped[MailboxProvider] = mapped_column(default=MailboxProvider.NONE)
    active: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        living(
            "mailbox_email_key",
            text("lower(email)"),
            unique=True,
            info={"reason": "MAILBOX_EMAIL_TAKEN", "field": "email"},
        ),
        living("mailbox_user_idx", "user_id", "id"),
    )
