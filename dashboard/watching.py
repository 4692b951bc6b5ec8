"""Watching columns: a look by a job now and then, what breaks a promise, and who is told.

A look asks the live table some of its own rows, read-only, exactly and through whatever index it has, as
a benchmark does.  It takes about LOOK_S; where exact search is too slow for that, it asks today's index
alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard import advising
from dashboard.advisor.crossing import Crossing
from dashboard.advisor.watched import foretold
from dashboard.alerting import tell
from dashboard.benchmark.trial import Outcome
from dashboard.inspection.statistics import wilson
from dashboard.recall import K, ask_both, draw_queries
from db import jobs, watches
from db.catalog import ColumnInfo, default_distance, find_column
from db.distance import Distance
from db.engine import Database
from db.errors import Cancelled, ConnectionFailed, DashboardError, Handover
from db.exact_probe import time_today
from db.index_catalog import IndexInfo
from db.progress import Ledger, Progress
from db.selffind import probe_many, serving_indexes
from db.watches import Look, Watch

logger = logging.getLogger(__name__)

KIND = "watch"
LOOK_S = 20.0
"""What the searches of one look may take together, as forecast from one that was timed."""

_MEASURES = ("p50_ms", "p95_ms", "recall")


def queue_due(database: Database) -> None:
    """Queue a look for every watch whose time has come; one that waits or runs already is not doubled."""
    with database.writing("watch") as connection, connection.begin():
        for watch_id in watches.take_due(connection):
            watch = watches.load_watch(connection, watch_id)
            params = {"watch": watch.id, "column": watch.subject}
            jobs.submit(connection, KIND, params, created_by=watch.created_by, max_attempts=1)


def look(
    database: Database, watch_id: int, ledger: Ledger, *, job_id: int | None, webhook: str | None = None
) -> dict[str, Any]:
    """Take one look, keep it, raise or resolve the alert, and tell the webhook; return what was seen.

    Raises RequestError for a watch that was given up, and for a column that cannot be searched.
    """
    with database.reading("watch") as connection:
        watch = watches.load_watch(connection, watch_id)
    ledger.tell(Progress(0, 2, "steps", "searching exactly and through the index"))
    try:
        seen = _see(database, watch, ledger)
    except (Cancelled, ConnectionFailed, Handover):
        raise
    except DashboardError as error:
        # A column that is gone, or may no longer be read, keeps no promise: silence would say that it does.
        seen = _Seen(None, {}, (), f"It cannot be searched: {error.message}")
        _keep(database, watch, seen, ledger, job_id=job_id)
        tell(database, watch, webhook)
        raise
    number = _keep(database, watch, seen, ledger, job_id=job_id)
    tell(database, watch, webhook)
    return {"look": number, "breach": seen.breach, "rows": seen.rows, "figures": seen.figures}


@dataclass(frozen=True, slots=True)
class _Seen:
    rows: int | None
    figures: dict[str, float]
    indexes: tuple[dict[str, Any], ...]
    breach: str | None


def _see(database: Database, watch: Watch, ledger: Ledger) -> _Seen:
    with database.reading("watch") as connection:
        column = find_column(connection, watch.subject)
    figures = _searched(database, column, ledger, seed=watch.id)
    indexes = tuple(_described(index) for index in column.indexes)
    return _Seen(column.rows, figures, indexes, breach(figures, watch))


def _keep(database: Database, watch: Watch, seen: _Seen, ledger: Ledger, *, job_id: int | None) -> int:
    with database.writing("watch") as connection, connection.begin():
        kept = watches.store_look(
            connection,
            watch.id,
            rows=seen.rows,
            figures=seen.figures,
            indexes=seen.indexes,
            breach=seen.breach,
            resolves=seen.breach is None and is_kept(seen.figures, watch),
            job_id=job_id,
        )
    if kept.raised:
        logger.warning("alert raised: %s: %s", watch.subject, seen.breach)
    if kept.resolved:
        logger.warning("alert resolved: %s keeps its promise again", watch.subject)
    if seen.breach:
        ledger.log(seen.breach)
    return kept.id


def breach(figures: Mapping[str, float], watch: Watch) -> str | None:
    """Say which promise the searches of today surely break: the whole interval lies beyond it."""
    through = _way(figures)
    p95_ms, recall = figures[f"{through}_p95_ms"], figures.get("index_recall", 1.0)
    search = "Exact search takes" if through == "exact" else "Search through the index takes"
    if figures.get(f"{through}_p95_ms_low", p95_ms) > watch.p95_ms:
        return f"{search} {p95_ms:.3g} ms at p95, over the {watch.p95_ms:g} ms promised."
    if figures.get("index_recall_high", recall) < watch.recall:
        return f"Search through the index finds {recall:.3f} of the true neighbours, under {watch.recall:g}."
    return None


def is_kept(figures: Mapping[str, float], watch: Watch) -> bool:
    """Whether both promises are kept, as measured; between this and ``breach`` an alert stays as it is."""
    p95_ms, recall = figures.get(f"{_way(figures)}_p95_ms"), figures.get("index_recall", 1.0)
    return p95_ms is not None and p95_ms <= watch.p95_ms and recall >= watch.recall


def _way(figures: Mapping[str, float]) -> str:
    """How searches are answered today: through an index where one was used."""
    return "index" if "index_p95_ms" in figures else "exact"


def crossing(looks: Sequence[Look], p95_ms: float) -> Crossing | None:
    """Forecast from the looks so far at how many rows exact search reaches ``p95_ms``; None before it can."""
    return foretold(looks, p95_ms, advising.crossing)


def _searched(database: Database, column: ColumnInfo, ledger: Ledger, *, seed: int) -> dict[str, float]:
    """Measure the live table; of today's index nothing, where none is used."""
    distance = default_distance(column)
    drawn = draw_queries(database, column, distance, seed=seed, budget_s=LOOK_S)
    if drawn.texts:
        figures = _both(database, column, distance, drawn.texts, seed=seed)
    else:
        figures = {"exact_p95_ms": drawn.exact_p95_ms} | _index_alone(database, column, distance)
    if "index_p95_ms" in figures:
        ledger.tell(Progress(1, 2, "steps", "looking for rows by their own vectors"))
        figures |= _canaries(database, column, distance, drawn.rows)
    return figures | _sizes(column)


