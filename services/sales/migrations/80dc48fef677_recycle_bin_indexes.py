"""What is in the recycle bin."""

from rotunda_kit.db.migrations import create_index

revision = "80dc48fef677"
down_revision = "0a188e2c6ebb"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("close_reason", "opportunity", "pipeline", "product", "share"):
        create_index(
            f"{table}_deleted_idx",
            f'"{table}"',
            "(delete_time, id) WHERE delete_time IS NOT NULL AND purge_time IS NULL",
        )
