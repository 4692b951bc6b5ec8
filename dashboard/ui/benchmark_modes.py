"""The three ways to ask for a run: a sweep of settings, a search for the cheapest, growing copies."""

from __future__ import annotations

import math
from collections.abc import Mapping

import streamlit as st

from dashboard.benchmark.growth import LEAST_SIZES, growth_sizes
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.plan_file import read_variant
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import Variant, read_index
from dashboard.benchmark.tune import candidates
from dashboard.benchmark.verdict import METHOD_LABELS
from dashboard.ui.benchmark_asked import LEAST_P95_MS, MOST_P95_MS, Grid, SweepAsked, TuneAsked
from dashboard.ui.benchmark_fields import ask_basics, ask_values, numbers
from dashboard.ui.benchmark_more import ask_more, ask_sample, ask_scan, ask_source, ask_subset
from db.catalog import ColumnInfo
from db.distance import Distance
from db.errors import RequestError
from db.indexes import METHODS, Parameter

_SWEEPS = {"hnsw": (10, 20, 40, 80, 160), "ivfflat": (1, 4, 10, 20)}
"""Values of each method's search setting to try at first, each about twice as dear as the one before."""

_FEW = {"hnsw": (40, 80), "ivfflat": (4, 10)}
"""The same where everything is measured on every size."""

ROWS = Parameter("rows", 0, 0, 2**62, "")


def ask_sweep(column: ColumnInfo) -> BenchmarkPlan:
    """Ask for a sweep: every index with every setting.

    Raises RequestError for a plan that cannot be measured on this column.
    """
    basics = ask_basics(column)
    grids = _ask_methods(column, basics.distance, _SWEEPS, "")
    further = _ask_further(column)
    return SweepAsked(basics, ask_more(column), grids, further).plan(str(column))


def ask_growth(column: ColumnInfo) -> BenchmarkPlan:
    """Ask for a sweep on copies that grow.  Raises RequestError as ``ask_sweep`` does."""
    basics = ask_basics(column)
    usual = growth_sizes(column.rows or 10_000, 4)
    usual = tuple(rows for rows in usual if rows > basics.queries + max(basics.ks)) or usual[-1:]
    sizes = numbers(
        ROWS,
        "Rows of the copies",
        usual,
        f"Each is a random sample. From {LEAST_SIZES} sizes on, a line with its band is drawn through them.",
        f"bench sizes {column}",
    )
    grids = _ask_methods(column, basics.distance, _FEW, "growth ")
    further = _ask_further(column)
    return SweepAsked(basics, ask_more(column, sized=True), grids, further, sizes).plan(str(column))


def ask_tune(column: ColumnInfo) -> BenchmarkPlan:
    """Ask for the cheapest configuration that meets a target.  Raises RequestError as ``ask_sweep`` does."""
    usual = Target()
    basics = ask_basics(column, single=True)
    a, b = st.columns(2)
    recall = a.number_input("Recall, at least", 0.0, 1.0, usual.recall, 0.01, key="bench recall")
    p95_ms = b.number_input(
        "p95 latency, ms, at most", LEAST_P95_MS, MOST_P95_MS, usual.p95_ms, 1.0, key="bench p95"
    )
    fitting = [
        str(spec)
        for spec in candidates(column.rows or 0, column.type, column.dimensions or 1, basics.distance)
    ]
    chosen = st.multiselect(
        "Candidates",
        fitting,
        default=fitting,
        accept_new_options=True,
        help="Built one at a time, the most promising first. Type others as hnsw:m=24,ef_construction=128.",
        key=f"bench candidates {column} {basics.distance.stem}",
    )
    if not chosen:
        raise RequestError("There is no candidate to build.", "Choose at least one index.")
    a, b, c, d = st.columns(4)
    with a:
        source = ask_source(column)
    with b:
        sample = ask_sample(column)
    with c:
        subset = ask_subset(column)
    with d:
        scan = ask_scan()
    specs = tuple(dict.fromkeys(map(read_index, chosen)))
    asked = TuneAsked(basics, Target(recall, p95_ms), specs, source, sample, subset, scan)
    return asked.plan(str(column))


def _ask_methods(
    column: ColumnInfo, distance: Distance, sweeps: Mapping[str, tuple[int, ...]], mode: str
) -> tuple[Grid, ...]:
    grids = []
    for place, name in zip(st.columns(len(METHODS)), METHODS, strict=True):
        with place.container(border=True, height="stretch"):
            grids.append(_ask_method(name, column, distance, sweeps[name], mode))
    return tuple(grid for grid in grids if grid)


def _ask_further(column: ColumnInfo) -> tuple[Variant, ...]:
    chosen = st.multiselect(
        "Further indexes, each with settings of its own",
        [],
        accept_new_options=True,
        placeholder="hnsw:m=24 @ ef_search=40,80",
        help="Type an index as the command line takes it, then @ and the settings to try on it, such as "
        "ivfflat:lists=50 @ probes=5,10 iterative_scan=default,relaxed_order",
        key=f"bench further {column}",
    )
    return tuple(map(read_variant, chosen))


def _ask_method(
    name: str, column: ColumnInfo, distance: Distance, usual: tuple[int, ...], mode: str
) -> Grid | None:
    method = METHODS[name]
    possible = method.supports(column.type, distance)
    wanted = st.toggle(
        METHOD_LABELS[name],
        possible,
        key=f"bench {name} {distance.stem}",
        disabled=not possible,
        help=(method.__doc__ or "").partition("\n")[0],
    )
    if not possible:
        st.caption(f"It has no operator class for {distance.label} on {column.type}.")
    if not wanted:
        return None
    given = {p.name: ask_values(p, [_usual(p, column)], column) for p in method.parameters()}
    swept = ask_values(method.search, usual, column, mode)
    return Grid(method, given, swept)


def _usual(parameter: Parameter, column: ColumnInfo) -> int:
    """Start ``lists`` where pgvector's README does: rows / 1,000 up to a million rows, then their root."""
    if parameter.name != "lists" or not column.rows:
        return parameter.default
    lists = column.rows / 1000 if column.rows <= 1_000_000 else math.sqrt(column.rows)
    return max(10, round(lists))
