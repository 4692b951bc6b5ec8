"""Decisions: what somebody made of the advisor's findings, on which evidence, and the job it led to

Revision ID: 0009
Revises: 0008
Create Date: 2026-11-23
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SCHEMA = "vectorscope"


def upgrade() -> None:
    op.create_table(
        "decision",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("schema", sa.Text, nullable=False),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("column", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("decided", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("evidence", JSONB, nullable=False),
        sa.Column("job_id", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.job.id", ondelete="SET NULL")),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("lifted_by", sa.Text),
        sa.Column("lifted_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("decided <> 'dismissed' OR reason IS NOT NULL", name="decision_reason"),
        sa.Index("decision_column", "schema", "table", "column", "id"),
        schema=SCHEMA,
    )
    op.create_index(
        "decision_standing",
        "decision",
        ["schema", "table", "column", "rule"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("decided = 'dismissed' AND lifted_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("decision", schema=SCHEMA)
