"""results name their cost

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    cost = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
    op.add_column("results", sa.Column("cost", cost, nullable=True))


def downgrade() -> None:
    op.drop_column("results", "cost")
