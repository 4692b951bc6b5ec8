"""A table to index, small enough to be quick, and jobs on it carried out in this process."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, text

from dashboard.identity import LOCAL
from dashboard.jobs import queue
from dashboard.jobs.worker import Worker
from db import index_builds, jobs
from db.engine import Database
from db.index_builds import IndexBuild
from db.jobs import Job

ITEMS = """
CREATE TABLE items (id bigint PRIMARY KEY, category text, price numeric,
  embedding vector(8), half halfvec(4));
INSERT INTO items SELECT i, (ARRAY['red', 'green'])[1 + mod(i, 2)], i,
  (SELECT array_agg(sin(i * g)) FROM generate_series(1, 8) AS g)::vector,
  (SELECT array_agg(sin(i * g)) FROM generate_series(1, 4) AS g)::vector::halfvec
FROM generate_series(1, 2000) AS i;
ANALYZE items;
"""
COLUMN = "public.items.embedding"

_INDEXES = text("""
SELECT ci.relname, i.indisvalid FROM pg_index i JOIN pg_class ci ON ci.oid = i.indexrelid
JOIN pg_am am ON am.oid = ci.relam WHERE am.amname IN ('hnsw', 'ivfflat')
""")

CarryOut = Callable[..., Job]


@pytest.fixture
def items(database: Database) -> Database:
    """A database with the table ``items``: 2,000 rows, no vector index."""
    with database.control("tests") as connection:
        connection.exec_driver_sql(ITEMS)
    return database


@pytest.fixture
def carry_out(items: Database) -> CarryOut:
    """Submit a job, work on it here, and return it as it ended."""

    def run(kind: str, params: Mapping[str, Any]) -> Job:
        job_id = queue.submit(items, LOCAL, kind, params)
        assert Worker(items, lease_s=10).run_one(only=job_id)
        return job_of(items, job_id)

    return run


def job_of(database: Database, job_id: int) -> Job:
    with database.reading("test") as connection:
        return jobs.get(connection, job_id)


def record_of(database: Database, job: Job) -> IndexBuild:
    with database.reading("test") as connection:
        record = index_builds.of_job(connection, job.id)
    assert record
    return record


def vector_indexes(database: Database) -> dict[str, bool]:
    """Every vector index there is: name -> valid."""
    with database.reading("test") as connection:
        return dict(connection.execute(_INDEXES).all())


def log_of(database: Database, job: Job) -> str:
    with database.reading("test") as connection:
        return "\n".join(line.message for line in jobs.log_lines(connection, job.id))


@contextmanager
def old_transaction(
    database: Database, statement: str, isolation: str = "READ COMMITTED"
) -> Iterator[Connection]:
    """Keep a transaction open that has carried out ``statement``."""
    other = database.tagged("")
    try:
        with other.control("old") as connection:
            connection.exec_driver_sql(f"BEGIN ISOLATION LEVEL {isolation}")
            connection.exec_driver_sql(statement)
            yield connection
            connection.exec_driver_sql("ROLLBACK")
    finally:
        other.dispose()


@contextmanager
def old_snapshot(database: Database) -> Iterator[Connection]:
    """Keep a snapshot open that no concurrent build can end before: nothing of the table is locked."""
    with old_transaction(database, "SELECT 1", "REPEATABLE READ") as connection:
        yield connection
