"""The audit trail."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "32eb29676b65"
down_revision = "588c1b1eb675"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_audit")
