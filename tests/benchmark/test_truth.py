import tracemalloc

import numpy as np
import pytest
from pgvector.sqlalchemy import BIT
from sqlalchemy import Column, Connection, MetaData, Table, bindparam, column, insert, select, table, text
from sqlalchemy.types import Float

from dashboard.benchmark import truth
from dashboard.benchmark.scores import SCORERS
from dashboard.benchmark.truth import Vectors, distances_to, found_distances, ground_truth
from db.arms import MISSING
from db.columns import VECTOR_TYPES
from db.distance import Distance
from db.engine import Database
from db.timing import as_text

random = np.random.default_rng(7)

SHAPES = {
    "spread": random.standard_normal((900, 24)),
    "clusters": random.standard_normal((9, 24)).repeat(100, axis=0) * 5
    + random.standard_normal((900, 24)) * 0.01,
    "far from the origin": random.standard_normal((900, 24)) * 0.02 + 100,
    "many the same": random.integers(0, 2, (900, 24)),
    "near the same": np.ones((900, 24)) + random.standard_normal((900, 24)) * 1e-6,
    "of all lengths": random.standard_normal((900, 24)) * np.logspace(-6, 6, 900)[:, None],
    "one dimension": np.linspace(1, 2, 900)[:, None],
}

BITS = {
    "evenly set": random.integers(0, 2, (900, 40)),
    "hardly set, some not at all": random.random((900, 40)) < 0.05,
    "of all counts": random.random((900, 40)) < np.linspace(0, 1, 900)[:, None],
    "all the same but a few": random.integers(0, 2, (900, 4)),
}
"""For Hamming and Jaccard: ties are the rule, and rows without any bit are as far as can be."""

DENSE_ONES = [distance for distance in Distance if "vector" in distance.types]
BIT_ONES = [distance for distance in Distance if "bit" in distance.types]

CASES = [(shape, distance) for shape in SHAPES for distance in DENSE_ONES]
CASES += [(shape, distance) for shape in BITS for distance in BIT_ONES]


def shaped(name: str) -> Vectors:
    return {**SHAPES, **BITS}[name].astype(np.float32)


def by_hand(rows: Vectors, query: Vectors, distance: Distance) -> list[float]:
    return sorted(distances_to(query, rows, distance).tolist())


@pytest.mark.parametrize(("shape", "distance"), CASES)
@pytest.mark.parametrize("k", [1, 10, 889])
def test_the_answer_is_that_of_computing_every_distance(
    shape: str, distance: Distance, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truth, "BLOCK_ROWS", 128)
    monkeypatch.setattr(truth, "BLOCK_QUERIES", 4)
    rows, queries = shaped(shape)[:890], shaped(shape)[890:]

    found = ground_truth(rows, queries, distance, k)

    assert found.distances.tolist() == [by_hand(rows, query, distance)[:k] for query in queries]
    assert all(len(set(indexes)) == k for indexes in found.indexes.tolist())
    again = found_distances(rows, queries, found.indexes, distance)
    assert again.tolist() == found.distances.tolist()


@pytest.fixture
def rows(database: Database) -> Vectors:
    """Vectors that are also in a table ``points``, as vector and as halfvec; some twice."""
    vectors = random.standard_normal((400, 24)).astype(np.float16).astype(np.float32)
    vectors[200:250] = vectors[:50]
    with database.control("tests") as connection:
        connection.execute(text("CREATE TABLE points (position int, vector vector(24), halfvec halfvec(24))"))
        insert = text("INSERT INTO points VALUES (:position, :written, :written)")
        written = [{"position": i, "written": as_text(v).decode()} for i, v in enumerate(vectors)]
        connection.execute(insert, written)
    return vectors


def asked(
    connection: Connection, vector_type: str, distance: Distance, query: Vectors, k: int
) -> list[float]:
    """Ask the server for the ``k`` smallest distances."""
    kind = VECTOR_TYPES[vector_type](24)  # type: ignore[call-arg]
    vector = column(vector_type, kind)
    away = vector.op(distance.operator, return_type=Float())(bindparam("query", query, kind)).label("away")
    statement = select(away).select_from(table("points", column("position"))).order_by(away).limit(k)
    return list(connection.execute(statement).scalars())


@pytest.mark.parametrize("vector_type", ["vector", "halfvec"])
@pytest.mark.parametrize("distance", DENSE_ONES)
def test_distances_are_those_of_the_server(
    database: Database, rows: Vectors, vector_type: str, distance: Distance
) -> None:
    queries = random.standard_normal((5, 24)).astype(np.float16).astype(np.float32)

    found = ground_truth(rows, queries, distance, 30)

    with database.reading("tests") as connection:
        for query, distances in zip(queries, found.distances, strict=True):
            told = asked(connection, vector_type, distance, query, 30)
            assert distances.tolist() == pytest.approx(told, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("shape", BITS)
@pytest.mark.parametrize("distance", BIT_ONES)
def test_distances_of_bits_are_those_of_the_server(
    database: Database, shape: str, distance: Distance
) -> None:
    rows, queries = shaped(shape)[:300], shaped(shape)[[0, 300, 600, 899]]
    kind = BIT(rows.shape[1])
    held = table("bits", column("bits", kind))
    with database.control("tests") as connection:
        Table("bits", MetaData(), Column("bits", kind)).create(connection)
        connection.execute(insert(held), [{"bits": as_text(row, "bit").decode()} for row in rows])

    found = ground_truth(rows, queries, distance, 30)

    with database.reading("tests") as connection:
        for query, distances in zip(queries, found.distances, strict=True):
            asked_for = bindparam("query", as_text(query, "bit").decode(), kind)
            away = held.c.bits.op(distance.operator, return_type=Float())(asked_for).label("away")
            told = connection.execute(select(away).order_by(away).limit(30)).scalars().all()
            assert distances.tolist() == pytest.approx(told, rel=1e-7)


def test_every_distance_has_a_scorer() -> None:
    assert set(SCORERS) == set(Distance)


def test_progress_is_told_and_ends_with_every_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth, "BLOCK_QUERIES", 4)
    told: list[int] = []

    ground_truth(shaped("spread"), shaped("clusters")[:10], Distance.L2, 3, told.append)

    assert told == [4, 8, 10]


def test_a_missing_row_is_infinitely_far() -> None:
    rows = np.array([[0, 0], [3, 4]], np.float32)

    found = found_distances(rows, rows[:1], np.array([[1, MISSING]]), Distance.L2)

    assert found.tolist() == [[5, np.inf]]


def test_memory_does_not_grow_with_queries_times_rows() -> None:
    rows = random.standard_normal((60_000, 8)).astype(np.float32)
    tracemalloc.start()

    ground_truth(rows, rows[:600], Distance.COSINE, 10)

    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 600 * len(rows) * 4 / 2
