"""Dead letters that can be settled."""

from alembic import op

from rotunda_kit.db.migrations import change_kit_tables

revision = "3ad9b9c750fd"
down_revision = "6fd832a19e89"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables(op.get_bind(), "kit_dead_letters")
