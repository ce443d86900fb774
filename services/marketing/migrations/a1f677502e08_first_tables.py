"""First tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from rotunda_kit.db.migrations import create_kit_tables

revision = "a1f677502e08"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_kit_tables()
    op.create_table(
        "account_reference",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("account_reference_pkey")),
    )
    op.create_table(
        "campaign",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "EMAIL",
                "LETTER",
                "PHONE",
                "EVENT",
                "ADVERTISEMENT",
                "OTHER",
                name="campaignkind",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "DRAFT",
                "PLANNED",
                "RUNNING",
                "PAUSED",
                "COMPLETED",
                "CANCELLED",
                name="campaignstate",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("budget", sa.Numeric(precision=28, scale=9), nullable=True),
        sa.Column("budget_currency", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("campaign_pkey")),
    )
    op.create_index(
        "campaign_owner_idx",
        "campaign",
        ["owner_id", "state", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "campaign_start_date_idx",
        "campaign",
        ["start_date", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "campaign_state_idx",
        "campaign",
        ["state", "start_date", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_table(
        "contact_reference",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("contact_reference_pkey")),
    )
    op.create_table(
        "user_reference",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("user_reference_pkey")),
    )
    op.create_table(
        "campaign_member",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum("TARGETED", "CONTACTED", "RESPONDED", name="campaignmemberstatus", native_enum=False, length=40),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("campaign_member_campaign_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("campaign_member_pkey")),
    )
    op.create_index(
        "campaign_member_account_idx",
        "campaign_member",
        ["account_id", "campaign_id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "campaign_member_account_key",
        "campaign_member",
        ["campaign_id", "account_id"],
        unique=True,
        postgresql_where=sa.text("delete_time IS NULL AND contact_id IS NULL"),
    )
    op.create_index(
        "campaign_member_campaign_idx",
        "campaign_member",
        ["campaign_id", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "campaign_member_contact_key",
        "campaign_member",
        ["campaign_id", "contact_id"],
        unique=True,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "campaign_member_status_idx",
        "campaign_member",
        ["campaign_id", "status", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
