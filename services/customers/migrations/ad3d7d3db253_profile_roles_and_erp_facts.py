"""Profile, roles and ERP facts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "ad3d7d3db253"
down_revision = "71ebd9b6af53"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "product_reference",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("product_reference_pkey")),
    )
    op.create_table(
        "erp_facts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("purge_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("as_of_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "credit_status",
            sa.Enum("OK", "WARNING", "BLOCKED", name="creditstatus", native_enum=False, length=40),
            nullable=False,
        ),
        sa.Column("credit_limit", sa.Numeric(precision=28, scale=9), nullable=True),
        sa.Column("credit_limit_currency", sa.Text(), nullable=True),
        sa.Column("payment_terms", sa.Text(), nullable=True),
        sa.Column("revenue_by_year", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("open_invoices", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("erp_facts_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("erp_facts_pkey")),
        sa.UniqueConstraint("account_id", name=op.f("erp_facts_account_id_key")),
    )
    op.create_index(
        "erp_facts_credit_status_idx",
        "erp_facts",
        ["credit_status", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "erp_facts_deleted_idx",
        "erp_facts",
        ["delete_time", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NOT NULL AND purge_time IS NULL"),
    )
    op.add_column("account", sa.Column("language", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.add_column("account", sa.Column("primary_contact_id", sa.Uuid(), nullable=True))
    op.add_column(
        "account",
        sa.Column(
            "size_class",
            sa.Enum("MICRO", "SMALL", "MEDIUM", "LARGE", name="sizeclass", native_enum=False, length=40),
            nullable=True,
        ),
    )
    op.add_column("account", sa.Column("segment", sa.Text(), nullable=True))
    op.add_column(
        "account",
        sa.Column(
            "rating", sa.Enum("COLD", "WARM", "HOT", name="accountrating", native_enum=False, length=40), nullable=True
        ),
    )
    op.add_column(
        "account",
        sa.Column(
            "lifecycle_stage",
            sa.Enum(
                "SUBSCRIBER",
                "LEAD",
                "MARKETING_QUALIFIED_LEAD",
                "SALES_QUALIFIED_LEAD",
                "OPPORTUNITY",
                "CUSTOMER",
                "EVANGELIST",
                "FORMER_CUSTOMER",
                name="lifecyclestage",
                native_enum=False,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.add_column("account", sa.Column("demographics_birth_date", sa.Date(), nullable=True))
    op.add_column("account", sa.Column("demographics_gender", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("demographics_marital_status", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("demographics_occupation", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("demographics_household_size", sa.BigInteger(), nullable=True))
    op.add_column(
        "account",
        sa.Column(
            "preferences_channel",
            sa.Enum("EMAIL", "PHONE", "LETTER", "VISIT", name="preferredchannel", native_enum=False, length=40),
            nullable=True,
        ),
    )
    op.add_column("account", sa.Column("preferences_contact_time", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("preferences_payment", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("preferences_delivery", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("service_expectations", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("interests", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.add_column(
        "account",
        sa.Column("owned_products", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
    )
    op.add_column(
        "account",
        sa.Column(
            "credit_status",
            sa.Enum("OK", "WARNING", "BLOCKED", name="creditstatus", native_enum=False, length=40),
            nullable=True,
        ),
    )
    op.add_column(
        "contact",
        sa.Column("account_roles", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
    )
    op.add_column("contact", sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False))
