"""What is searched for: rows held out, rows disturbed, and query sets that came with the data."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.benchmark.queries import perturbed
from db.errors import DashboardError
from db.runs import LIVE
from tests.benchmark.conftest import PLAN, Bench, Journal

EXACT_ONLY = replace(PLAN, variants=(), queries=30)

QUERIES = """
CREATE TABLE items_queries (id int PRIMARY KEY, embedding vector(8), neighbors bigint[]);
INSERT INTO items_queries
SELECT q.id, q.embedding + q.embedding, (
  SELECT array_agg(near.id ORDER BY near.away) FROM (
    SELECT i.id, i.embedding <=> q.embedding AS away FROM items i
    WHERE vector_norm(i.embedding) > 0 ORDER BY away LIMIT 10) AS near)
FROM items q WHERE vector_norm(q.embedding) > 0 AND q.id <= 60;
INSERT INTO items_queries VALUES (5000, NULL, NULL), (5001, array_fill(0, ARRAY[8])::vector, NULL);
"""
FROM_TABLE = replace(EXACT_ONLY, query_source="table:items_queries.embedding")


def test_noise_is_as_long_as_was_asked_and_the_same_by_seed() -> None:
    vectors = np.random.default_rng(0).standard_normal((200, 64)).astype(np.float32)
    moved = perturbed(vectors, 0.1, "vector", seed=1)

    lengths = np.linalg.norm(moved - vectors, axis=1) / np.linalg.norm(vectors, axis=1)
    assert lengths.mean() == pytest.approx(0.1, rel=0.05)
    assert np.array_equal(moved, perturbed(vectors, 0.1, "vector", seed=1))
    assert not np.array_equal(moved, perturbed(vectors, 0.1, "vector", seed=2))


def test_noise_on_half_precision_and_on_bits_is_what_such_a_column_holds() -> None:
    vectors = np.random.default_rng(0).integers(0, 2, (100, 64)).astype(np.float32)

    half = perturbed(vectors, 0.1, "halfvec", seed=1)
    assert np.array_equal(half, half.astype(np.float16).astype(np.float32))
    flipped = perturbed(vectors, 0.25, "bit", seed=1)
    assert set(np.unique(flipped)) == {0.0, 1.0}
    assert np.abs(flipped - vectors).mean() == pytest.approx(0.25, abs=0.03)


def test_perturbed_rows_are_searched_for_among_the_others(bench: Bench) -> None:
    run = bench.run(replace(EXACT_ONLY, query_source="perturbed:0.2", live=True))

    copy, live, _ = run.trials
    assert run.rows == 930
    assert copy.measures["recall"] == live.measures["recall"] == 1
    assert (run.environment or {})["queries"] == "perturbed:0.2"
    assert live.arm == LIVE


def test_a_query_set_is_asked_of_all_rows_and_its_own_neighbours_are_compared(bench: Bench) -> None:
    bench.execute(QUERIES)
    run = bench.run(FROM_TABLE, journal := Journal())

    assert (run.rows, run.queries) == (960, 30)
    assert run.trials[0].measures["recall"] == 1
    told = (run.environment or {})["given_truth"]
    assert told == {"table": "public.items_queries.embedding", "k": 10, "queries": 30, "agreement": 1.0}
    assert "100.0% of the neighbours given in public.items_queries.embedding are true ones." in journal.lines


def test_neighbours_of_other_rows_are_noticed(bench: Bench) -> None:
    bench.execute(QUERIES + "UPDATE items_queries SET neighbors = ARRAY(SELECT generate_series(900, 909));")
    run = bench.run(FROM_TABLE, journal := Journal())

    assert (run.environment or {})["given_truth"]["agreement"] < 0.2
    assert any("they are of other rows, or by another distance" in line for line in journal.lines)


def test_a_query_set_without_neighbours_is_asked_all_the_same(bench: Bench) -> None:
    bench.execute(QUERIES + "ALTER TABLE items_queries DROP COLUMN neighbors;")
    run = bench.run(FROM_TABLE)

    assert run.trials[0].measures["recall"] == 1
    assert "given_truth" not in (run.environment or {})


@pytest.mark.parametrize(
    ("made", "source", "sentence"),
    [
        ("", "table:nowhere.embedding", "There is no vector column"),
        ("CREATE TABLE q AS SELECT embedding FROM items LIMIT 5", "table:q.embedding", "fewer than 30"),
        (
            "CREATE TABLE q AS SELECT subvector(embedding, 1, 3)::vector(3) AS e FROM items",
            "table:q.e",
            "has 3 dimensions, public.items.embedding 8",
        ),
        (
            "CREATE TABLE q AS SELECT '101'::bit(3) AS e FROM items",
            "table:q.e",
            "cannot be searched for that",
        ),
    ],
)
def test_queries_that_cannot_be_asked_are_refused_before_anything_starts(
    bench: Bench, made: str, source: str, sentence: str
) -> None:
    bench.execute(made or "SELECT 1")
    with pytest.raises(DashboardError, match=sentence):
        bench.run(replace(EXACT_ONLY, query_source=source))

    assert bench.execute("SELECT count(*) FROM vectorscope.run") == [(0,)]
