"""The live table as it stands, only read: exact search beside whatever index it has today.

A query that is a row of the table is nearest to itself; that answer is set aside on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dashboard.benchmark.looks import First, begin, facts, look_into
from dashboard.benchmark.measures import RECALL_TOLERANCE, Observed, measure, recalls
from dashboard.benchmark.noise import Quiet, noise, watched
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.rounds import Rounds, Turn, timed
from dashboard.benchmark.sample import Sample
from dashboard.benchmark.trial import EXACT_SETTINGS, Outcome, void, went_over
from dashboard.benchmark.trials import PlannedTrial
from db.arms import Arm, LiveSearch
from db.catalog import ColumnInfo
from db.engine import Database
from db.errors import StatementTimeout
from db.explain import Plan
from db.index_catalog import IndexInfo
from db.neighbours import Neighbours
from db.probing import FORCED
from db.timing import asking

Floats = NDArray[np.float64]


LOOKS_S = 2.0
"""How long a trial may be looked into once it is timed: somebody may wait, and exact search may be slow."""


@dataclass(frozen=True, slots=True)
class Used:
    """What the planner chose for one trial, and the index it goes through, if any.

    ``walked`` names whatever is read in the order of a distance: vector indexes, which are approximate.
    """

    plan: Plan
    walked: frozenset[str]
    index: IndexInfo | None

    def __str__(self) -> str:
        """Name what is walked, else how the table is read."""
        return ", ".join(sorted(self.walked)) or self.plan.scan.node_type


@dataclass(slots=True)
class _Asked:
    """What is known of a trial while it is asked; ``ended`` is what the planner chose afterwards."""

    trial: PlannedTrial
    used: Used
    first: First | None = None
    rounds: Rounds | None = None
    looks: list[Plan] = field(default_factory=list)
    ended: Used | None = None

    @property
    def is_expected(self) -> bool:
        """Whether its plan is the one to be measured: through today's index, or through none."""
        return bool(self.used.index) if self.trial.today else not self.used.walked


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
    take it: its recall would be that of exact search; an exact one where a vector index is walked.  Both
    are looked at before the queries and after them.  ``through_index`` leaves the planner nothing else.
    """
    try:
        asked, quiet = _ask(database, plan, column, trials, sample, tell=tell, through_index=through_index)
    except StatementTimeout:
        reason = "A search of the live table took longer than a reading connection may."
        return [void(plan, trial, reason) for trial in trials]
    exact = {(one.trial.k, one.trial.subset): one for one in asked if not one.trial.today}
    return [
        _outcome(plan, column, one, exact[one.trial.k, one.trial.subset], sample=sample, quiet=quiet)
        for one in asked
    ]


def _ask(
    database: Database,
    plan: BenchmarkPlan,
    column: ColumnInfo,
    trials: Sequence[PlannedTrial],
    sample: Sample,
    *,
    tell: Callable[[int], None],
    through_index: bool,
) -> tuple[list[_Asked], list[Quiet]]:
    queries = plan.asked(trials[0])
    beside_self = int(sample.are_rows.any())
    today = FORCED if through_index else {}
    arms = [arm_of(plan, column, trial, trial.k + beside_self, today) for trial in trials]
    with database.reading("benchmark live") as connection, asking(connection, arms, sample.texts) as asker:
        asked = [_Asked(trial, used_by(asker.plan(n), column)) for n, trial in enumerate(trials)]
        turns = [
            Turn(number, queries, f"{one.trial.k} of {one.trial.subset}" if one.trial.today else None)
            for number, one in enumerate(asked)
            if one.is_expected
        ]
        for turn in turns:
            asked[turn.number].first = begin(asker, turn)
        with watched() as quiet:
            rounds = timed(asker, turns, plan.repeats, tell) if turns else {}
        for turn in turns:
            one = asked[turn.number]
            one.rounds = rounds[turn.number]
            one.looks = look_into(asker, turn, budget_s=LOOKS_S)
            one.ended = used_by(asker.plan(turn.number), column)
        return asked, quiet


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


def arm_of(
    plan: BenchmarkPlan, column: ColumnInfo, trial: PlannedTrial, k: int, today: Mapping[str, str]
) -> Arm:
    """Say how the live table is asked for ``k`` rows; ``today`` are the settings of today's index."""
    subset = plan.filters.get(trial.subset or "")
    search = LiveSearch(column, plan.distance, k, subset.filters if subset else ())
    return Arm(search, today if trial.today else EXACT_SETTINGS)


