"""Dead letters that can be settled."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "e53ee826faad"
down_revision = "696bac8031d7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_dead_letters")
