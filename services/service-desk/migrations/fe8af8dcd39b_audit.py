"""The audit trail."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "fe8af8dcd39b"
down_revision = "dd620d81f29e"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_audit")
