"""What each piece of a run's work usually takes, and how much slower or quicker than that a server is.

Measured on two shared cores: PostgreSQL 18, pgvector 0.8.5.
"""

from __future__ import annotations

from dataclasses import dataclass

READ_ROW_S, READ_ELEMENT_S = 0.1e-6, 1.2e-9
"""Exact search, and every other reading of all vectors: per row, and per element of one."""

COPY_ROW_S, COPY_ELEMENT_S = 4e-6, 10e-9
"""Into the copy, and from there to this process."""

PRODUCT_S = 2e-10
"""One multiplication and addition of the exact answers, in float32."""

GRAPH_S = 8e-6
"""A row of HNSW costs this times the root of m x ef_construction, at 128 dimensions and 5,000 rows."""

LISTS_S = 2e-9
"""IVFFlat: per row, list and element, k-means and the assignment together."""

VISIT_S = 2e-6
"""HNSW: per candidate of ef_search, at 128 dimensions."""

STATEMENT_S = 0.1e-3
"""A search's planning, transport and answer."""

PARALLEL_BYTES = 8 * 2**20
"""From this size of heap on an index is built by two processes.  Source: min_parallel_table_scan_size."""

SPILLED = 3
"""How much slower a graph is built that outgrew its memory, on disk that is cached.
Source: measured, 157 s against 51 s by one process."""

SERVER_MEMORY_MB = 64
"""maintenance_work_mem where nothing is set.  Source: PostgreSQL's default."""

SLOWEST, QUICKEST = 10.0, 0.2
"""Bounds of a pace: a table that was read from a cold disk tells little of what is computed."""


@dataclass(frozen=True, slots=True)
class Paces:
    """How many times as long as usual this server takes to read vectors, build graphs, and search them."""

    read: float = 1.0
    build: float = 1.0
    search: float = 1.0


def bounded(times: float) -> float:
    """Keep a pace within what is believed of one.

    >>> bounded(1.5), bounded(1e6)
    (1.5, 10.0)
    """
    return min(max(times, QUICKEST), SLOWEST)
