"""Dead letters that can be settled."""

from alembic import op

from rotunda_kit.db.migrations import change_kit_tables

revision = "3ad9b9c750fd"
down_revision = "ea820a8f3fec"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables(op.get_bind(), "kit_dead_letters")
