"""A database with a healthy column and one full of what goes wrong, that these tests only read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db.engine import Database
from db.progress import Unrecorded
from tests.db.conftest import ODD, run

INDEXES = """
CREATE INDEX healthy_hnsw ON healthy USING hnsw (embedding vector_cosine_ops);
CREATE INDEX nasty_hnsw ON nasty USING hnsw (embedding vector_cosine_ops);
CREATE TABLE lists AS SELECT * FROM healthy;
CREATE INDEX lists_ivfflat ON lists USING ivfflat (embedding vector_l2_ops) WITH (lists = 4);
CREATE TABLE bare AS SELECT * FROM healthy LIMIT 50;
CREATE INDEX bare_partial ON bare USING hnsw (embedding vector_cosine_ops) WHERE id < 10;
ANALYZE;
"""


@pytest.fixture(scope="session")
def shop(server_url: str, maintenance: Connection, template: str) -> Iterator[Database]:
    """Tables ``healthy`` (the demo's rows) and ``nasty``, both with HNSW, and copies of the first."""
    maintenance.execute(text(f"CREATE DATABASE shop TEMPLATE {template}"))
    database = Database(make_url(server_url).set(database="shop").render_as_string(hide_password=False))
    for source, table, dims in (("demo", "healthy", None), ("nasty", "nasty", 64)):
        populate(database, PopulateRequest(source=source, table=table, rows=1_500, dims=dims), Unrecorded())
    with database.control("tests") as connection:
        connection.exec_driver_sql(INDEXES)
        run(connection, ODD)
        run(connection, "CREATE VIEW seen AS SELECT kind, embedding FROM nasty")
    yield database
    database.dispose()
