"""Dead letters that can be settled."""

from alembic import op

from rotunda_kit.db.migrations import change_kit_tables

revision = "9faf9b2305c0"
down_revision = "f485e585271d"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables(op.get_bind(), "kit_dead_letters")
