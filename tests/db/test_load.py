"""Clients in processes of their own, against a real server."""

import numpy as np
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, text

from db.arms import Arm, Search
from db.columns import VECTOR_TYPES
from db.distance import Distance
from db.engine import Database
from db.errors import DatabaseError
from db.load import offer
from db.timing import as_text

QUERIES = [as_text(np.array([point, 0], np.float32)) for point in range(40)]


@pytest.fixture
def arm(database: Database) -> Arm:
    """A search among 300 points on a line, through HNSW."""
    with database.writing("tests") as connection, connection.begin():
        connection.execute(
            text(
                "CREATE TABLE line AS SELECT i AS position, ARRAY[i, 0]::vector(2) AS embedding "
                "FROM generate_series(0, 299) AS i;"
                "CREATE INDEX line_hnsw ON line USING hnsw (embedding vector_l2_ops); ANALYZE line"
            )
        )
    kind = VECTOR_TYPES["vector"](2)  # type: ignore[call-arg]
    line = Table("line", MetaData(), Column("position", Integer), Column("embedding", kind))
    return Arm(Search(line, Distance.L2, 3), {"hnsw.ef_search": "20", "enable_seqscan": "off"})


def test_a_closed_loop_asks_again_as_soon_as_it_is_answered(database: Database, arm: Arm) -> None:
    load = offer(database, arm, QUERIES, clients=2, seconds=0.6)

    assert len(load.latencies_ms) > 100
    assert load.errors == len(load.unsent_ms) == 0
    assert (np.diff(load.finished_s) >= 0).all()
    assert 0 < load.finished_s[0] < 0.3
    assert 0.4 < load.finished_s[-1] < 0.9
    # Two clients are busy all the time, whatever the machine does in between.
    assert load.latencies_ms.sum() == pytest.approx(2 * 600, rel=0.2)


def test_an_open_loop_keeps_its_rate_and_counts_from_when_a_query_was_due(
    database: Database, arm: Arm
) -> None:
    load = offer(database, arm, QUERIES, clients=2, seconds=1, rate=100)

    assert len(load.latencies_ms) == 100
    assert load.rate == 100
    assert np.median(load.latencies_ms) < 100


def test_a_stall_shows_in_the_latency_of_every_query_it_kept_waiting(database: Database, arm: Arm) -> None:
    slow = Arm(arm.search, arm.settings)
    with database.writing("tests") as connection, connection.begin():
        # Each answer takes 50 ms, at a rate that leaves 10 ms: the queue grows.
        connection.execute(
            text(
                "CREATE FUNCTION slowly(a vector, b vector) RETURNS float8 LANGUAGE sql AS "
                "'SELECT 0.0::float8 FROM pg_sleep(0.05)';"
                "ALTER TABLE line RENAME TO line_quick;"
                "CREATE VIEW line AS SELECT position, embedding FROM line_quick "
                "WHERE position = 0 AND slowly(embedding, embedding) = 0"
            )
        )
    load = offer(database, slow, QUERIES, clients=1, seconds=0.5, rate=100)

    assert load.latencies_ms[0] < 150
    assert load.latencies_ms[5] > 5 * 40
    assert (np.diff(load.latencies_ms[:6]) > 30).all()


def test_what_was_due_and_never_sent_is_told_with_how_long_it_had_waited(
    database: Database, arm: Arm
) -> None:
    with database.writing("tests") as connection, connection.begin():
        # One answer takes 50 ms at least: in twice the time twenty can be asked, of the fifty that are due.
        connection.execute(
            text(
                "ALTER TABLE line RENAME TO line_quick; "
                "CREATE VIEW line AS SELECT position, embedding FROM line_quick, pg_sleep(0.05)"
            )
        )
    load = offer(database, arm, QUERIES, clients=1, seconds=0.5, rate=100)

    assert load.errors == 0
    assert len(load.latencies_ms) + len(load.unsent_ms) == 50
    assert 1 <= len(load.latencies_ms) <= 21
    assert np.diff(load.unsent_ms) == pytest.approx(-10, abs=0.01), "each was due 10 ms after the last"
    assert load.unsent_ms[-1] >= 500, "the last was due before 0.5 s, and the client gave up after 1 s"


def test_what_stops_a_client_is_told_in_its_words(database: Database, arm: Arm) -> None:
    with database.control("tests") as connection:
        connection.execute(text("DROP TABLE line"))
    with pytest.raises(DatabaseError, match='A client of the load could not go on: relation "line"'):
        offer(database, arm, QUERIES, clients=1, seconds=0.5)
