"""what came in since

The history can be followed: results arrive late, so the order of beginning does not show them.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_experiments_campaign_id_completed_at", "experiments", ["campaign_id", "completed_at"]
    )


def downgrade() -> None:
    op.drop_index("ix_experiments_campaign_id_completed_at", table_name="experiments")
