"""Forecasts of size and build memory against indexes that were built: how near, over types, lengths and m."""

import re
from itertools import product
from time import perf_counter

from sqlalchemy import Connection, text

from dashboard.advisor.forecast import Shape, forecast
from db.engine import Database
from db.forms import IndexSpec
from db.indexes import Hnsw
from tests.speed.report import Ratio, show
from tests.speed.server import fresh_database

DIMENSIONS = (64, 384, 768, 1024, 1536, 2000)
TYPES = ("vector", "halfvec")
LINKS = (8, 16, 32)
MEMORY_BYTES = 2 * 2**20
"""So little that a few hundred rows outgrow it, and enough for the figure not to be one of rounding."""

SIZE_TARGET, MEMORY_TARGET = 0.9, 0.85
"""The smaller of forecast and measured, over the larger."""


def measure(database: Database) -> list[Ratio]:
    """Build each index twice: in plenty of memory for its size, in little for when the graph leaves it."""
    ratios = []
    with database.control("bench") as connection:
        connection.execute(text("SET max_parallel_maintenance_workers = 0"))
        connection.execute(text("SET statement_timeout = 0"))
        for vector_type, dimensions in product(TYPES, DIMENSIONS):
            least = forecast(Shape(1, dimensions, vector_type), _index(LINKS[0])).build_memory_bytes
            shape = Shape(max(400, MEMORY_BYTES * 11 // 10 // least), dimensions, vector_type)
            _fill(connection, shape)
            for links in LINKS:
                ratios += _compared(connection, shape, links)
    return ratios


def _index(links: int) -> IndexSpec:
    return IndexSpec(Hnsw(m=links, ef_construction=64))


def _compared(connection: Connection, shape: Shape, links: int) -> list[Ratio]:
    started = perf_counter()
    size_bytes, _ = _built(connection, shape, links, memory="1GB")
    _, fitted = _built(connection, shape, links, memory=f"{MEMORY_BYTES // 1024}kB")
    expected = forecast(shape, _index(links))
    memory_bytes = expected.build_memory_bytes // shape.rows * fitted
    name = f"{shape.type}({shape.dimensions}), m = {links}"
    took = f"{shape.rows:,} rows, {perf_counter() - started:.1f} s"
    return [
        Ratio(
            f"forecast of the size of {name}",
            _likeness(expected.size_bytes, size_bytes),
            SIZE_TARGET,
            f"{expected.size_bytes / 2**20:.2f} MB expected, {size_bytes / 2**20:.2f} measured; {took}",
        ),
        Ratio(
            f"forecast of the build memory of {name}",
            _likeness(memory_bytes, MEMORY_BYTES),
            MEMORY_TARGET,
            f"{fitted:,} rows fitted into {MEMORY_BYTES / 2**20:.0f} MB; expected "
            f"{memory_bytes / 2**20:.2f} MB for these",
        ),
    ]


def _likeness(one: float, other: float) -> float:
    return min(one, other) / max(one, other)


def _fill(connection: Connection, shape: Shape) -> None:
    connection.execute(text("DROP TABLE IF EXISTS made"))
    connection.execute(text(f"CREATE UNLOGGED TABLE made (e {shape.type}({shape.dimensions}))"))
    connection.execute(
        text(
            "INSERT INTO made SELECT (SELECT array_agg(random() - 0.5 + 0 * (g + i)) "
            f"FROM generate_series(1, {shape.dimensions}) AS g)::vector::{shape.type} "
            f"FROM generate_series(1, {shape.rows}) AS i"
        )
    )


def _built(connection: Connection, shape: Shape, links: int, *, memory: str) -> tuple[int, int]:
    """Build and drop the index; return its bytes, and the rows after which its graph left memory."""
    connection.execute(text(f"SET maintenance_work_mem = '{memory}'"))
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.notices = []
    # SQLAlchemy empties the list of notices after each statement of its own.
    with driver.cursor() as cursor:
        cursor.execute(
            f"CREATE INDEX made_e ON made USING hnsw (e {shape.type}_l2_ops) "
            f"WITH (m = {links}, ef_construction = 64)"
        )
    told = re.search(r"after (\d+) tuples", " ".join(driver.notices))
    size_bytes = connection.execute(text("SELECT pg_relation_size('made_e')")).scalar_one()
    connection.execute(text("DROP INDEX made_e"))
    return int(size_bytes), int(told[1]) if told else 0


if __name__ == "__main__":
    with fresh_database() as fresh:
        show(measure(fresh))
