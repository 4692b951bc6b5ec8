"""The demo's table, empty

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-23
"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects.postgresql import JSONB

from db.notes import read_note, write_note

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = "products"


def upgrade() -> None:
    if sa.inspect(op.get_bind()).has_table(TABLE, schema="public"):
        return  # a database that has a table of this name keeps its own
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("title", sa.Text),
        sa.Column("description", sa.Text),
        sa.Column("category", sa.Text),
        sa.Column("brand", sa.Text),
        sa.Column("price", sa.Numeric(10, 2)),
        sa.Column("rating", sa.Double),
        sa.Column("created_at", sa.DateTime(timezone=True)),
        sa.Column("attributes", JSONB),
        sa.Column("embedding", VECTOR(384)),
        schema="public",
        comment=write_note({"source": "demo"}),
    )


def downgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table(TABLE, schema="public"):
        return
    note = read_note(inspector.get_table_comment(TABLE, schema="public")["text"])
    if note and "borrowed" not in note:
        op.drop_table(TABLE, schema="public")
