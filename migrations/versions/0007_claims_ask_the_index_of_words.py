"""claims ask the index of words

The newest of a parameter are no longer looked through.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_experiments_parameters_key_id", table_name="experiments")


def downgrade() -> None:
    op.create_index(
        "ix_experiments_parameters_key_id", "experiments", ["campaign_id", "parameters_key", "id"]
    )
