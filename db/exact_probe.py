"""How long an exact search takes on the table as it stands: a few of its own rows' vectors, timed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, Text, cast, not_, select

from db.catalog import ColumnInfo
from db.distance import Distance
from db.errors import StatementTimeout
from db.explain import explain
from db.nearest import SearchRequest, SearchSettings, nearest, source
from db.quality import is_zero
from db.savepoint import set_for_now, within
from db.vectors import Query, read_query

QUERIES = 20
"""Searches timed, at most: the p95 of so few is the second slowest."""

BUDGET_S = 2.0
"""No further search is begun after this long; three are made in any case."""

LONGEST_MS = 5_000
"""A search that takes longer is over any budget, and is stopped."""

PARALLEL = {
    "max_parallel_workers_per_gather": "2",
    "min_parallel_table_scan_size": "0",
    "parallel_setup_cost": "0",
    "parallel_tuple_cost": "0",
}
"""What makes the planner share a sequential scan out, though it knows nothing of TOAST (pgvector #186)."""


@dataclass(frozen=True, slots=True)
class Timed:
    """``queries`` exact searches for ``k`` rows, by wall time as this process saw it.

    With ``stopped`` the first one took longer than LONGEST_MS, and ``p95_ms`` is that bound.
    ``workers`` are those the plan asks for; ``indexes`` those it reads.
    """

    p95_ms: float
    queries: int
    k: int
    workers: int
    stopped: bool = False
    indexes: frozenset[str] = frozenset()


def time_exact(
    connection: Connection, column: ColumnInfo, distance: Distance, *, k: int, parallel: bool = False
) -> Timed | None:
    """Time exact searches, each after a first one that warms the caches; None for an empty column."""
    settings = {**SearchSettings(exact=True).parameters(), **(PARALLEL if parallel else {})}
    return _time(connection, column, distance, k, settings)


def time_today(connection: Connection, column: ColumnInfo, distance: Distance, *, k: int) -> Timed | None:
    """Time the same searches as the planner answers them now; None for an empty column."""
    return _time(connection, column, distance, k, {})


def _time(
    connection: Connection, column: ColumnInfo, distance: Distance, k: int, settings: Mapping[str, str]
) -> Timed | None:
    requests = [SearchRequest(column, query, distance, k) for query in _queries(connection, column)]
    if not requests:
        return None
    with suppress(StatementTimeout), set_for_now(connection, settings):
        return _timed(connection, requests, k)
    return Timed(float(LONGEST_MS), 1, k, 0, stopped=True)


def _timed(connection: Connection, requests: list[SearchRequest], k: int) -> Timed:
    plan = explain(connection, nearest(requests[0], ()))
    latencies: list[float] = []
    begun = perf_counter()
    for request in (requests[0], *requests):
        if len(latencies) > 3 and perf_counter() - begun > BUDGET_S:
            break
        statement = nearest(request, ())
        with within(connection, LONGEST_MS):
            started = perf_counter()
            connection.execute(statement).all()
            latencies.append((perf_counter() - started) * 1000)
    timed = sorted(latencies[1:])
    names = frozenset(node.index_name for node in plan.root.walk() if node.index_name)
    p95_ms = timed[math.ceil(0.95 * len(timed)) - 1]
    return Timed(p95_ms, len(timed), k, _workers(plan.document["Plan"]), indexes=names)


def _workers(step: Mapping[str, Any]) -> int:
    """Find how many workers a plan asks for."""
    planned: int = step.get("Workers Planned", 0)
    return max([planned, *(_workers(child) for child in step.get("Plans", ()))])


def _queries(connection: Connection, column: ColumnInfo) -> list[Query]:
    """Take the first vectors there are: an exact search takes as long for any."""
    rows = source(column)
    vector = rows.c[column.column]
    usable = select(cast(vector, Text)).where(vector.is_not(None), not_(is_zero(column, rows)))
    found = connection.execute(usable.limit(QUERIES)).scalars()
    return [read_query(value, column.type) for value in found]
