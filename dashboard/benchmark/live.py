"""The live table as it stands, only read: exact search beside whatever index it has today.

A query that is a row of the table is nearest to itself; that answer is set aside on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.benchmark.measures import RECALL_TOLERANCE, Observed, measure, recalls
from dashboard.benchmark.noise import Quiet, noise, watched
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.rounds import Rounds, Turn, timed, warm_up
from dashboard.benchmark.sample import Sample
from dashboard.benchmark.trial import EXACT_SETTINGS, Outcome, void
from dashboard.benchmark.trials import PlannedTrial
from db.arms import Arm, LiveSearch
from db.catalog import ColumnInfo
from db.engine import Database
from db.errors import StatementTimeout
from db.explain import Plan
from db.index_catalog import IndexInfo
from db.probing import FORCED
from db.timing import asking

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Used:
    """What the planner chose for one trial, and the index it goes through, if any."""

    plan: Plan
    index: IndexInfo | None


def measure_live(
    database: Database,
    plan: BenchmarkPlan,
    column: ColumnInfo,
    trials: Sequence[PlannedTrial],
    sample: Sample,
    *,
    tell: Callable[[int], None],
    through_index: bool = False,
) -> list[Outcome]:
    """Ask the live table each trial's queries in one read-only transaction, exact and today's in turns.

    A trial of today's index is void where the table has none for this distance, or the planner will not
    take it: its recall would be that of exact search.  ``through_index`` leaves the planner nothing else.
    """
    queries = plan.asked(trials[0])
    try:
        used, rounds, quiet = _ask(
            database, plan, column, trials, sample, tell=tell, through_index=through_index
        )
    except StatementTimeout:
        reason = "A search of the live table took longer than a reading connection may."
        return [void(plan, trial, reason) for trial in trials]
    exact = {
        (t.k, t.subset): np.sort(rounds[n].answers.found[:queries], axis=1)
        for n, t in enumerate(trials)
        if not t.today
    }
    outcomes = []
    for number, trial in enumerate(trials):
        if number not in rounds:
            outcomes.append(_void(plan, column, trial, used[number]))
            continue
        answers = rounds[number].answers
        observed = _observed(
            answers.found[:queries],
            exact[trial.k, trial.subset],
            latencies_ms=answers.latencies_ms.reshape(-1, queries).T,
            control_ms=rounds[number].control_ms,
            are_rows=sample.are_rows[:queries],
            plan=plan,
        )
        heard = noise(rounds[number].control_ms, quiet)
        outcomes.append(_outcome(plan, column, trial, used[number], observed, heard=heard))
    return outcomes


def _ask(
    database: Database,
    plan: BenchmarkPlan,
    column: ColumnInfo,
    trials: Sequence[PlannedTrial],
    sample: Sample,
    *,
    tell: Callable[[int], None],
    through_index: bool,
) -> tuple[list[_Used], dict[int, Rounds], list[Quiet]]:
    queries = plan.asked(trials[0])
    beside_self = int(sample.are_rows.any())
    today = FORCED if through_index else {}
    arms = [_arm(plan, column, trial, trial.k + beside_self, today) for trial in trials]
    with database.reading("benchmark live") as connection, asking(connection, arms, sample.texts) as asker:
        used = [_used(asker.plan(number), column) for number in range(len(trials))]
        turns = [
            Turn(number, queries, f"{trial.k} of {trial.subset}" if trial.today else None)
            for number, trial in enumerate(trials)
            if not trial.today or used[number].index
        ]
        for turn in turns:
            warm_up(asker, turn)
        with watched() as quiet:
            rounds = timed(asker, turns, plan.repeats, tell)
        return used, rounds, quiet


def others_than_self(found: Floats, exact: Floats, are_rows: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Take one row more than was wanted out of both: the query's own, else the last.

    ``are_rows`` says which queries are rows of the table; shape (queries,).
    """
    itself = are_rows[:, None]
    others = np.where(itself, without_self(found, exact), found[:, :-1])
    return others, np.where(itself, exact[:, 1:], exact[:, :-1])


def without_self(found: Floats, exact: Floats) -> Floats:
    """Take each query's own row, the nearest there is, out of ``found``; the last where it is not there.

    Both are distances of shape (queries, k + 1); ``exact`` ascends.
    """
    nearest = exact[:, :1]
    is_self = np.isclose(found, nearest, rtol=0, atol=RECALL_TOLERANCE * np.maximum(1, np.abs(nearest)))
    where = np.where(is_self.any(axis=1), is_self.argmax(axis=1), found.shape[1] - 1)
    kept = np.arange(found.shape[1])[None, :] != where[:, None]
    return np.asarray(found[kept].reshape(len(found), -1))


def _arm(
    plan: BenchmarkPlan, column: ColumnInfo, trial: PlannedTrial, k: int, today: Mapping[str, str]
) -> Arm:
    subset = plan.filters.get(trial.subset or "")
    search = LiveSearch(column, plan.distance, k, subset.filters if subset else ())
    return Arm(search, today if trial.today else EXACT_SETTINGS)


def _used(chosen: Plan, column: ColumnInfo) -> _Used:
    names = {node.index_name for node in chosen.root.walk() if node.order_by}
    return _Used(chosen, next((index for index in column.indexes if index.name in names), None))


def _observed(
    found: Floats,
    exact: Floats,
    *,
    latencies_ms: Floats,
    control_ms: Floats,
    are_rows: NDArray[np.bool_],
    plan: BenchmarkPlan,
) -> Observed:
    others, truth = others_than_self(found, exact, are_rows) if are_rows.any() else (found, exact)
    return Observed(
        latencies_ms=latencies_ms,
        recalls=recalls(others, truth, plan.distance),
        missing=np.asarray((np.isinf(found) & ~np.isinf(exact)).mean(axis=1)),
        control_ms=control_ms,
        wanted_recall=plan.wanted_recall,
    )


def _outcome(
    plan: BenchmarkPlan,
    column: ColumnInfo,
    trial: PlannedTrial,
    used: _Used,
    observed: Observed,
    *,
    heard: dict[str, Any],
) -> Outcome:
    measured = replace(
        void(plan, trial, "", used=used.plan).trial,
        state="measured",
        reason=f"Through {used.index.name}, as it stands." if used.index else None,
        method=used.index.method if used.index else trial.method,
        options=dict(used.index.options) if used.index else {},
        size_bytes=used.index.size_bytes if used.index else None,
        measures=measure(observed, seed=plan.seed),
        rows=column.rows,
        facts={"noise": heard},
    )
    return Outcome(measured, observed.latencies_ms.ravel().tolist(), observed.recalls.tolist())


def _void(plan: BenchmarkPlan, column: ColumnInfo, trial: PlannedTrial, used: _Used) -> Outcome:
    serving = [i.name for i in column.indexes if i.valid and i.distance is plan.distance]
    node = used.plan.scan.node_type
    reason = (
        f"The planner chose {node} although {serving[0]} serves this distance: searches are exact today."
        if serving
        else "The table has no index for this distance: searches are exact today."
    )
    return void(plan, trial, reason, used=used.plan)
