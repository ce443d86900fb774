"""First tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from rotunda_kit.db.migrations import create_kit_tables

revision = "33b951447d02"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_kit_tables()
    op.execute(sa.schema.CreateSequence(sa.Sequence("account_number")))
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column(
            "type", sa.Enum("COMPANY", "INDIVIDUAL", name="accounttype", native_enum=False, length=40), nullable=False
        ),
        sa.Column(
            "account_number",
            sa.Text(),
            server_default=sa.text("'A-' || to_char(nextval('account_number'), 'FM999999999000000')"),
            nullable=False,
        ),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("parent_account_id", sa.Uuid(), nullable=True),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("industry", sa.Text(), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("founded_year", sa.BigInteger(), nullable=True),
        sa.Column("employee_count", sa.BigInteger(), nullable=True),
        sa.Column("annual_revenue", sa.Numeric(precision=28, scale=9), nullable=True),
        sa.Column("annual_revenue_currency", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("addresses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("phones", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("emails", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["parent_account_id"], ["account.id"], name=op.f("account_parent_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("account_pkey")),
        sa.UniqueConstraint("account_number", name=op.f("account_account_number_key")),
    )
    op.create_index(
        "account_display_name_idx",
        "account",
        ["display_name", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
        postgresql_ops={"display_name": "text_pattern_ops"},
    )
    op.create_index(
        "account_industry_idx",
        "account",
        ["industry", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "account_owner_idx",
        "account",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "account_parent_idx",
        "account",
        ["parent_account_id", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
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
        "contact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column(
            "display_name",
            sa.Text(),
            sa.Computed("ltrim(coalesce(first_name, '') || ' ' || last_name)", persisted=True),
            nullable=False,
        ),
        sa.Column("salutation", sa.Text(), nullable=True),
        sa.Column("job_title", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phones", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("addresses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("contact_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("contact_pkey")),
    )
    op.create_index(
        "contact_account_idx",
        "contact",
        ["account_id", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "contact_email_idx", "contact", ["email"], unique=False, postgresql_where=sa.text("delete_time IS NULL")
    )
    op.create_index(
        "contact_last_name_idx",
        "contact",
        ["last_name", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
        postgresql_ops={"last_name": "text_pattern_ops"},
    )
    op.create_index(
        "contact_owner_idx",
        "contact",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_table(
        "activity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "LETTER", "EMAIL", "CALL", "VISIT", "NOTE", "TASK", name="activitykind", native_enum=False, length=40
            ),
            nullable=False,
        ),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=False),
        sa.Column("due_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column(
            "state", sa.Enum("OPEN", "CLOSED", name="activitystate", native_enum=False, length=40), nullable=False
        ),
        sa.Column(
            "priority",
            sa.Enum("LOW", "NORMAL", "HIGH", name="activitypriority", native_enum=False, length=40),
            nullable=False,
        ),
        sa.Column("complete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("regarding_type", sa.Text(), nullable=True),
        sa.Column("regarding_id", sa.Uuid(), nullable=True),
        sa.Column("delegations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("activity_account_id_fkey")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("activity_contact_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("activity_pkey")),
    )
    op.create_index(
        "activity_account_idx",
        "activity",
        ["account_id", "due_time", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "activity_assignee_idx",
        "activity",
        ["assignee_id", "state", "due_time", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "activity_contact_idx",
        "activity",
        ["contact_id", "due_time", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "activity_regarding_idx",
        "activity",
        ["regarding_id", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
