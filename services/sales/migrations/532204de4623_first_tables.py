"""First tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from rotunda_kit.db.migrations import create_kit_tables

revision = "532204de4623"
down_revision = None
branch_labels = None
depends_on = None


# What a new installation starts with.
PIPELINE = "0192f7c0-0000-7000-8000-000000000001"
STAGES = [
    ("0192f7c0-0000-7000-8000-000000000011", "Qualification", 10, "PIPELINE"),
    ("0192f7c0-0000-7000-8000-000000000012", "Needs analysis", 25, "PIPELINE"),
    ("0192f7c0-0000-7000-8000-000000000013", "Proposal", 50, "BEST_CASE"),
    ("0192f7c0-0000-7000-8000-000000000014", "Negotiation", 75, "COMMIT"),
]
NOT_RECORDED = "0192f7c0-0000-7000-8000-000000000021"


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
        "close_reason",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("states", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("close_reason_pkey")),
    )
    op.create_index(
        "close_reason_reason_code_key",
        "close_reason",
        ["reason_code"],
        unique=True,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_table(
        "pipeline",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("default_pipeline", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pipeline_pkey")),
    )
    op.create_index(
        "pipeline_display_name_idx",
        "pipeline",
        ["display_name", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_table(
        "product",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("product_code", sa.Text(), nullable=True),
        sa.Column("family", sa.Text(), nullable=True),
        sa.Column("list_price", sa.Numeric(precision=28, scale=9), nullable=True),
        sa.Column("list_price_currency", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("product_pkey")),
    )
    op.create_index(
        "product_display_name_idx",
        "product",
        ["display_name", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "product_product_code_key",
        "product",
        ["product_code"],
        unique=True,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_table(
        "stage_move",
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("to_stage_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("from_stage_id", sa.Uuid(), nullable=True),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("stage_move_pkey")),
    )
    op.create_index(op.f("stage_move_opportunity_id_idx"), "stage_move", ["opportunity_id"], unique=False)
    op.create_table(
        "user_reference",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("user_reference_pkey")),
    )
    op.create_table(
        "stage",
        sa.Column("pipeline_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("probability", sa.BigInteger(), nullable=False),
        sa.Column(
            "forecast_category",
            sa.Enum(
                "PIPELINE", "BEST_CASE", "COMMIT", "OMITTED", name="forecastcategory", native_enum=False, length=40
            ),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipeline.id"], name=op.f("stage_pipeline_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("stage_pkey")),
    )
    op.create_index(op.f("stage_pipeline_id_idx"), "stage", ["pipeline_id"], unique=False)
    op.create_table(
        "opportunity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("pipeline_id", sa.Uuid(), nullable=False),
        sa.Column("stage_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column(
            "state",
            sa.Enum("OPEN", "WON", "LOST", "CANCELLED", name="opportunitystate", native_enum=False, length=40),
            nullable=False,
        ),
        sa.Column("amount", sa.Numeric(precision=28, scale=9), nullable=True),
        sa.Column("amount_currency", sa.Text(), nullable=True),
        sa.Column("engage_date", sa.Date(), nullable=True),
        sa.Column("expected_close_date", sa.Date(), nullable=True),
        sa.Column("close_date", sa.Date(), nullable=True),
        sa.Column("close_reason_reason_code", sa.Text(), nullable=True),
        sa.Column("close_reason_comment", sa.Text(), nullable=True),
        sa.Column("product_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipeline.id"], name=op.f("opportunity_pipeline_id_fkey")),
        sa.ForeignKeyConstraint(["stage_id"], ["stage.id"], name=op.f("opportunity_stage_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("opportunity_pkey")),
    )
    op.create_index(
        "opportunity_account_idx",
        "opportunity",
        ["account_id", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "opportunity_display_name_idx",
        "opportunity",
        ["display_name", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
        postgresql_ops={"display_name": "text_pattern_ops"},
    )
    op.create_index(
        "opportunity_owner_idx",
        "opportunity",
        ["owner_id", "state", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index("opportunity_pipeline_idx", "opportunity", ["pipeline_id", "id"], unique=False)
    op.create_index(
        "opportunity_product_idx",
        "opportunity",
        ["product_ids"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
        postgresql_using="gin",
    )
    op.create_index("opportunity_stage_idx", "opportunity", ["stage_id", "id"], unique=False)
    op.create_index(
        "opportunity_state_idx",
        "opportunity",
        ["state", "expected_close_date", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    ship()


def ship() -> None:
    """The default pipeline, and the close reason for deals of which nobody noted why they ended."""
    op.execute(
        "INSERT INTO pipeline (id, version, create_time, update_time, external_ids, display_name, default_pipeline)"
        f" VALUES ('{PIPELINE}', 1, now(), now(), '[]', 'Sales', true)"
    )
    for position, (stage_id, name, probability, category) in enumerate(STAGES):
        op.execute(
            "INSERT INTO stage (id, pipeline_id, position, display_name, probability, forecast_category)"
            f" VALUES ('{stage_id}', '{PIPELINE}', {position}, '{name}', {probability}, '{category}')"
        )
    op.execute(
        "INSERT INTO close_reason"
        " (id, version, create_time, update_time, external_ids, reason_code, display_name, states, active)"
        f" VALUES ('{NOT_RECORDED}', 1, now(), now(), '[]', 'NOT_RECORDED', 'Not recorded', '{{WON,LOST,CANCELLED}}', true)"
    )
