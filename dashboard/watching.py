"""Watching columns: a look by a job now and then, what breaks a promise, and who is told.

A look asks the live table some of its own rows, read-only, exactly and through whatever index it has, as
a benchmark does; it takes about LOOK_S at most, however large the table.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import numpy as np

from dashboard.benchmark.growth import Band, fit_points
from dashboard.benchmark.live import measure_live
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.sample import Sample
from dashboard.benchmark.trial import Outcome
from dashboard.inspection.statistics import wilson
from db import jobs, watches
from db.canary import written
from db.catalog import ColumnInfo, default_distance, find_column
from db.distance import Distance
from db.engine import Database
from db.errors import RequestError
from db.exact_probe import time_exact
from db.index_catalog import IndexInfo
from db.nearest import UNDEFINED_FOR_ZERO
from db.progress import Ledger, Progress
from db.runs import LIVE
from db.sampling import Sample as Drawn
from db.sampling import take_sample
from db.selffind import probe_many, serving_indexes
from db.watches import Alert, Look, Watch

logger = logging.getLogger(__name__)

KIND = "watch"
K = 10
LOOK_S = 20.0
"""What the searches of one look may take together, as forecast from one that was timed."""
FEWEST, MOST = 10, 100
"""Queries of a look: fewer tell nothing of p95, more nothing new."""
CANARIES = 100
"""Rows that are looked for by their own vectors."""
WEBHOOK_S = 10.0

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
        column = find_column(connection, watch.subject)
    ledger.tell(Progress(0, 2, "steps", "searching exactly and through the index"))
    figures = _searched(database, column, ledger, seed=watch_id)
    broken = breach(figures, watch)
    with database.writing("watch") as connection, connection.begin():
        number = watches.store_look(
            connection,
            watch.id,
            rows=column.rows,
            figures=figures,
            indexes=[_described(index) for index in column.indexes],
            breach=broken,
            job_id=job_id,
        )
    if broken:
        ledger.log(broken)
    tell(database, watch, webhook)
    return {"look": number, "breach": broken, "rows": column.rows, "figures": figures}


def breach(figures: Mapping[str, float], watch: Watch) -> str | None:
    """Say which promise the searches of today break; None while they keep both."""
    through = "index" if "index_p95_ms" in figures else "exact"
    p95_ms, recall = figures[f"{through}_p95_ms"], figures.get("index_recall", 1.0)
    search = "Exact search takes" if through == "exact" else "Search through the index takes"
    if p95_ms > watch.p95_ms:
        return f"{search} {p95_ms:.3g} ms at p95, over the {watch.p95_ms:g} ms promised."
    if recall < watch.recall:
        return f"Search through the index finds {recall:.3f} of the true neighbours, under {watch.recall:g}."
    return None


def crossing(looks: Sequence[Look], p95_ms: float) -> Band | None:
    """Forecast from the looks so far at how many rows exact search reaches ``p95_ms``; None before it can.

    With fewer than three sizes its time is taken to be in proportion to the rows, and the band is that of
    the last look's p95.
    """
    points = [
        (seen.rows, *(seen.figures[f"exact_p95_ms{end}"] for end in ("", "_low", "_high")))
        for seen in looks
        if seen.rows
    ]
    if not points:
        return None
    if growth := fit_points(points):  # type: ignore[arg-type]
        return growth.crossing(p95_ms)
    rows, *bounds = points[-1]
    value, low, high = (rows * p95_ms / bound for bound in bounds)
    return Band(value, high, low)


def tell(database: Database, watch: Watch, webhook: str | None) -> None:
    """Send what has changed about a watch's alerts; what the webhook does not take is sent next time."""
    if webhook is None:
        return
    with database.reading("watch") as connection:
        known = watches.alerts(connection, watch_id=watch.id)
    for alert in reversed(known):
        state = "raised" if alert.resolved_at is None else "resolved"
        if alert.told == state:
            continue
        try:
            httpx.post(webhook, json=_message(alert, watch, state), timeout=WEBHOOK_S).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            logger.warning("the webhook did not take alert %s: %s", alert.id, type(error).__name__)
            return
        with database.writing("watch") as connection, connection.begin():
            watches.mark_told(connection, alert)


