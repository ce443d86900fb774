"""Access."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "f485e585271d"
down_revision = "a1f677502e08"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_access")
