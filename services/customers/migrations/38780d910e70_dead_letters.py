"""Dead letters that can be settled."""

from alembic import op

from rotunda_kit.db.migrations import change_kit_tables

revision = "38780d910e70"
down_revision = "96c135e2746f"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables(op.get_bind(), "kit_dead_letters")
