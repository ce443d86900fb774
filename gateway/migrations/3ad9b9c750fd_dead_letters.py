"""Dead letters that can be settled."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "3ad9b9c750fd"
down_revision = "ea820a8f3fec"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_dead_letters")
