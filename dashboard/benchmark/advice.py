"""A trial as something to have: the recipe that builds its index and searches with its settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.verdict import alike, index_name, judge, setting_name
from db.columns import VectorColumn
from db.forms import IndexSpec, parse_spec
from db.index_recipes import Recipe, as_migration, as_sql
from db.runs import EXACT, Run, Trial


def recipe_of(trial: Trial, plan: BenchmarkPlan) -> Recipe:
    """Make the recipe of a trial with an index, from the trial alone: a tuned one stands in no plan."""
    subset = plan.filters.get(trial.subset or "")
    settings = {f"{trial.method}.{name}": str(value) for name, value in trial.setting.items()}
    return Recipe(
        spec_of(trial), settings, plan.distance, trial.k or plan.k, subset.filters if subset else ()
    )


def spec_of(trial: Trial) -> IndexSpec:
    """Read a trial's index again; which build of it this was is no part of it."""
    options = [f"{name}={value}" for name, value in trial.options.items() if name != "build"]
    return parse_spec(f"{trial.method}:{','.join(options)}")


def recommended(run: Run, column: VectorColumn) -> dict[str, Any] | None:
    """Name the cheapest trial of a tuned run that meets its target, with the SQL and the migration for it.

    None where no trial meets it; no SQL for exact search, which needs none.  ``evidence`` is exact search and
    every setting asked of the same index on the same rows, narrowest first: the one before the answer misses.
    """
    plan = BenchmarkPlan.from_params(run.plan)
    assert plan.target
    best = judge(alike(run.trials), plan.target).cheapest
    if best is None:
        return None
    recipe = recipe_of(best, plan) if best.method != EXACT else None
    return {
        "position": best.position,
        "name": f"{index_name(best)}, {setting_name(best)}",
        "index": str(recipe.index) if recipe else EXACT,
        "setting": best.setting,
        "recall": best.measures["recall"],
        "p95_ms": best.measures["p95_ms"],
        "sql": as_sql(column, recipe) if recipe else None,
        "migration": as_migration(column, recipe) if recipe else None,
        "evidence": [_seen(trial) for trial in _beside(best, run.trials)],
    }


def _beside(best: Trial, trials: Sequence[Trial]) -> list[Trial]:
    same = [
        t for t in trials if t.is_measured and (t.arm, t.rows, t.subset) == (best.arm, best.rows, best.subset)
    ]
    index = (t for t in same if t.method != EXACT and (t.method, t.options) == (best.method, best.options))
    name = spec_of(best).method.search.name if best.method != EXACT else ""
    return [
        *(t for t in same if t.method == EXACT),
        *sorted(index, key=lambda t: (t.setting[name], t.queries)),
    ]


def _seen(trial: Trial) -> dict[str, Any]:
    figures = ("recall", "recall_low", "recall_high", "p95_ms")
    return {
        "position": trial.position,
        "index": trial.method,
        "setting": trial.setting,
        "queries": trial.queries,
        "decided_early": trial.is_short,
        **{name: trial.measures[name] for name in figures},
    }
