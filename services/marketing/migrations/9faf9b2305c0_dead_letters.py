"""Dead letters that can be settled."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "9faf9b2305c0"
down_revision = "f485e585271d"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_dead_letters")
