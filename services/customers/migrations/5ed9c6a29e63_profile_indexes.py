"""What accounts and contacts are found by."""

from rotunda_kit.db.migrations import create_index

revision = "5ed9c6a29e63"
down_revision = "ad3d7d3db253"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("account_lifecycle_stage_idx", "account", "(lifecycle_stage, id) WHERE delete_time IS NULL")
    create_index("account_primary_contact_idx", "account", "(primary_contact_id) WHERE delete_time IS NULL")
    create_index("account_segment_idx", "account", "(segment, id) WHERE delete_time IS NULL")
    create_index("account_tags_idx", "account", "USING gin (tags) WHERE delete_time IS NULL")
    create_index(
        "contact_account_roles_idx", "contact", "USING gin (account_roles jsonb_path_ops) WHERE delete_time IS NULL"
    )
    create_index("contact_tags_idx", "contact", "USING gin (tags) WHERE delete_time IS NULL")
