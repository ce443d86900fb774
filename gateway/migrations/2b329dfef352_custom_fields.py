"""Custom fields."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "2b329dfef352"
down_revision = "629bc7c87819"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_custom_fields")
