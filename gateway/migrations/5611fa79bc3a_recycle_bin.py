"""When deleted records are emptied."""

import sqlalchemy as sa
from alembic import op

from rotunda_kit.db.migrations import change_kit_tables

revision = "5611fa79bc3a"
down_revision = "e1b02a3fadd0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_recycle_bin")
    for table in ("api_key", "group", "role", "team", "territory", "user"):
        op.add_column(table, sa.Column("purge_time", sa.DateTime(timezone=True), nullable=True))
