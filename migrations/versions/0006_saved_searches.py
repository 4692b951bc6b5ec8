"""Saved searches

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-23
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "vectorscope"


def upgrade() -> None:
    op.create_table(
        "saved_search",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("schema", sa.Text, nullable=False),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("column", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("question", JSONB, nullable=False),
        sa.Column("vector", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("dimensions", sa.Integer, nullable=False),
        sa.Column("is_zero", sa.Boolean, nullable=False),
        sa.Column("of_row", sa.Boolean, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("schema", "table", "column", "created_by", "name", name="saved_search_name"),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("saved_search", schema=SCHEMA)
