"""The audit trail."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "c87b1b3f424a"
down_revision = "3ad9b9c750fd"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_audit")
