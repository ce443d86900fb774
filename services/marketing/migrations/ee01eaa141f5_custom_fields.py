"""Custom fields."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "ee01eaa141f5"
down_revision = "664b739bf861"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_custom_fields")
