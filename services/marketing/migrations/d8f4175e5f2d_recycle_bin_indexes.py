"""What is in the recycle bin."""

from rotunda_kit.db.migrations import create_index

revision = "d8f4175e5f2d"
down_revision = "b5013f015d1e"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("campaign", "campaign_member", "share"):
        create_index(
            f"{table}_deleted_idx",
            f'"{table}"',
            "(delete_time, id) WHERE delete_time IS NOT NULL AND purge_time IS NULL",
        )
