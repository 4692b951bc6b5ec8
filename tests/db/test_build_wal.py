"""The WAL of a build on a logged table: as forecast, whatever its pages leave free."""

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable

from db.columns import VectorColumn
from db.distance import Distance
from db.engine import Database
from db.forms import parse_spec
from db.indexes import PAGE_BYTES

FILL = text("""
INSERT INTO logged SELECT (SELECT array_agg(CASE WHEN :alike THEN g % 2 ELSE random() - 0.5 + 0 * i END)
                           FROM generate_series(1, :dimensions) AS g)::vector
FROM generate_series(1, :rows) AS i
""")
BUILT = text("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :lsn), pg_relation_size('logged_index')")
NOW = text("SELECT pg_current_wal_insert_lsn()::text")

CASES = [
    ("hnsw:m=8", 3_000, 128),
    ("ivfflat:lists=100", 3_000, 128),  # a list ends in the middle of a page
    ("hnsw:m=16", 300, 1_100),  # a row and its links take two pages, half of each is free
    ("ivfflat:lists=10", 300, 1_100),  # one row a page
    ("hnsw:m=16,as=halfvec", 2_000, 300),
    ("hnsw:m=8,as=bit", 8_000, 64),
]


def built(connection: Connection, spec: str, rows: int, dimensions: int, *, alike: bool = False) -> list[int]:
    """Build an index on a logged table; tell the WAL written, its size, and the WAL forecast by that."""
    index = parse_spec(spec)
    table = VectorColumn("public", "logged", "e", "vector", dimensions, ()).as_table()
    connection.execute(CreateTable(table))
    connection.execute(FILL, {"dimensions": dimensions, "rows": rows, "alike": alike})
    connection.execute(
        text("VACUUM logged")
    )  # so that the build's reading marks no row, which is WAL as well
    lsn = connection.execute(NOW).scalar_one()
    made = index.on(table, "e", "vector", dimensions, Distance.L2, name="logged_index")
    connection.execute(CreateIndex(made))
    written, size_bytes = map(int, connection.execute(BUILT, {"lsn": lsn}).one())
    connection.execute(DropTable(table))
    return [written, size_bytes, index.wal_forecast_bytes(size_bytes, rows, "vector", dimensions)]


@pytest.mark.parametrize(("spec", "rows", "dimensions"), CASES)
def test_a_build_writes_the_wal_that_was_forecast_by_its_size(
    database: Database, spec: str, rows: int, dimensions: int
) -> None:
    with database.control("tests") as connection:
        written, size_bytes, forecast = built(connection, spec, rows, dimensions)
    assert size_bytes > 200 * PAGE_BYTES
    assert written == pytest.approx(forecast, rel=0.15)
    assert forecast <= 1.02 * size_bytes
    if dimensions == 1_100:
        assert written < 0.7 * size_bytes, "a forecast by the size alone would be far off"


def test_a_server_that_compresses_pages_writes_less(database: Database) -> None:
    with database.control("tests") as connection:
        connection.execute(text("SET wal_compression = pglz"))
        written, _, forecast = built(connection, "ivfflat:lists=10", 1_500, 300, alike=True)
    assert written < forecast / 2
