"""The sync service at one glance."""

from rotunda_kit.app import Service, migrations_of
from rotunda_sync import references
from rotunda_sync.database import Base
from rotunda_sync.mailboxes.service import MailboxService
from rotunda_sync.messages.service import MessageService
from rotunda_sync.overview import OverviewService

app = Service(
    "sync",
    metadata=Base.metadata,
    migrations=migrations_of(__file__),
    servicers=[MailboxService, MessageService, OverviewService],
    copies=references.copies,
)
