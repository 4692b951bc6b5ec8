"""What building an index takes, before there is a table: memory, rows to a page, and where pages cut.

Measured on pgvector 0.8.5 by ``tests/speed/bench_forecast.py``; db.indexes forecasts the finished size.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from db.indexes import (
    PAGE_BYTES,
    PAGE_ROOM_BYTES,
    Hnsw,
    IndexMethod,
    Ivfflat,
    stored_bytes,
)
from db.survey import ROW_BYTES, TOAST_BYTES

GRAPH_ROW_BYTES = 200
"""Beside the stored vector and 32 bytes a link, what a row takes of a graph in memory.
Source: the NOTICE of builds in 2 MB over 6 lengths and 3 m; what it left open is below 1 %."""

GRAPH_LINK_BYTES = 32
"""Per link of m: layer 0 keeps twice as many, of 16 bytes.  Source: hnsw.h, HnswCandidate."""

TOAST_POINTER_BYTES = 18
PARALLEL_MEMORY_BYTES = 64 * 2**20
"""maintenance_work_mem below which an HNSW build is serial: each worker wants 32 MB.
Source: PostgreSQL's plan_create_index_workers."""

SAMPLE_PER_LIST, SMALLEST_SAMPLE = 50, 10_000
"""How many rows IVFFlat finds its centres among.  Source: ivfbuild.c."""

SPARSE_ELEMENTS = 1000
"""Elements that are not zero, of a sparsevec in HNSW.  Source: hnsw.h, HNSW_MAX_NNZ."""

_SETTINGS = text("""
SELECT pg_size_bytes(current_setting('maintenance_work_mem')) AS memory_bytes,
       pg_size_bytes(current_setting('min_parallel_table_scan_size')) AS smallest_heap_bytes,
       current_setting('max_parallel_maintenance_workers')::int AS maintenance_workers,
       current_setting('max_parallel_workers')::int AS pool_workers,
       pg_size_bytes(current_setting('shared_buffers')) AS buffers_bytes,
       pg_size_bytes(current_setting('max_wal_size')) AS wal_bytes
""")


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """The server's settings that decide how an index is built, for this role in this database."""

    memory_bytes: int
    """maintenance_work_mem."""
    smallest_heap_bytes: int
    """min_parallel_table_scan_size: the heap, without TOAST, from which on a build is parallel."""
    maintenance_workers: int
    pool_workers: int
    buffers_bytes: int
    """shared_buffers."""
    wal_bytes: int
    """max_wal_size: where a checkpoint begins, after which old WAL goes."""

    def workers(self, heap_bytes: int) -> int:
        """Count the processes that help to build over a heap of so many bytes; 0 is a serial build.

        pgvector asks for all of max_parallel_maintenance_workers once PostgreSQL allows any.
        """
        if self.memory_bytes < PARALLEL_MEMORY_BYTES or heap_bytes < self.smallest_heap_bytes:
            return 0
        return min(self.maintenance_workers, self.pool_workers)


def build_settings(connection: Connection) -> BuildSettings:
    """Read the settings that decide how an index is built."""
    return BuildSettings(**connection.execute(_SETTINGS).one()._asdict())


def build_memory_bytes(method: IndexMethod, rows: int, dimensions: int, vector_type: str) -> int:
    """Forecast the maintenance_work_mem that a build needs to stay in memory.

    HNSW goes on without, many times slower; IVFFlat refuses.  Source of IVFFlat's: ivfkmeans.c.
    """
    value_bytes = stored_bytes(vector_type, dimensions)
    if isinstance(method, Hnsw):
        return rows * (value_bytes + GRAPH_LINK_BYTES * method.m + GRAPH_ROW_BYTES)
    assert isinstance(method, Ivfflat)
    lists = method.lists
    samples = min(max(SAMPLE_PER_LIST * lists, SMALLEST_SAMPLE), rows)
    bounds = samples * lists * 4 + lists * lists * 4 + lists * dimensions * 4
    return (2 * lists + samples) * value_bytes + bounds


def temporary_bytes(method: IndexMethod, size_bytes: int, settings: BuildSettings) -> int:
    """Forecast the disk that a build takes beside its index, and gives back: WAL, and rows being sorted.

    Every page goes to the WAL once.  IVFFlat sorts rows by their list, on disk where they outgrow memory.
    Source: hnswbuild.c, BuildIndex; ivfbuild.c, InitBuildSortState.
    """
    is_sorted = isinstance(method, Ivfflat) and size_bytes > settings.memory_bytes
    return min(size_bytes, settings.wal_bytes) + is_sorted * size_bytes


def graph_row_bytes(method: Hnsw, dimensions: int, vector_type: str) -> int:
    """Bytes that a row takes of an HNSW index: a share of a page, or two pages."""
    return method.size_forecast_bytes(_MANY, dimensions, vector_type) // _MANY


def last_dimensions(method: Hnsw, vector_type: str, rows_per_page: int) -> int:
    """Find the most dimensions of which so many rows still share a page.

    >>> [last_dimensions(Hnsw(), "vector", rows) for rows in (1, 2, 3)]
    [1968, 948, 608]
    """
    low, high = 0, method.max_dimensions[vector_type]
    while low < high:
        middle = (low + high + 1) // 2
        fits = graph_row_bytes(method, middle, vector_type) <= PAGE_BYTES // rows_per_page
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


def heap_bytes(rows: int, dimensions: int, vector_type: str) -> int:
    """Forecast the heap of a table of a key and a vector, without what PostgreSQL moves to TOAST."""
    value_bytes = stored_bytes(vector_type, dimensions)
    row_bytes = ROW_BYTES + (value_bytes if value_bytes <= TOAST_BYTES else TOAST_POINTER_BYTES)
    return -(-rows // (PAGE_ROOM_BYTES // row_bytes)) * PAGE_BYTES


_MANY = 27_720
"""Divisible by every number of rows to a page that matters: what is left is the share of one."""
