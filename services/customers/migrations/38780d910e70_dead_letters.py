"""Dead letters that can be settled."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "38780d910e70"
down_revision = "96c135e2746f"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_dead_letters")
