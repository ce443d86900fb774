"""Custom fields."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from rotunda_kit.db.migrations import change_kit_tables

revision = "d293a04b130f"
down_revision = "e0a5c1542ae9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_custom_fields")
    op.add_column("ticket", sa.Column("custom_fields", JSONB(), nullable=True))
