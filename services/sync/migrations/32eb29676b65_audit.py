"""The audit trail."""

from alembic import op

from rotunda_kit.db.migrations import change_kit_tables

revision = "32eb29676b65"
down_revision = "588c1b1eb675"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables(op.get_bind(), "kit_audit")
