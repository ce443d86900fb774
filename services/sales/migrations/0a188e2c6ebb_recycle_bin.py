"""When deleted records are emptied."""

import sqlalchemy as sa
from alembic import op

from rotunda_kit.db.migrations import change_kit_tables

revision = "0a188e2c6ebb"
down_revision = "421b7691c07b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_recycle_bin")
    for table in ("close_reason", "opportunity", "pipeline", "product"):
        op.add_column(table, sa.Column("purge_time", sa.DateTime(timezone=True), nullable=True))
