"""How fast the server is right now, measured on a few rows, without a trace."""

import pytest
from sqlalchemy import text

from db.catalog import find_column
from db.distance import Distance
from db.engine import Database
from db.pace import PROBED_ROWS, probe

ROWS = text("""
CREATE TABLE items AS SELECT id, ARRAY[random(), random(), random()]::vector(3) AS embedding,
  ARRAY[random(), random(), random()]::halfvec(3) AS half, (id % 8)::bit(3) AS bits
FROM generate_series(1, 1100) AS id;
CREATE TABLE few AS SELECT id, embedding FROM items LIMIT 200
""")
LEFT = text("SELECT count(*) FROM pg_class WHERE relname LIKE 'vectorscope_pace%'")
SETTING = text("SELECT current_setting('max_parallel_maintenance_workers')")


@pytest.fixture
def filled(database: Database) -> Database:
    with database.writing("tests") as connection, connection.begin():
        connection.execute(ROWS)
    return database


@pytest.mark.parametrize(
    ("name", "distance"),
    [
        ("items.embedding", Distance.L2),
        ("items.embedding", Distance.COSINE),
        ("items.half", Distance.L1),
        ("items.bits", Distance.JACCARD),
    ],
)
def test_a_thousand_rows_are_indexed_and_searched_and_forgotten(
    filled: Database, name: str, distance: Distance
) -> None:
    with filled.writing("tests") as connection, connection.begin():
        before = connection.execute(SETTING).scalar_one()
        column = find_column(connection, name)
        pace = probe(connection, column, distance, 3)
        assert connection.execute(LEFT).scalar_one() == 0
        assert connection.execute(SETTING).scalar_one() == before
    assert pace is not None
    assert pace.rows == PROBED_ROWS
    assert min(pace.exact_s, pace.build_s or 0, pace.search_s or 0) > 0


def test_too_few_rows_tell_nothing(filled: Database) -> None:
    with filled.writing("tests") as connection, connection.begin():
        assert probe(connection, find_column(connection, "few.embedding"), Distance.L2, 3) is None


def test_a_column_too_wide_for_an_index_is_searched_exactly_alone(filled: Database) -> None:
    with filled.writing("tests") as connection, connection.begin():
        connection.execute(
            text(
                "CREATE TABLE wide AS SELECT id, array_fill(id, ARRAY[2100])::vector(2100) AS embedding "
                "FROM generate_series(1, 1000) AS id"
            )
        )
        pace = probe(connection, find_column(connection, "wide.embedding"), Distance.L2, 2_100)
    assert pace is not None
    assert (pace.build_s, pace.search_s) == (None, None)
    assert pace.exact_s > 0
