"""What the ERP says of an account's credit."""

import sqlalchemy as sa
from alembic import op

revision = "629bc7c87819"
down_revision = "7b02fc32c725"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account_reference", sa.Column("credit_status", sa.Text(), nullable=True))
