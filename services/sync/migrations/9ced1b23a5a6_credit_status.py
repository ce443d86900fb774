"""What the ERP says of an account's credit."""

import sqlalchemy as sa
from alembic import op

revision = "9ced1b23a5a6"
down_revision = "9cc24dce10ed"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account_reference", sa.Column("credit_status", sa.Text(), nullable=True))
