"""A column's own rows searched exactly and through its index, on the live table and read-only.

The watch looks so at a column on a schedule, and the page Indexes at one index when somebody asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from sqlalchemy import Connection

from dashboard.benchmark.live import measure_live
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.sample import Sample
from dashboard.benchmark.trial import Outcome
from dashboard.inspection.statistics import wilson
from db.canary import setting_in_force, written
from db.catalog import ColumnInfo
from db.distance import Distance
from db.engine import Database
from db.errors import RequestError
from db.exact_probe import time_exact
from db.explain import explain
from db.index_catalog import IndexInfo
from db.indexes import METHODS
from db.nearest import UNDEFINED_FOR_ZERO, SearchRequest, SearchSettings, nearest
from db.probing import forced
from db.runs import LIVE
from db.sampling import Sample as Drawn
from db.sampling import take_sample
from db.vectors import read_query

K = 10
FEWEST, MOST = 10, 100
"""Queries of a look: fewer tell nothing of p95, more nothing new."""

BUDGET_S, SEED = 6.0, 42
"""What the searches may take that somebody waits for, as forecast from some that were timed."""


@dataclass(frozen=True, slots=True)
class Queries:
    """Rows drawn to be searched for, each as its key and its vector as text; ``texts`` are those asked.

    Where exact search takes so long that it cannot be asked often enough, ``texts`` is empty.
    """

    rows: list[tuple[str, str]]
    texts: list[str]
    exact_p95_ms: float


@dataclass(frozen=True, slots=True)
class Recalled:
    """Recall@k of one index at the ``setting`` in force, over ``queries`` rows, with its 95 % interval.

    That is the bootstrap's of the mean; where no query missed anything, Wilson's of the queries that do not.
    """

    recall: float
    low: float
    high: float
    queries: int
    k: int
    parameter: str
    setting: int
    seed: int
    took_s: float


def draw_queries(
    database: Database, column: ColumnInfo, distance: Distance, *, seed: int, budget_s: float
) -> Queries:
    """Draw as many rows as can be searched for within ``budget_s``, by both ways and with a warm-up.

    Raises RequestError for a column without vectors.
    """
    with database.reading("recall", vectors=True) as connection:
        timed = time_exact(connection, column, distance, k=K)
        if timed is None:
            raise RequestError(f"{column} holds no vector to search for.", "Load rows with vectors first.")
        drawn = take_sample(connection, column, rows=MOST, seed=seed)
    rows = _usable(drawn, column, distance)
    queries = min(len(rows), int(budget_s * 1000 / (3 * timed.p95_ms)), MOST)
    if timed.stopped or queries < min(FEWEST, len(rows)):
        queries = 0
    return Queries(rows, [vector for _, vector in rows[:queries]], timed.p95_ms)


def ask_both(
    database: Database,
    column: ColumnInfo,
    distance: Distance,
    texts: Sequence[str],
    seed: int,
    *,
    through_index: bool = False,
) -> tuple[Outcome, Outcome]:
    """Ask exactly and as the planner answers today, in turns; ``through_index`` leaves it nothing else.

    Raises RequestError where exact search fails; the other's trial is void where no index is used.
    """
    plan = BenchmarkPlan(str(column), distance, (), ks=(K,), queries=len(texts), seed=seed, live=True)
    plan.check_type(column)
    trials = [trial for trial in plan.trials if trial.arm == LIVE]
    exact, today = measure_live(
        database,
        plan,
        column,
        trials,
        _sample(texts),
        tell=lambda _: None,
        through_index=through_index,
    )
    if not exact.trial.is_measured:
        raise RequestError(f"{column} could not be searched: {exact.trial.reason}", "Look again later.")
    return exact, today


def recall_now(database: Database, column: ColumnInfo, index: IndexInfo, *, seed: int = SEED) -> Recalled:
    """Measure an index on the live table, at the settings a new session has; some seconds at most.

    Raises RequestError where that cannot be: the index serves no distance, the planner walks another one,
    or exact search takes too long to be asked often enough.
    """
    began = perf_counter()
    distance = index.distance
    if distance is None:
        raise RequestError(f"{index.name} serves no distance known here.", "Measure it by a benchmark.")
    drawn = draw_queries(database, column, distance, seed=seed, budget_s=BUDGET_S)
    if not drawn.rows:
        raise RequestError(f"No row drawn of {column} has a distance to others.", "Look at its zero vectors.")
    if not drawn.texts:
        raise RequestError(
            f"An exact search takes {drawn.exact_p95_ms:,.0f} ms here: fewer than {FEWEST} fit into "
            f"{BUDGET_S:g} s, which tells nothing.",
            "Measure it by a benchmark, which takes its time.",
        )
    with database.reading("recall", vectors=True) as connection:
        _check_walked(connection, column, index, drawn.texts[0])
        setting = setting_in_force(connection, index.method)
    _, today = ask_both(database, column, distance, drawn.texts, seed, through_index=True)
    if not today.trial.is_measured:
        raise RequestError(today.trial.reason or f"{index.name} could not be asked.", "Look again later.")
    found, queries = today.trial.measures, today.trial.queries
    # Values that are all the same have no spread to resample: of so few queries one might have missed.
    is_perfect = found["recall"] == 1
    return Recalled(
        recall=found["recall"],
        low=wilson(queries, queries).low if is_perfect else found["recall_low"],
        high=found["recall_high"],
        queries=queries,
        k=K,
        parameter=f"{index.method}.{METHODS[index.method].search.name}",
        setting=setting,
        seed=seed,
        took_s=perf_counter() - began,
    )


def _check_walked(connection: Connection, column: ColumnInfo, index: IndexInfo, text: str) -> None:
    assert index.distance is not None
    request = SearchRequest(column, read_query(text, column.type), index.distance, K)
    with forced(connection, SearchSettings()):
        walked = {
            node.index_name for node in explain(connection, nearest(request, ())).root.walk() if node.order_by
        }
    if walked and index.name not in walked:
        raise RequestError(
            f"The planner walks {sorted(map(str, walked))[0]} and not {index.name}, which serves the same "
            "distance.",
            "Drop one of the two, or measure this one by a benchmark on a copy.",
        )


def _usable(drawn: Drawn, column: ColumnInfo, distance: Distance) -> list[tuple[str, str]]:
    """Spell the key and the vector of the sampled rows that have a distance to others."""
    return [
        (key, written(vector, column.type))
        for key, vector in zip(drawn.keys, drawn.vectors, strict=True)
        if distance not in UNDEFINED_FOR_ZERO or vector.any()
    ]


def _sample(texts: Sequence[str]) -> Sample:
    """Make what a live measurement asks; it compares the server's own answers, and so needs no rows."""
    none, nowhere = np.empty((0, 0), np.float32), np.empty(0, np.int64)
    return Sample(none, none, tuple(map(str.encode, texts)), nowhere, nowhere, np.ones(len(texts), bool), {})
