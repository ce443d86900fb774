"""The audit trail."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "421b7691c07b"
down_revision = "e53ee826faad"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_audit")
