"""embeddings stay in their rows

A claim reads up to two thousand of them; fetched from beside the table, each costs a lookup.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE experiments ALTER COLUMN embedding SET STORAGE PLAIN")


def downgrade() -> None:
    op.execute("ALTER TABLE experiments ALTER COLUMN embedding SET STORAGE EXTERNAL")
