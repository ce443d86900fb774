"""What the ERP says of an account's credit."""

import sqlalchemy as sa
from alembic import op

revision = "664b739bf861"
down_revision = "d8f4175e5f2d"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account_reference", sa.Column("credit_status", sa.Text(), nullable=True))
