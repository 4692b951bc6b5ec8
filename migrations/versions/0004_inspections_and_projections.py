"""Inspections and projections

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-23
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "vectorscope"


def upgrade() -> None:
    op.create_table(
        "inspection",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("job_id", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.job.id", ondelete="SET NULL")),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("schema", sa.Text, nullable=False),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("column", sa.Text, nullable=False),
        sa.Column("params", JSONB, nullable=False),
        sa.Column("result", JSONB, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        schema=SCHEMA,
    )
    op.create_index(
        "inspection_column", "inspection", ["schema", "table", "column", "kind", "id"], schema=SCHEMA
    )
    op.create_table(
        "projection",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("job_id", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.job.id", ondelete="SET NULL")),
        sa.Column("schema", sa.Text, nullable=False),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("column", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("params", JSONB, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("quality", JSONB, nullable=False),
        sa.Column("points", sa.LargeBinary, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        schema=SCHEMA,
    )
    op.create_index("projection_column", "projection", ["schema", "table", "column", "id"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_table("projection", schema=SCHEMA)
    op.drop_table("inspection", schema=SCHEMA)
