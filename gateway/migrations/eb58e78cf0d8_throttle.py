"""Throttle."""

import sqlalchemy as sa
from alembic import op

revision = "eb58e78cf0d8"
down_revision = "ce2026a7c02d"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "throttle",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("success_time", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("throttle_pkey")),
    )
    op.create_index("throttle_update_time_idx", "throttle", ["update_time"], unique=False)
