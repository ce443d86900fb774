"""What is in the recycle bin."""

from rotunda_kit.db.migrations import create_index

revision = "7b02fc32c725"
down_revision = "5611fa79bc3a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("api_key", "group", "role", "share", "team", "territory", "user"):
        create_index(
            f"{table}_deleted_idx",
            f'"{table}"',
            "(delete_time, id) WHERE delete_time IS NOT NULL AND purge_time IS NULL",
        )
