"""What is in the recycle bin."""

from rotunda_kit.db.migrations import create_index

revision = "71ebd9b6af53"
down_revision = "fb7dbad93a40"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("account", "activity", "contact", "share"):
        create_index(
            f"{table}_deleted_idx",
            f'"{table}"',
            "(delete_time, id) WHERE delete_time IS NOT NULL AND purge_time IS NULL",
        )
