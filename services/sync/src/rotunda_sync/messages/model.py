"""The rules of messages."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_kit.model import Resource, living
from rotunda_sync.database import Base


class MessageDirection(StrEnum):
    """Which way a mail went, seen from the mailbox."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class Message(Resource, Base):
    """A mail in a mailbox, and what it is about."""

    __noun__ = "sync.message"

    mailbox_id: Mapped[UUID] = mapped_column(ForeignKey("mailbox.id"))
    direction: Mapped[MessageDirection]
    # RFC 5322; not loaded with the rest: it is large, and only asked for by itself.
    source: Mapped[str] = mapped_column(deferred=True)
    # SHA-256, to tell whether another is the same.
    source_digest: Mapped[bytes] = mapped_column(LargeBinary)
    display_name: Mapped[str]
    from_address: Mapped[str]
    from_name: Mapped[str | None]
    to_addresses: Mapped[list[str]]
    cc_addresses: Mapped[list[str]]
    sent_time: Mapped[datetime | None]
    message_id: Mapped[str | None]
    in_reply_to: Mapped[str | None]
    snippet: Mapped[str]
    size_bytes: Mapped[int]
    attachment_count: Mapped[int]
    read: Mapped[bool] = mapped_column(default=False)
    categories: Mapped[list[str]] = mapped_column(default_factory=list)
    account_id: Mapped[UUID | None] = mapped_column(default=None)
    contact_id: Mapped[UUID | None] = mapped_column(default=None)
    opportunity_id: Mapped[UUID | None] = mapped_column(default=None)
    ticket_id: Mapped[UUID | None] = mapped_column(default=None)

    __table_args__ = (
        *(
            living(f"message_{of}_idx", f"{of}_id", text("sent_time DESC NULLS LAST"), text("id DESC"))
            for of in ("mailbox", "account", "contact", "opportunity", "ticket")
        ),
        # A mail is in a mailbox once.
        living(
            "message_message_id_key",
            "mailbox_id",
            text("md5(message_id)"),
            unique=True,
            info={"reason": "MESSAGE_ALREADY_STORED", "field": "source"},
        ),
    )

    def assign(self, records: Mapping[str, UUID]) -> bool:
        """Say what it is about; what is not named stays as it is.

        Args:
            records: ids by `account_id`, `contact_id`, `opportunity_id`, `ticket_id`.

        Returns:
            Whether anything differs now.
        """
        changed = False
        for name, record_id in records.items():
            changed |= getattr(self, name) != record_id
            setattr(self, name, record_id)
        if changed:
            self.record("assigned")
        return changed
