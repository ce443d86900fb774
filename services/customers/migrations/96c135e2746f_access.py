"""Access."""

import sqlalchemy as sa
from alembic import op

from rotunda_kit.db.migrations import change_kit_tables

revision = "96c135e2746f"
down_revision = "33b951447d02"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_access")
    op.create_table(
        "territory_reference",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("territory_reference_pkey")),
    )
    op.add_column("account", sa.Column("territory_id", sa.Uuid(), nullable=True))
    op.create_index(
        "account_territory_idx",
        "account",
        ["territory_id", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
