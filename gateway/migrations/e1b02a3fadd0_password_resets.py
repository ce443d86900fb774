"""Password resets."""

import sqlalchemy as sa
from alembic import op

revision = "e1b02a3fadd0"
down_revision = "5ab4055a08d3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "password_reset",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("password_reset_user_id_fkey")),
        sa.PrimaryKeyConstraint("digest", name=op.f("password_reset_pkey")),
    )
    op.create_index("password_reset_expire_time_idx", "password_reset", ["expire_time"], unique=False)
    op.create_index("password_reset_user_idx", "password_reset", ["user_id"], unique=False)
