"""The advisor put to work on a column: its facts, and what sizes that were measured tell of growth."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.advisor.advice import Advised, advise
from dashboard.advisor.crossing import Point
from dashboard.advisor.facts import gather
from dashboard.advisor.rules import RULES
from dashboard.benchmark.growth import fit_points
from db.catalog import ColumnInfo
from db.engine import Database
from db.nodes import ask_replicas


def advise_on(database: Database, column: ColumnInfo, *, budget_ms: float | None = None) -> Advised:
    """Ask every rule about a column, from one read-only transaction; some seconds at most.

    The nodes that DATABASE_REPLICA_URLS names are asked first, 10 seconds each where they do not answer.

    Without ``budget_ms`` it is what a watch promises of the column, and BUDGET_MS where nobody watches it.

    Raises what reading raises: PermissionDenied, LockTimeout, StatementTimeout...
    """
    nodes = ask_replicas(database, str(column))
    with database.reading("advise", vectors=True) as connection:
        facts = gather(connection, column, budget_ms=budget_ms, fit=crossing, nodes=nodes)
    return advise(facts, RULES)


def crossing(points: Sequence[Point], latency_ms: float) -> tuple[float, float, float] | None:
    """Forecast from several sizes at how many rows p95 reaches a latency, with its bounds."""
    growth = fit_points(points)
    reached = growth.crossing(latency_ms) if growth else None
    return (reached.value, reached.low, reached.high) if reached else None
