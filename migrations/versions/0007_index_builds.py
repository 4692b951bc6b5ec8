"""Index builds: what was meant before each statement, and what came of it

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-23
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SCHEMA = "vectorscope"


def upgrade() -> None:
    op.create_table(
        "index_build",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column(
            "job_id", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.job.id", ondelete="SET NULL"), unique=True
        ),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("schema", sa.Text, nullable=False),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("column", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("spec", JSONB, nullable=False),
        sa.Column("sql", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="running"),
        sa.Column("index_oid", sa.BigInteger),
        sa.Column("oids_before", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("progress", JSONB, nullable=False, server_default="{}"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("build_s", sa.Float),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("rows", sa.BigInteger),
        sa.Column("workers", sa.Integer),
        sa.Column("notices", ARRAY(sa.Text), nullable=False, server_default="{}"),
        sa.Column("error", sa.Text),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.CheckConstraint("action IN ('build', 'reindex', 'drop')", name="index_build_action"),
        sa.CheckConstraint(
            "state IN ('running', 'succeeded', 'failed', 'cancelled')", name="index_build_state"
        ),
        schema=SCHEMA,
    )
    op.create_index("index_build_name", "index_build", ["schema", "name", "id"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_table("index_build", schema=SCHEMA)
