"""When deleted records are emptied."""

import sqlalchemy as sa
from alembic import op

from rotunda_kit.db.migrations import change_kit_tables

revision = "d374d0bb021d"
down_revision = "fe8af8dcd39b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_recycle_bin")
    for table in ("ticket",):
        op.add_column(table, sa.Column("purge_time", sa.DateTime(timezone=True), nullable=True))