def _message(alert: Alert, watch: Watch, state: str) -> dict[str, Any]:
    """Make what a webhook gets; ``text`` is what Slack, Mattermost and their like show."""
    return {
        "text": f"{alert.subject}: {alert.sentence if state == 'raised' else 'the promise is kept again.'}",
        "event": state,
        "alert": alert.id,
        "column": alert.subject,
        "sentence": alert.sentence,
        "p95_ms": watch.p95_ms,
        "recall": watch.recall,
        "raised_at": alert.raised_at.isoformat(),
        "resolved_at": alert.resolved_at.isoformat() if alert.resolved_at else None,
    }


def _searched(database: Database, column: ColumnInfo, ledger: Ledger, *, seed: int) -> dict[str, float]:
    """Measure the live table; of today's index nothing, where none is used."""
    distance = default_distance(column)
    with database.reading("watch", vectors=True) as connection:
        timed = time_exact(connection, column, distance, k=K)
        if timed is None:
            raise RequestError(f"{column} holds no vector to search for.", "Load rows with vectors first.")
        drawn = take_sample(connection, column, rows=MOST, seed=seed)
    sizes = _sizes(column)
    if timed.stopped:
        return sizes | {f"exact_p95_ms{end}": timed.p95_ms for end in ("", "_low", "_high")}
    texts = _texts(drawn, column, distance)
    queries = min(len(texts), int(np.clip(LOOK_S * 1000 / (3 * timed.p95_ms), FEWEST, MOST)))
    plan = BenchmarkPlan(str(column), distance, (), ks=(K,), queries=queries, seed=seed, live=True)
    plan.check_type(column)
    trials = [trial for trial in plan.trials if trial.arm == LIVE]
    exact, today = measure_live(
        database, plan, column, trials, _queries(texts[:queries]), tell=lambda _: None
    )
    if not exact.trial.is_measured:
        raise RequestError(f"{column} could not be searched: {exact.trial.reason}", "Look again later.")
    figures = sizes | _named("exact", exact)
    if today.trial.is_measured:
        ledger.tell(Progress(1, 2, "steps", "looking for rows by their own vectors"))
        figures |= _named("index", today) | _canaries(database, column, distance, drawn)
    return figures


def _named(arm: str, outcome: Outcome) -> dict[str, float]:
    measures = outcome.trial.measures
    names = (f"{name}{end}" for name in _MEASURES for end in ("", "_low", "_high"))
    return {f"{arm}_{name}": measures[name] for name in names if name in measures} | {
        f"{arm}_queries": float(outcome.trial.queries)
    }


def _texts(drawn: Drawn, column: ColumnInfo, distance: Distance) -> list[str]:
    """Write the sampled vectors that have a distance to others."""
    usable = [v for v in drawn.vectors if distance not in UNDEFINED_FOR_ZERO or v.any()]
    return [written(vector, column.type) for vector in usable]


def _queries(texts: Sequence[str]) -> Sample:
    """Make what a live measurement asks; it compares the server's own answers, and so needs no rows."""
    none, nowhere = np.empty((0, 0), np.float32), np.empty(0, np.int64)
    return Sample(none, none, tuple(text.encode() for text in texts), nowhere, nowhere, {})


def _canaries(database: Database, column: ColumnInfo, distance: Distance, drawn: Drawn) -> dict[str, float]:
    """Look for the sampled rows by their own vectors, where an index holds every row."""
    if not any(index.predicate is None for index in serving_indexes(column, distance)):
        return {}
    asked = [
        (key, written(vector, column.type))
        for key, vector in zip(drawn.keys, drawn.vectors, strict=True)
        if distance not in UNDEFINED_FOR_ZERO or vector.any()
    ][:CANARIES]
    with database.reading("watch", vectors=True) as connection:
        found = sum(probe.found for probe in probe_many(connection, column, distance, asked, k=K))
    bounds = wilson(found, len(asked))
    return {"self_find": found / len(asked), "self_find_low": bounds.low, "self_find_high": bounds.high}


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
