"""The audit trail."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "f9af0ec56ccc"
down_revision = "38780d910e70"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_audit")
