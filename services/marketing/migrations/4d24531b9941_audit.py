"""The audit trail."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "4d24531b9941"
down_revision = "9faf9b2305c0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_audit")
