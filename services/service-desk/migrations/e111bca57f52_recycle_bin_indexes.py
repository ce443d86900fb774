"""What is in the recycle bin."""

from rotunda_kit.db.migrations import create_index

revision = "e111bca57f52"
down_revision = "d374d0bb021d"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("share", "ticket"):
        create_index(
            f"{table}_deleted_idx",
            f'"{table}"',
            "(delete_time, id) WHERE delete_time IS NOT NULL AND purge_time IS NULL",
        )
