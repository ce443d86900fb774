"""Custom fields."""

from rotunda_kit.db.migrations import change_kit_tables

revision = "f0471563188e"
down_revision = "9ced1b23a5a6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_custom_fields")
