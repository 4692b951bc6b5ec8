"""Trials of more kinds: of several k and filters, by many clients, on the live table

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-23
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "vectorscope"


def upgrade() -> None:
    op.add_column("trial", sa.Column("arm", sa.Text, nullable=False, server_default="copy"), schema=SCHEMA)
    op.add_column("trial", sa.Column("rows", sa.BigInteger), schema=SCHEMA)
    op.add_column("trial", sa.Column("k", sa.Integer), schema=SCHEMA)
    op.add_column("trial", sa.Column("subset", sa.Text), schema=SCHEMA)
    op.add_column("trial", sa.Column("load", JSONB, nullable=False, server_default="[]"), schema=SCHEMA)
    op.add_column("trial", sa.Column("facts", JSONB, nullable=False, server_default="{}"), schema=SCHEMA)


def downgrade() -> None:
    for name in ("facts", "load", "subset", "k", "rows", "arm"):
        op.drop_column("trial", name, schema=SCHEMA)
