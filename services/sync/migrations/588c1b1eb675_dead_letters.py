"""Dead letters that can be settled."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "588c1b1eb675"
down_revision = "48af4632eeb9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_dead_letters")
