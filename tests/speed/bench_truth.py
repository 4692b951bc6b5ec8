"""Exact answers: to 1,000 queries on 1,000,000 x 128, against the bare matrix product of the same arrays;
to 500 on 100,000 x 128, against asking the server query by query."""

import argparse
import tracemalloc
from statistics import median
from time import perf_counter

import numpy as np
from sqlalchemy import Connection, select

from dashboard.benchmark.truth import BLOCK_ROWS, Vectors, ground_truth
from db.arms import Arm, Search
from db.copy import copy_out_vectors
from db.distance import Distance
from db.engine import Database
from db.scratch import Scratch
from db.timing import as_text, asking
from tests.speed.copied import DISTANCE, QUERIES, K, copied_items
from tests.speed.report import Ratio, show
from tests.speed.server import fresh_database

ROUNDS = 3
ROWS, DIMS, ASKING = 1_000_000, 128, 1_000
"""512 MB of rows; with the queries it would be 4 GB of products."""

ASKED = 50
"""Queries the server answers per round; its time per query does not change with more."""


def measure(database: Database, rows: int = ROWS) -> list[Ratio]:
    """Measure each arm once per round, so that a slow moment of the machine meets them all."""
    return [*_against_product(rows), *_against_server(database)]


def _against_product(rows: int) -> list[Ratio]:
    random = np.random.default_rng(7)
    held = random.standard_normal((rows, DIMS), np.float32)
    queries = random.standard_normal((ASKING, DIMS), np.float32)
    found = []
    for distance in (Distance.COSINE, Distance.L2, Distance.INNER_PRODUCT):
        rounds = [(_product_s(held, queries), _truth_s(held, queries, distance)) for _ in range(ROUNDS)]
        product_s, truth_s = (median(seconds) for seconds in zip(*rounds, strict=True))
        found.append(
            Ratio(
                f"the matrix product over exact answers by {distance.stem}, {rows:,} rows",
                median(product / truth for product, truth in rounds),
                0.5,
                f"{product_s:.1f} s against {truth_s:.1f} s",
            )
        )
    tracemalloc.start()
    ground_truth(held, queries, DISTANCE, K)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    told = f"{peak_bytes / 2**20:.0f} MB beside the rows' {held.nbytes / 2**20:.0f} MB"
    whole = rows * ASKING * 4 / peak_bytes
    return [*found, Ratio("all products at once over the memory that exact answers take", whole, 20, told)]


def _product_s(rows: Vectors, queries: Vectors) -> float:
    """Multiply all by all, block by block, and keep nothing."""
    products = np.empty((len(queries), BLOCK_ROWS), np.float32)
    started = perf_counter()
    for start in range(0, len(rows), BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        np.matmul(queries, block.T, out=products[:, : len(block)])
    return perf_counter() - started


def _truth_s(rows: Vectors, queries: Vectors, distance: Distance) -> float:
    started = perf_counter()
    ground_truth(rows, queries, distance, K)
    return perf_counter() - started


def _against_server(database: Database) -> list[Ratio]:
    scratch = copied_items(database)
    with database.writing("bench") as connection:
        with connection.begin():
            held = select(*scratch.queries.c["position", "embedding"])
            queries = copy_out_vectors(connection, held).vectors
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=ROWS, help="rows beside the product; 1,000,000 is the target"
    )
    with fresh_database() as fresh:
        show(measure(fresh, parser.parse_args().rows))
