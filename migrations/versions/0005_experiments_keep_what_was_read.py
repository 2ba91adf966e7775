"""experiments keep what was read

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("experiments", sa.Column("reading", sa.String(), nullable=True))
    op.add_column("experiments", sa.Column("reading_version", sa.String(), nullable=True))
    op.create_index(
        "ix_experiments_parameters_key_id", "experiments", ["campaign_id", "parameters_key", "id"]
    )
    op.create_index(
        "ix_experiments_live",
        "experiments",
        ["campaign_id", "parameters_key"],
        postgresql_where=sa.text("status = 'claimed'"),
    )


def downgrade() -> None:
    op.drop_index("ix_experiments_live", table_name="experiments")
    op.drop_index("ix_experiments_parameters_key_id", table_name="experiments")
    op.drop_column("experiments", "reading_version")
    op.drop_column("experiments", "reading")