def _both(
    database: Database, column: ColumnInfo, distance: Distance, texts: Sequence[str], *, seed: int
) -> dict[str, float]:
    """Ask exactly and as the planner answers today, in turns."""
    exact, today = ask_both(database, column, distance, texts, seed)
    return _named("exact", exact) | (_named("index", today) if today.trial.is_measured else {})


def _index_alone(database: Database, column: ColumnInfo, distance: Distance) -> dict[str, float]:
    """Time today's index where exact search takes too long to be asked: without it there is no recall."""
    with database.reading("watch", vectors=True) as connection:
        today = time_today(connection, column, distance, k=K)
    known = {index.name for index in column.indexes}
    return {"index_p95_ms": today.p95_ms} if today and today.indexes & known else {}


def _named(arm: str, outcome: Outcome) -> dict[str, float]:
    measures = outcome.trial.measures
    names = (f"{name}{end}" for name in _MEASURES for end in ("", "_low", "_high"))
    return {f"{arm}_{name}": measures[name] for name in names if name in measures} | {
        f"{arm}_queries": float(outcome.trial.queries)
    }


def _canaries(
    database: Database, column: ColumnInfo, distance: Distance, rows: Sequence[tuple[str, str]]
) -> dict[str, float]:
    """Look for rows by their own vectors, where an index holds every row."""
    if not any(index.predicate is None for index in serving_indexes(column, distance)):
        return {}
    with database.reading("watch", vectors=True) as connection:
        found = sum(probe.found for probe in probe_many(connection, column, distance, rows, k=K))
    bounds = wilson(found, len(rows))
    return {"self_find": found / len(rows), "self_find_low": bounds.low, "self_find_high": bounds.high}


def _sizes(column: ColumnInfo) -> dict[str, float]:
    return {
        "table_bytes": float(column.size_bytes),
        "index_bytes": float(sum(index.size_bytes for index in column.indexes)),
    }


def _described(index: IndexInfo) -> dict[str, Any]:
    return {
        "name": index.name,
        "method": index.method,
        "valid": index.valid,
        "options": dict(index.options),
        "size_bytes": index.size_bytes,
    }
