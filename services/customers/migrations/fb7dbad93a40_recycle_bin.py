"""When deleted records are emptied."""

import sqlalchemy as sa
from alembic import op

from rotunda_kit.db.migrations import change_kit_tables

revision = "fb7dbad93a40"
down_revision = "f9af0ec56ccc"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_recycle_bin")
    for table in ("account", "activity", "contact"):
        op.add_column(table, sa.Column("purge_time", sa.DateTime(timezone=True), nullable=True))
