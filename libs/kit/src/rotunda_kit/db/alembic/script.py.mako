"""${message}."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
% if not down_revision:

from rotunda_kit.db.migrations import create_kit_tables
% endif

revision = "${up_revision}"
down_revision = ${f'"{down_revision}"' if down_revision else "None"}
branch_labels = None
depends_on = None


def upgrade() -> None:
% if not down_revision:
    create_kit_tables()
% endif
    ${upgrades if upgrades else "pass"}
