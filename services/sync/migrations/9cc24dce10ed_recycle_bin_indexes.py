"""What is in the recycle bin."""

from rotunda_kit.db.migrations import create_index

revision = "9cc24dce10ed"
down_revision = "0dfc5b4ad8cc"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("mailbox", "message", "share"):
        create_index(
            f"{table}_deleted_idx",
            f'"{table}"',
            "(delete_time, id) WHERE delete_time IS NOT NULL AND purge_time IS NULL",
        )
