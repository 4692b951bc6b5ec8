"""What exact search takes, what it may, and where it is heading: by runs, by looks, or measured now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dashboard.advisor.crossing import Crossing, Fit, Pace, Point, in_proportion, pace
from dashboard.advisor.watched import Watched, line, sizes
from dashboard.advisor.words import listed
from db import runs
from db.distance import Distance
from db.exact_probe import Timed
from db.runs import EXACT, Run, Trial
from db.words import counted

BUDGET_MS = 50.0
"""What 95 of 100 exact searches may take where nobody says otherwise: half of what feels immediate.
Source: Nielsen, Usability Engineering (1993), 5.5, puts that at 100 ms."""

ASKED, PROMISED, USUAL = "as asked for", "promised by its watch", "as no watch promises another"
"""Where a budget comes from."""

K = 10
"""Rows a search asks for where no run says otherwise."""

SAME_SIZE = 0.1
"""A run's figures stand for today while the table is within a tenth of the rows it searched."""

LOOK_STANDS = timedelta(days=1)
"""A look's figures stand for today so long."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What 95 of 100 exact searches may take, and where that comes from."""

    ms: float
    origin: str

    def __str__(self) -> str:
        return f"budget {self.ms:g} ms, {self.origin}"


@dataclass(frozen=True, slots=True)
class Exact:
    """What exact search takes today: 95 of 100 searches for ``k`` rows at most ``p95_ms``.

    ``origin`` is the run or look it comes from, or "measured now".  A ``stopped`` one took longer still.
    """

    p95_ms: float
    low_ms: float
    high_ms: float
    queries: int
    k: int
    origin: str
    stopped: bool = False


def budget_of(asked_ms: float | None, seen: Watched | None) -> Budget:
    """Tell the budget: what is asked for, else what a watch promises, else BUDGET_MS."""
    if asked_ms is not None:
        return Budget(asked_ms, ASKED)
    return Budget(seen.watch.p95_ms, PROMISED) if seen else Budget(BUDGET_MS, USUAL)


def known_exact(
    found: Sequence[Run], seen: Watched | None, distance: Distance, rows: int, at: datetime
) -> Exact | None:
    """Take what exact search took by the newer of run and look; None where neither stands for today."""
    known = (_of_run(found, distance, rows), _of_look(seen, rows, at))
    return max((one for one in known if one), key=lambda one: one[0], default=(at, None))[1]


def _of_run(found: Sequence[Run], distance: Distance, rows: int) -> tuple[datetime, Exact] | None:
    """Take the newest exact trial over about as many rows as there are."""
    for run in found:
        for trial in _exact_trials(run, distance):
            if trial.rows and abs(trial.rows - rows) <= SAME_SIZE * rows:
                measures = trial.measures
                bounds = (measures["p95_ms"], measures["p95_ms_low"], measures["p95_ms_high"])
                return run.started_at, Exact(*bounds, trial.queries, trial.k or K, f"run {run.id}")
    return None


def _of_look(seen: Watched | None, rows: int, at: datetime) -> tuple[datetime, Exact] | None:
    """Take the last look at a watched column, where it is of today and over about as many rows."""
    last = seen.looks[-1] if seen and seen.looks else None
    if last is None or last.rows is None or at - last.at > LOOK_STANDS or "exact_queries" not in last.figures:
        return None
    if abs(last.rows - rows) > SAME_SIZE * rows:
        return None
    figures = last.figures
    bounds = (figures["exact_p95_ms"], figures["exact_p95_ms_low"], figures["exact_p95_ms_high"])
    origin = f"look of {last.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return last.at, Exact(*bounds, int(figures["exact_queries"]), K, origin)


def of_probe(timed: Timed | None) -> Exact | None:
    """Take what was measured just now."""
    if timed is None:
        return None
    bounds = (timed.p95_ms, timed.p95_ms, timed.p95_ms)
    return Exact(*bounds, timed.queries, timed.k, "measured now", timed.stopped)


def _exact_trials(run: Run, distance: Distance) -> list[Trial]:
    """Give the exact trials over all rows, the largest copy first."""
    if run.plan.get("distance") != distance.stem:
        return []
    chosen = [t for t in run.trials if t.method == EXACT and t.is_measured and t.subset is None]
    return sorted(chosen, key=lambda trial: -(trial.rows or 0))


def crossing_of(
    found: Sequence[Run],
    seen: Watched | None,
    exact: Exact | None,
    *,
    distance: Distance,
    rows: int,
    budget_ms: float,
    fit: Fit,
) -> Crossing | None:
    """Forecast where the budget is reached: by the watch's line, a run over sizes, or in proportion."""
    if seen and (followed := line(seen.looks, budget_ms, fit)):
        return followed
    for run in found:
        trials = _exact_trials(run, distance)
        same_k = [trial for trial in trials if trial.k == trials[0].k and trial.arm == runs.COPY]
        if reached := fit([_point(trial) for trial in same_k if trial.rows], budget_ms):
            return Crossing(*reached, f"growth over {len(same_k)} sizes, run {run.id}")
    if exact is None or exact.stopped or not rows:
        return None
    return in_proportion(rows, exact.p95_ms, exact.low_ms, exact.high_ms, budget_ms, exact.origin)


def _point(trial: Trial) -> Point:
    bounds = (trial.measures[f"p95_ms{end}"] for end in ("", "_low", "_high"))
    return (trial.rows or 0, *bounds)  # type: ignore[return-value]


def pace_of(found: Sequence[Run], seen: Watched | None, now: tuple[datetime, int]) -> Pace | None:
    """Tell how fast the table grows, by what looks and runs saw of its size."""
    by_runs, by_looks = _looks(found), sizes(seen.looks) if seen else []
    counts = ((len(by_looks), "look"), (len(by_runs), "run"))
    basis = listed(tuple(counted(number, what) for number, what in counts if number))
    return pace([*by_looks, *by_runs, now], basis)


def _looks(found: Sequence[Run]) -> list[tuple[datetime, int]]:
    """Give when each run that searched the whole table saw how many rows."""
    return [
        (run.started_at, run.rows + (run.queries or 0))
        for run in found
        if run.rows is not None and not run.plan.get("sample_rows") and not run.plan.get("sizes")
    ]
