"""initial schema

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("api_key_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("hardware", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
        sa.UniqueConstraint("api_key_sha256", name="uq_agents_api_key_sha256"),
        sa.UniqueConstraint("name", name="uq_agents_name"),
    )
    op.create_table(
        "programs",
        sa.Column("source_sha256", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "source_sha256 = encode(sha256(convert_to(source, 'UTF8')), 'hex')",
            name=op.f("ck_programs_is_content_addressed"),
        ),
        sa.CheckConstraint(
            "source_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_programs_source_sha256_is_hex")
        ),
        sa.PrimaryKeyConstraint("source_sha256", name=op.f("pk_programs")),
    )
    op.create_index("ix_programs_fingerprint", "programs", ["fingerprint"], unique=False)
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("time_budget_s", sa.Double(), nullable=False),
        sa.Column("harness_sha256", sa.String(), nullable=False),
        sa.Column("data_sha256", sa.String(), nullable=False),
        sa.Column("baseline_sha256", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "direction IN ('minimize')", name=op.f("ck_campaigns_direction_is_known")
        ),
        sa.CheckConstraint("time_budget_s > 0", name=op.f("ck_campaigns_time_budget_is_positive")),
        sa.ForeignKeyConstraint(
            ["baseline_sha256"],
            ["programs.source_sha256"],
            name=op.f("fk_campaigns_baseline_sha256"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("name", name="uq_campaigns_name"),
    )
    op.create_table(
        "campaign_files",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_files_campaign_id")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "path", name=op.f("pk_campaign_files")),
    )
    op.create_table(
        "experiments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("hypothesis", sa.String(), nullable=False),
        sa.Column("rationale", sa.String(), nullable=True),
        sa.Column("base_sha256", sa.String(), nullable=True),
        sa.Column("source_sha256", sa.String(), nullable=True),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("dedup_key", sa.String(), nullable=True),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("repeat_of", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'done') = (completed_at IS NOT NULL)",
            name=op.f("ck_experiments_done_is_completed"),
        ),
        sa.CheckConstraint(
            "status <> 'claimed' OR (lease_expires_at IS NOT NULL AND epoch >= 1)",
            name=op.f("ck_experiments_claimed_has_a_lease"),
        ),
        sa.CheckConstraint(
            "status <> 'done' OR source_sha256 IS NOT NULL",
            name=op.f("ck_experiments_done_has_source"),
        ),
        sa.CheckConstraint(
            "status IN ('claimed', 'released', 'expired', 'done')",
            name=op.f("ck_experiments_status_is_known"),
        ),
        sa.CheckConstraint("epoch >= 0", name=op.f("ck_experiments_epoch_is_not_negative")),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_experiments_agent_id")),
        sa.ForeignKeyConstraint(
            ["base_sha256"], ["programs.source_sha256"], name=op.f("fk_experiments_base_sha256")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_experiments_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["repeat_of"], ["experiments.id"], name=op.f("fk_experiments_repeat_of")
        ),
        sa.ForeignKeyConstraint(
            ["source_sha256"], ["programs.source_sha256"], name=op.f("fk_experiments_source_sha256")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
        sa.UniqueConstraint("campaign_id", "dedup_key", name="uq_experiments_dedup_key"),
    )
    op.create_index("ix_experiments_agent_id", "experiments", ["agent_id", "id"], unique=False)
    op.create_index(
        "ix_experiments_base_sha256", "experiments", ["campaign_id", "base_sha256"], unique=False
    )
    op.create_index(
        "ix_experiments_campaign_id_id", "experiments", ["campaign_id", "id"], unique=False
    )
    op.create_index(
        "ix_experiments_campaign_id_source_sha256",
        "experiments",
        ["campaign_id", "source_sha256"],
        unique=False,
    )
    op.create_index(
        "ix_experiments_lease_expires_at",
        "experiments",
        ["lease_expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'claimed'"),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("experiment_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_events_agent_id")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_events_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_events_experiment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_campaign_id_id", "events", ["campaign_id", "id"], unique=False)
    op.create_table(
        "leases",
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("claim_key", sa.Uuid(), nullable=True),
        sa.Column("request_sha256", sa.String(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column(
            "granted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_leases_agent_id")),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_leases_experiment_id")
        ),
        sa.PrimaryKeyConstraint("experiment_id", "epoch", name=op.f("pk_leases")),
        sa.UniqueConstraint("agent_id", "claim_key", name="uq_leases_claim_key"),
    )
    op.create_table(
        "results",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("body_sha256", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("crash_reason", sa.String(), nullable=True),
        sa.Column("val_bpb", sa.Double(), nullable=True),
        sa.Column("base_val_bpb", sa.Double(), nullable=True),
        sa.Column("metrics", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("log_tail", sa.String(), nullable=False),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("is_best", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(outcome = 'crash') = (crash_reason IS NOT NULL)",
            name=op.f("ck_results_crash_has_a_reason"),
        ),
        sa.CheckConstraint(
            "outcome IN ('keep', 'discard', 'crash')", name=op.f("ck_results_outcome_is_known")
        ),
        sa.CheckConstraint(
            "val_bpb > 0 AND val_bpb < 'infinity'::float8",
            name=op.f("ck_results_val_bpb_is_positive_and_finite"),
        ),
        sa.CheckConstraint(
            "(metrics IS NULL) = (crash_reason IS NOT NULL)",
            name=op.f("ck_results_has_metrics_or_crash_reason"),
        ),
        sa.CheckConstraint(
            "(metrics IS NULL) = (val_bpb IS NULL)",
            name=op.f("ck_results_has_val_bpb_with_metrics"),
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_results_agent_id")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_results_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_results_experiment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_results")),
        sa.UniqueConstraint("experiment_id", name="uq_results_experiment_id"),
    )
    op.create_index(
        "ix_results_campaign_id_outcome", "results", ["campaign_id", "outcome"], unique=False
    )
    op.create_index(
        "ix_results_campaign_id_platform_val_bpb",
        "results",
        ["campaign_id", "platform", "val_bpb"],
        unique=False,
    )
    op.create_table(
        "bests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("val_bpb", sa.Double(), nullable=False),
        sa.Column("previous_sequence", sa.Integer(), nullable=True),
        sa.Column("previous_val_bpb", sa.Double(), nullable=True),
        sa.Column("result_id", sa.Uuid(), nullable=False),
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.Column("source_sha256", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "scope IN ('global', 'tier', 'platform', 'agent')", name=op.f("ck_bests_scope_is_known")
        ),
        sa.CheckConstraint(
            "status IN ('provisional', 'confirmed')", name=op.f("ck_bests_status_is_known")
        ),
        sa.CheckConstraint(
            "(sequence = 1 AND previous_sequence IS NULL AND previous_val_bpb IS NULL) OR (sequence > 1 AND previous_sequence IS NOT NULL AND previous_sequence = sequence - 1 AND previous_val_bpb IS NOT NULL)",
            name=op.f("ck_bests_follows_the_previous"),
        ),
        sa.CheckConstraint("val_bpb < previous_val_bpb", name=op.f("ck_bests_goes_only_forward")),
        sa.ForeignKeyConstraint(
            ["campaign_id", "scope", "value", "previous_sequence", "previous_val_bpb"],
            ["bests.campaign_id", "bests.scope", "bests.value", "bests.sequence", "bests.val_bpb"],
            name="fk_bests_previous",
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_bests_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_bests_experiment_id")
        ),
        sa.ForeignKeyConstraint(["result_id"], ["results.id"], name=op.f("fk_bests_result_id")),
        sa.ForeignKeyConstraint(
            ["source_sha256"], ["programs.source_sha256"], name=op.f("fk_bests_source_sha256")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bests")),
        sa.UniqueConstraint(
            "campaign_id", "scope", "value", "sequence", "val_bpb", name="uq_bests_record"
        ),
        sa.UniqueConstraint("campaign_id", "scope", "value", "sequence", name="uq_bests_sequence"),
    )


def downgrade() -> None:
    op.drop_table("bests")
    op.drop_index("ix_results_campaign_id_platform_val_bpb", table_name="results")
    op.drop_index("ix_results_campaign_id_outcome", table_name="results")
    op.drop_table("results")
    op.drop_table("leases")
    op.drop_index("ix_events_campaign_id_id", table_name="events")
    op.drop_table("events")
    op.drop_index(
        "ix_experiments_lease_expires_at",
        table_name="experiments",
        postgresql_where=sa.text("status = 'claimed'"),
    )
    op.drop_index("ix_experiments_campaign_id_source_sha256", table_name="experiments")
    op.drop_index("ix_experiments_campaign_id_id", table_name="experiments")
    op.drop_index("ix_experiments_base_sha256", table_name="experiments")
    op.drop_index("ix_experiments_agent_id", table_name="experiments")
    op.drop_table("experiments")
    op.drop_table("campaign_files")
    op.drop_table("campaigns")
    op.drop_index("ix_programs_fingerprint", table_name="programs")
    op.drop_table("programs")
    op.drop_table("agents")
