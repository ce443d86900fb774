"""When deleted records are emptied."""

import sqlalchemy as sa
from alembic import op

from rotunda_kit.db.migrations import change_kit_tables

revision = "0dfc5b4ad8cc"
down_revision = "32eb29676b65"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_recycle_bin")
    for table in ("mailbox", "message"):
        op.add_column(table, sa.Column("purge_time", sa.DateTime(timezone=True), nullable=True))
