"""experiments find their like

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.add_column(
        "experiments",
        sa.Column(
            "change", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
    )
    op.add_column("experiments", sa.Column("change_key", sa.String(), nullable=True))
    op.add_column(
        "experiments",
        sa.Column("changed_names", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("experiments", sa.Column("parameters_key", sa.String(), nullable=True))
    op.add_column("experiments", sa.Column("values_key", sa.String(), nullable=True))
    op.add_column("experiments", sa.Column("embedding", HALFVEC(384), nullable=True))
    op.add_column("experiments", sa.Column("retest_of", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_experiments_change_key", "experiments", ["campaign_id", "change_key"], unique=False
    )
    op.create_index(
        "ix_experiments_changed_names",
        "experiments",
        ["changed_names"],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_experiments_embedding",
        "experiments",
        ["embedding"],
        unique=False,
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "halfvec_cosine_ops"},
    )
    op.create_index(
        "ix_experiments_parameters_key",
        "experiments",
        ["campaign_id", "parameters_key", "values_key", "id"],
        unique=False,
    )
    op.create_foreign_key(
        op.f("fk_experiments_retest_of"), "experiments", "experiments", ["retest_of"], ["id"]
    )
    op.drop_column("experiments", "changes")


def downgrade() -> None:
    op.add_column(
        "experiments",
        sa.Column(
            "changes", postgresql.JSONB(astext_type=sa.Text()), autoincrement=False, nullable=True
        ),
    )
    op.drop_constraint(op.f("fk_experiments_retest_of"), "experiments", type_="foreignkey")
    op.drop_index("ix_experiments_parameters_key", table_name="experiments")
    op.drop_index(
        "ix_experiments_embedding",
        table_name="experiments",
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "halfvec_cosine_ops"},
    )
    op.drop_index("ix_experiments_changed_names", table_name="experiments", postgresql_using="gin")
    op.drop_index("ix_experiments_change_key", table_name="experiments")
    op.drop_column("experiments", "retest_of")
    op.drop_column("experiments", "embedding")
    op.drop_column("experiments", "values_key")
    op.drop_column("experiments", "parameters_key")
    op.drop_column("experiments", "changed_names")
    op.drop_column("experiments", "change_key")
    op.drop_column("experiments", "change")
