"""Custom fields."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from rotunda_kit.db.migrations import change_kit_tables

revision = "4a11c871b83e"
down_revision = "1bdd9a080d00"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_custom_fields")
    op.add_column("opportunity", sa.Column("custom_fields", JSONB(), nullable=True))
