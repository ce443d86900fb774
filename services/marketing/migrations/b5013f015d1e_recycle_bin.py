"""When deleted records are emptied."""

import sqlalchemy as sa
from alembic import op

from rotunda_kit.db.migrations import change_kit_tables

revision = "b5013f015d1e"
down_revision = "4d24531b9941"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_recycle_bin")
    for table in ("campaign", "campaign_member"):
        op.add_column(table, sa.Column("purge_time", sa.DateTime(timezone=True), nullable=True))
