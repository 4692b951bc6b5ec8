"""Exact answers to 500 queries on 100,000 x 128: ours, against asking the server query by query."""

from statistics import median
from time import perf_counter

from sqlalchemy import Connection, select

from dashboard.benchmark.truth import Vectors, ground_truth
from db.arms import Arm, Search
from db.copy import copy_out_vectors
from db.engine import Database
from db.scratch import Scratch
from db.timing import as_text, asking
from tests.speed.copied import DISTANCE, QUERIES, K, copied_items
from tests.speed.report import Ratio, show
from tests.speed.server import fresh_database

ROUNDS = 3
ASKED = 50
"""Queries the server answers per round; its time per query does not change with more."""


def measure(database: Database) -> list[Ratio]:
    """Measure each arm once per round, so that a slow moment of the machine meets them all."""
    scratch = copied_items(database)
    with database.writing("bench") as connection:
        with connection.begin():
            queries = copy_out_vectors(connection, select(scratch.queries)).vectors
        _asked_s(connection, scratch, queries)  # the first to read the table reads it from disk
        rounds = [
            (*_ours_s(connection, scratch, queries), _asked_s(connection, scratch, queries))
            for _ in range(ROUNDS)
        ]
    read_s, computed_s, asked_s = (median(seconds) for seconds in zip(*rounds, strict=True))
    told = f"{read_s:.2f} s to read, {computed_s:.2f} s to compute; the server takes {asked_s:.1f} s"
    return [
        Ratio(
            "exact answers over asking the server, reading the rows included",
            median(asked / (read + computed) for read, computed, asked in rounds),
            10,
            told,
        ),
        Ratio(
            "exact answers over asking the server, rows in hand",
            median(asked / computed for _, computed, asked in rounds),
            10,
            told,
        ),
    ]


def _ours_s(connection: Connection, scratch: Scratch, queries: Vectors) -> tuple[float, float]:
    started = perf_counter()
    with connection.begin():
        rows = copy_out_vectors(connection, select(scratch.rows)).vectors
    read = perf_counter()
    ground_truth(rows, queries, DISTANCE, K)
    return read - started, perf_counter() - read


def _asked_s(connection: Connection, scratch: Scratch, queries: Vectors) -> float:
    """Time some of the queries by the loop that times a trial, and scale to all."""
    texts = [as_text(query) for query in queries[:ASKED]]
    with asking(connection, [Arm(Search(scratch.rows, DISTANCE, K), {})], texts) as asker:
        return float(asker.ask_exactly(0, range(ASKED)).latencies_ms.sum()) / 1000 * QUERIES / ASKED


if __name__ == "__main__":
    with fresh_database() as fresh:
        show(measure(fresh))
