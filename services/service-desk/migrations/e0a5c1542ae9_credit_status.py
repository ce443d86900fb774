"""What the ERP says of an account's credit."""

import sqlalchemy as sa
from alembic import op

revision = "e0a5c1542ae9"
down_revision = "e111bca57f52"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account_reference", sa.Column("credit_status", sa.Text(), nullable=True))
