"""Access."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from rotunda_kit.db.migrations import change_kit_tables

revision = "ea820a8f3fec"
down_revision = "6fd832a19e89"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change_kit_tables("kit_access")
    op.create_table(
        "group",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("role_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("group_pkey")),
    )
    op.create_index(
        "group_display_name_idx",
        "group",
        ["display_name", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_table(
        "role",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("grants", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("field_restrictions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("shipped", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("role_pkey")),
    )
    op.create_index(
        "role_display_name_idx",
        "role",
        ["display_name", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_table(
        "territory",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("parent_territory_id", sa.Uuid(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_territory_id"], ["territory.id"], name=op.f("territory_parent_territory_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("territory_pkey")),
    )
    op.create_index(
        "territory_display_name_idx",
        "territory",
        ["display_name", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_index(
        "territory_parent_idx",
        "territory",
        ["parent_territory_id", "id"],
        unique=False,
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.add_column("account_reference", sa.Column("owner_id", sa.Uuid(), nullable=True))
    op.add_column("account_reference", sa.Column("territory_id", sa.Uuid(), nullable=True))
    op.add_column("user", sa.Column("role_ids", postgresql.ARRAY(sa.Uuid()), nullable=False, server_default="{}"))
    op.add_column("user", sa.Column("group_ids", postgresql.ARRAY(sa.Uuid()), nullable=False, server_default="{}"))
    op.add_column("user", sa.Column("territory_ids", postgresql.ARRAY(sa.Uuid()), nullable=False, server_default="{}"))
    op.create_index("user_group_ids_idx", "user", ["group_ids"], unique=False, postgresql_using="gin")
    op.create_index("user_role_ids_idx", "user", ["role_ids"], unique=False, postgresql_using="gin")
    # Nothing was released with the column.
    op.execute("UPDATE \"user\" SET role_ids = ARRAY['00000000-0000-7000-8000-000000000001'::uuid] WHERE administrator")
    op.drop_column("user", "administrator")
