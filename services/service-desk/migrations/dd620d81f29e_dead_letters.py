"""Dead letters that can be settled."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "dd620d81f29e"
down_revision = "e857cbab53e7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_dead_letters")
