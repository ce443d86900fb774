"""What the ERP says of an account's credit."""

import sqlalchemy as sa
from alembic import op

revision = "1bdd9a080d00"
down_revision = "80dc48fef677"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account_reference", sa.Column("credit_status", sa.Text(), nullable=True))
