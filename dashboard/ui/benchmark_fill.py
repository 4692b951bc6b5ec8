"""Puts a plan into the widgets of the form, where there are some that say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.trials import DEFAULT
from dashboard.ui import runs, state
from dashboard.ui.benchmark_asked import SweepAsked, TuneAsked, asked_for, shared
from dashboard.ui.benchmark_fields import Basics
from dashboard.ui.benchmark_more import COLUMN_ITSELF, NONE, More
from db.catalog import ColumnInfo
from db.indexes import METHODS


def use(plan: BenchmarkPlan, column: ColumnInfo) -> None:
    """Let the form ask for ``plan``; as a button's ``on_click``."""
    if not (asked := asked_for(plan)):
        return
    state.put(runs.MODE, mode_of(plan))
    for widget, value in _widgets(asked, column).items():
        state.put(widget, value)


def mode_of(plan: BenchmarkPlan) -> str:
    """Name the mode of the form that asks for such a plan."""
    if plan.target:
        return runs.TUNE
    return runs.GROWTH if plan.sizes else runs.SWEEP


def _widgets(asked: SweepAsked | TuneAsked, column: ColumnInfo) -> Mapping[str, Any]:
    if isinstance(asked, TuneAsked):
        return _basics(asked.basics, column) | {
            "bench k": asked.basics.ks[0],
            "bench recall": asked.target.recall,
            "bench p95": asked.target.p95_ms,
            f"bench candidates {column} {asked.basics.distance.stem}": [str(s) for s in asked.candidates],
            f"bench source {column}": asked.query_source,
            f"bench sample {column}": asked.sample_rows or 0,
            f"bench filter {column}": asked.subset or NONE,
            "bench scan": asked.scan or DEFAULT,
        }
    return _basics(asked.basics, column) | _grids(asked, column) | _more(asked.more, column)


def _basics(basics: Basics, column: ColumnInfo) -> dict[str, Any]:
    return {
        "bench distance": basics.distance.stem,
        f"bench ks {column}": _texts(basics.ks),
        f"bench queries {column}": basics.queries,
        "bench seed": basics.seed,
    }


def _grids(asked: SweepAsked, column: ColumnInfo) -> dict[str, Any]:
    stem, mode = asked.basics.distance.stem, "growth " if asked.sizes else ""
    widgets: dict[str, Any] = {f"bench {name} {stem}": False for name in METHODS}
    for grid in asked.grids:
        widgets[f"bench {grid.method.name} {stem}"] = True
        widgets |= {f"bench {name} {column}": _texts(values) for name, values in grid.options.items()}
        widgets[f"bench {mode}{grid.method.search.name} {column}"] = _texts(grid.values)
    widgets[f"bench further {column}"] = [str(variant) for variant in asked.further]
    return widgets | {f"bench sizes {column}": _texts(asked.sizes)}


def _more(more: More, column: ColumnInfo) -> dict[str, Any]:
    dimensions, candidates = shared(more.forms)
    return {
        f"bench filters {column}": [subset or NONE for subset in more.subsets],
        "bench scans": list(more.scans),
        f"bench tuples {column}": _texts(more.tuples),
        f"bench source {column}": more.query_source,
        "bench repeats": more.repeats,
        f"bench forms {column}": [form.kind.name if form else COLUMN_ITSELF for form in more.forms],
        "bench candidates": candidates,
        "bench subvector": dimensions,
        "bench partial": len(more.partial) > 1,
        "bench rebuilds": more.rebuilds,
        "bench inserts": more.inserts,
        f"bench sample {column}": more.sample_rows or 0,
        f"bench clients {column}": _texts(more.clients),
        "bench seconds": more.seconds,
        "bench rate": more.rate,
        "bench live": more.live,
        "bench live clients": more.live_clients,
    }


def _texts(values: Iterable[int]) -> list[str]:
    return [str(value) for value in values]
