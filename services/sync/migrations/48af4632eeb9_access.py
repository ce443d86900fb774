"""Access."""

import sqlalchemy as sa
from alembic import op

from rotunda_kit.db.migrations import change_kit_tables

revision = "48af4632eeb9"
down_revision = "4fb3ecf97a3c"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_access")
    op.add_column("account_reference", sa.Column("territory_id", sa.Uuid(), nullable=True))
