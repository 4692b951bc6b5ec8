"""The advisor put to work on a column: its facts, and what the benchmark's runs tell of growth."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.advisor.advice import Advised, advise
from dashboard.advisor.facts import BUDGET_MS, gather
from dashboard.advisor.rules import RULES
from dashboard.benchmark.growth import fit
from db.catalog import ColumnInfo
from db.engine import Database
from db.runs import Trial


def advise_on(database: Database, column: ColumnInfo, *, budget_ms: float = BUDGET_MS) -> Advised:
    """Ask every rule about a column, from one read-only transaction; some seconds at most.

    Raises what reading raises: PermissionDenied, LockTimeout, StatementTimeout...
    """
    with database.reading("advise", vectors=True) as connection:
        facts = gather(connection, column, budget_ms=budget_ms, fit=crossing)
    return advise(facts, RULES)


def crossing(trials: Sequence[Trial], latency_ms: float) -> tuple[float, float, float] | None:
    """Forecast from trials over several sizes at how many rows p95 reaches a latency, with its bounds."""
    growth = fit(trials)
    reached = growth.crossing(latency_ms) if growth else None
    return (reached.value, reached.low, reached.high) if reached else None