def used_by(chosen: Plan, column: ColumnInfo) -> Used:
    """Tell what a plan goes through."""
    walked = frozenset(node.index_name for node in chosen.root.walk() if node.order_by and node.index_name)
    return Used(chosen, walked, next((index for index in column.indexes if index.name in walked), None))


def _observed(
    found: Floats,
    exact: Floats,
    others: tuple[Floats, Floats],
    *,
    latencies_ms: Floats,
    control_ms: Floats,
    plan: BenchmarkPlan,
) -> Observed:
    return Observed(
        latencies_ms=latencies_ms,
        recalls=recalls(*others, plan.distance),
        missing=np.asarray((np.isinf(found) & ~np.isinf(exact)).mean(axis=1)),
        control_ms=control_ms,
        wanted_recall=plan.wanted_recall,
    )


def _outcome(
    plan: BenchmarkPlan,
    column: ColumnInfo,
    asked: _Asked,
    exact: _Asked,
    *,
    sample: Sample,
    quiet: Sequence[Quiet],
) -> Outcome:
    reason = _refusal(plan, column, asked)
    if asked is not exact and not reason and (missing := _refusal(plan, column, exact)):
        reason = f"There are no exact answers to compare with. {missing}"
    used, queries = asked.ended or asked.used, plan.asked(asked.trial)
    if reason:
        return void(plan, asked.trial, reason, used=used.plan)
    assert asked.first
    assert asked.rounds
    assert exact.rounds
    answers, control_ms = asked.rounds.answers, asked.rounds.control_ms
    found, truth = answers.found[:queries], np.sort(exact.rounds.answers.found[:queries], axis=1)
    are_rows = sample.are_rows[:queries]
    others = others_than_self(found, truth, are_rows) if are_rows.any() else (found, truth)
    observed = _observed(
        found,
        truth,
        others,
        latencies_ms=answers.latencies_ms.reshape(-1, queries).T,
        control_ms=control_ms,
        plan=plan,
    )
    measured = replace(
        void(plan, asked.trial, "", used=used.plan).trial,
        state="measured",
        reason=f"Through {used.index.name}, as it stands." if used.index else None,
        method=used.index.method if used.index else asked.trial.method,
        options=dict(used.index.options) if used.index else {},
        size_bytes=used.index.size_bytes if used.index else None,
        measures=measure(observed, seed=plan.seed),
        rows=column.rows,
        facts=facts(asked.first, asked.looks) | {"noise": noise(control_ms, quiet)},
    )
    return Outcome(
        measured,
        observed.latencies_ms.ravel().tolist(),
        observed.recalls.tolist(),
        *(Neighbours(distances.astype(np.float32)) for distances in others),
    )


def _refusal(plan: BenchmarkPlan, column: ColumnInfo, asked: _Asked) -> str | None:
    """Say why a trial has no figures; None where it has."""
    used, ended = asked.used, asked.ended
    if ended:
        return went_over(str(used), str(ended)) if ended.walked != used.walked else None
    if not asked.trial.today:
        return f"The planner chose {used}, an approximate index, although exact search was to be measured."
    serving = [i.name for i in column.indexes if i.valid and i.distance is plan.distance]
    if serving:
        node = used.plan.scan.node_type
        return (
            f"The planner chose {node} although {serving[0]} serves this distance: searches are exact today."
        )
    return "The table has no index for this distance: searches are exact today."
