"""Custom fields."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from rotunda_kit.db.migrations import change_kit_tables

revision = "9bdb70df2fc5"
down_revision = "5ed9c6a29e63"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_custom_fields")
    for table in ("account", "contact"):
        op.add_column(table, sa.Column("custom_fields", JSONB(), nullable=True))
