"""ideas, insights and search

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WORDS = (
    "to_tsvector('simple', regexp_replace(hypothesis || ' ' || coalesce(rationale, ''),"
    r" '([^\w.]|_|\.(?!\d))+', ' ', 'g'))"
)


def upgrade() -> None:
    op.create_table(
        "ideas",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("hypothesis", sa.String(), nullable=False),
        sa.Column("rationale", sa.String(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column(
            "changes", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("parameters_key", sa.String(), nullable=False),
        sa.Column("values_key", sa.String(), nullable=False),
        sa.Column("embedding", HALFVEC(384), nullable=False),
        sa.Column("body_sha256", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("priority BETWEEN 1 AND 5", name=op.f("ck_ideas_priority_is_1_to_5")),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_ideas_agent_id")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_ideas_campaign_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ideas")),
        sa.UniqueConstraint("campaign_id", "agent_id", "body_sha256", name="uq_ideas_body"),
    )
    op.create_index(
        "ix_ideas_embedding",
        "ideas",
        ["embedding"],
        unique=False,
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "halfvec_cosine_ops"},
    )
    op.create_index(
        "ix_ideas_parameters_key", "ideas", ["campaign_id", "parameters_key"], unique=False
    )
    op.create_index("ix_ideas_priority", "ideas", ["campaign_id", "priority", "id"], unique=False)
    op.create_table(
        "insights",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("embedding", HALFVEC(384), nullable=False),
        sa.Column("body_sha256", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_insights_agent_id")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_insights_campaign_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insights")),
        sa.UniqueConstraint("campaign_id", "agent_id", "body_sha256", name="uq_insights_body"),
    )
    op.create_index("ix_insights_campaign_id_id", "insights", ["campaign_id", "id"], unique=False)
    op.create_index(
        "ix_insights_embedding",
        "insights",
        ["embedding"],
        unique=False,
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "halfvec_cosine_ops"},
    )
    op.create_table(
        "idea_claims",
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.Column(
            "taken_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_idea_claims_experiment_id")
        ),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_idea_claims_idea_id")),
        sa.PrimaryKeyConstraint("idea_id", "experiment_id", name=op.f("pk_idea_claims")),
    )
    op.create_table(
        "idea_evidence",
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_idea_evidence_experiment_id")
        ),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_idea_evidence_idea_id")),
        sa.PrimaryKeyConstraint("idea_id", "experiment_id", name=op.f("pk_idea_evidence")),
    )
    op.create_table(
        "insight_evidence",
        sa.Column("insight_id", sa.Uuid(), nullable=False),
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_insight_evidence_experiment_id")
        ),
        sa.ForeignKeyConstraint(
            ["insight_id"], ["insights.id"], name=op.f("fk_insight_evidence_insight_id")
        ),
        sa.PrimaryKeyConstraint("insight_id", "experiment_id", name=op.f("pk_insight_evidence")),
    )
    op.create_index(
        "ix_experiments_campaign_id_created_at",
        "experiments",
        ["campaign_id", "created_at"],
        unique=False,
    )
    op.create_index(
        "ix_experiments_repeat_of",
        "experiments",
        ["repeat_of"],
        unique=False,
        postgresql_where=sa.text("repeat_of IS NOT NULL"),
    )
    op.create_index(
        "ix_experiments_words",
        "experiments",
        [sa.literal_column(WORDS)],
        unique=False,
        postgresql_using="gin",
    )


def downgrade() -> None:
    op.drop_index("ix_experiments_words", table_name="experiments", postgresql_using="gin")
    op.drop_index("ix_experiments_repeat_of", table_name="experiments")
    op.drop_index("ix_experiments_campaign_id_created_at", table_name="experiments")
    op.drop_table("insight_evidence")
    op.drop_table("idea_evidence")
    op.drop_table("idea_claims")
    op.drop_index("ix_insights_embedding", table_name="insights")
    op.drop_index("ix_insights_campaign_id_id", table_name="insights")
    op.drop_table("insights")
    op.drop_index("ix_ideas_priority", table_name="ideas")
    op.drop_index("ix_ideas_parameters_key", table_name="ideas")
    op.drop_index("ix_ideas_embedding", table_name="ideas")
    op.drop_table("ideas")
