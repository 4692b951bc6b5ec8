"""Watches: what a column's searches may take, what each look at it found, and the alerts it raised

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-23
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SCHEMA = "vectorscope"


def upgrade() -> None:
    op.create_table(
        "watch",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("schema", sa.Text, nullable=False),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("column", sa.Text, nullable=False),
        sa.Column("p95_ms", sa.Float, nullable=False),
        sa.Column("recall", sa.Float, nullable=False),
        sa.Column("every_s", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("schema", "table", "column", name="watch_once"),
        schema=SCHEMA,
    )
    op.create_table(
        "watch_look",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column(
            "watch_id", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.watch.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("job_id", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.job.id", ondelete="SET NULL")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("rows", sa.BigInteger),
        sa.Column("figures", JSONB, nullable=False),
        sa.Column("indexes", JSONB, nullable=False),
        sa.Column("breach", sa.Text),
        sa.Index("watch_look_watch", "watch_id", "id"),
        schema=SCHEMA,
    )
    op.create_table(
        "watch_alert",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column(
            "watch_id", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.watch.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("resolved_at", sa.DateTime(timezone=True)),
        sa.Column("told", sa.Text, nullable=False, server_default="nothing"),
        sa.CheckConstraint("told IN ('nothing', 'raised', 'resolved')", name="watch_alert_told"),
        schema=SCHEMA,
    )
    op.create_index(
        "watch_alert_open",
        "watch_alert",
        ["watch_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )


def downgrade() -> None:
    for table in ("watch_alert", "watch_look", "watch"):
        op.drop_table(table, schema=SCHEMA)
