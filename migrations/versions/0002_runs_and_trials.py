"""Benchmark runs and trials

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-23
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "vectorscope"


def upgrade() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column(
            "job_id",
            sa.BigInteger,
            sa.ForeignKey(f"{SCHEMA}.job.id", ondelete="SET NULL"),
            unique=True,
        ),
        sa.Column("schema", sa.Text, nullable=False),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("column", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="running"),
        sa.Column("plan", JSONB, nullable=False),
        sa.Column("rows", sa.BigInteger),
        sa.Column("queries", sa.Integer),
        sa.Column("environment", JSONB),
        sa.Column("fingerprint_before", sa.Text),
        sa.Column("fingerprint_after", sa.Text),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state IN ('running', 'succeeded', 'failed', 'cancelled')", name="run_state"),
        schema=SCHEMA,
    )
    op.create_table(
        "trial",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column(
            "run_id", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.run.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("options", JSONB, nullable=False),
        sa.Column("setting", JSONB, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("plan_node", sa.Text, nullable=False),
        sa.Column("plan", JSONB, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("queries", sa.Integer, nullable=False),
        sa.Column("measures", JSONB, nullable=False),
        sa.Column("latencies_ms", ARRAY(REAL), nullable=False),
        sa.Column("recalls", ARRAY(REAL), nullable=False),
        sa.Column("build_s", sa.Float),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("state IN ('measured', 'void')", name="trial_state"),
        sa.UniqueConstraint("run_id", "position", name="trial_once"),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("trial", schema=SCHEMA)
    op.drop_table("run", schema=SCHEMA)
