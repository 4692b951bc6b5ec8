"""What is known of one column: gathered once, read by every rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from dashboard.advisor.crossing import Crossing, Fit, Pace
from dashboard.advisor.exact import Budget, Exact, K, budget_of, crossing_of, known_exact, of_probe, pace_of
from dashboard.advisor.watched import Watched, watched
from db import inspections, runs
from db.advice import (
    IndexUse,
    ServerNotes,
    Storage,
    index_uses,
    leading_columns,
    rows_written_since,
    server_notes,
    settings_in_force,
    storage,
)
from db.capabilities import Capabilities, capabilities
from db.catalog import ColumnInfo, PlainColumn, default_distance, other_columns
from db.distance import Distance, distance_named
from db.exact_probe import Timed, time_exact
from db.index_catalog import IndexInfo
from db.nodes import Node
from db.quality import Counted, count_column, rows_sql
from db.runs import Run
from db.vacuuming import Vacuuming, vacuuming

COUNT_BUDGET_MS = 2_000
"""What one count of a whole column may take."""

RUNS_READ = 20
"""Of a column's runs, the newest."""

PROBLEMS = ("null", "zero", "duplicates")
"""Rows that a statement can show: see ``db.quality.rows_sql``."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A search that somebody measured: by what distance, for how many rows, limited to which."""

    run: int
    distance: Distance
    k: int
    subset: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """All a rule may look at.

    ``written`` counts, by IVFFlat index, the rows written since it was built, of how many.  Where exact
    search is over its budget, ``alone`` and ``shared`` time it as planned today, and shared out among
    workers.  ``shown`` holds, by problem, the statement that shows its rows.  ``seen`` is what a watch saw.
    ``has_own_tables`` tells whether there can be runs and inspections at all.  ``nodes`` are the cluster's
    others, as far as they were named.
    """

    column: ColumnInfo
    distance: Distance
    budget: Budget
    server: Capabilities
    notes: ServerNotes
    settings: Mapping[str, str | int]
    storage: Storage
    vacuuming: Vacuuming | None
    uses: Mapping[str, IndexUse]
    written: Mapping[str, tuple[int, int] | None]
    others: tuple[PlainColumn, ...]
    leading: frozenset[str]
    counted: Counted
    asked: tuple[Asked, ...]
    exact: Exact | None
    alone: Timed | None
    shared: Timed | None
    shown: Mapping[str, str]
    crossing: Crossing | None
    pace: Pace | None
    inspected: inspections.Stored | None
    findability: inspections.Stored | None
    seen: Watched | None
    has_own_tables: bool
    nodes: tuple[Node, ...]
    at: datetime

    @property
    def budget_ms(self) -> float:
        """What 95 of 100 exact searches may take."""
        return self.budget.ms

    @property
    def rows(self) -> int:
        """Rows of the table, as well as they are known."""
        return self.counted.rows if self.counted.rows is not None else self.column.rows or 0

    @property
    def serving(self) -> tuple[IndexInfo, ...]:
        """The valid indexes over all rows that answer by the column's distance."""
        return tuple(
            index
            for index in self.column.indexes
            if index.valid and index.predicate is None and self._answers(index)
        )

    def _answers(self, index: IndexInfo) -> bool:
        """Whether the index orders rows by the distance, or hands over candidates to be ordered by it."""
        quantised = index.is_expression and index.distance is Distance.HAMMING and self.column.type != "bit"
        return index.distance is self.distance or quantised

    @property
    def can_hold_index(self) -> bool:
        """Whether the column is in something that may have an index of its own."""
        return self.column.kind not in {"view", "foreign table"}

    def setting(self, name: str) -> int:
        """Read a setting that is a number; 0 where the server has none of that name."""
        return int(self.settings.get(name, 0))

    @property
    def is_over(self) -> bool:
        """Whether exact search takes longer than it may."""
        return self.exact is not None and self.exact.p95_ms > self.budget_ms


def gather(
    connection: Connection,
    column: ColumnInfo,
    *,
    budget_ms: float | None,
    fit: Fit,
    nodes: tuple[Node, ...] = (),
) -> Facts:
    """Read what is known of a column, and time a few exact searches where no run and no look tells.

    Without ``budget_ms`` the promise of a watch is the budget, and BUDGET_MS where there is none.
    ``connection`` is in a transaction, as ``Database.reading`` lends it.  It takes some seconds at most.
    """
    server = capabilities(connection)
    own = server.revision is not None
    found = runs.list_runs(connection, column, limit=RUNS_READ) if own else ()
    seen = watched(connection, column) if own else None
    budget = budget_of(budget_ms, seen)
    at = datetime.now(UTC)
    distance = default_distance(column)
    counted = count_column(connection, column, budget_ms=COUNT_BUDGET_MS)
    rows = counted.rows if counted.rows is not None else column.rows or 0
    exact = known_exact(found, seen, distance, rows, at)
    alone = None
    if exact is None or exact.p95_ms > budget.ms:
        alone = time_exact(connection, column, distance, k=K)
        exact = exact or of_probe(alone)
    over = exact is not None and exact.p95_ms > budget.ms
    uses = index_uses(connection, column)
    return Facts(
        column=column,
        distance=distance,
        budget=budget,
        server=server,
        notes=server_notes(connection),
        settings=settings_in_force(connection),
        storage=storage(connection, column),
        vacuuming=vacuuming(connection, column),
        uses=uses,
        written=_written(connection, column, uses),
        others=other_columns(connection, column),
        leading=leading_columns(connection, column),
        counted=counted,
        asked=tuple(_asked(found)),
        exact=exact,
        alone=alone,
        shared=time_exact(connection, column, distance, k=K, parallel=True) if over else None,
        shown={problem: rows_sql(connection, column, problem) for problem in PROBLEMS},
        crossing=crossing_of(found, seen, exact, distance=distance, rows=rows, budget_ms=budget.ms, fit=fit),
        pace=pace_of(found, seen, (at, rows)),
        inspected=inspections.latest(connection, column, "inspect") if own else None,
        findability=inspections.latest(connection, column, "findability") if own else None,
        seen=seen,
        has_own_tables=own,
        nodes=nodes,
        at=at,
    )


def _asked(found: Sequence[Run]) -> list[Asked]:
    """List what the runs asked, the newest first, each question once."""
    questions: dict[tuple[Any, ...], Asked] = {}
    for run in found:
        distance = distance_named(run.plan["distance"])
        for k in run.plan.get("ks") or [run.plan.get("k", K)]:
            for subset in run.plan.get("subsets", [None]):
                questions.setdefault((distance, k, subset), Asked(run.id, distance, k, subset))
    return list(questions.values())


def _written(
    connection: Connection, column: ColumnInfo, uses: Mapping[str, IndexUse]
) -> dict[str, tuple[int, int] | None]:
    """Count what came after each valid IVFFlat index; HNSW links rows as they come."""
    return {
        index.name: rows_written_since(connection, column, age, budget_ms=COUNT_BUDGET_MS)
        for index in column.indexes
        if index.method == "ivfflat" and index.valid
        if (age := uses[index.name].built_age) is not None
    }
