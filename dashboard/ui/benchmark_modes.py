"""The three ways to ask for a run: a sweep of settings, a search for the cheapest, growing copies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

import streamlit as st

from dashboard.benchmark.growth import LEAST_SIZES, growth_sizes
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import Variant, sweep
from dashboard.benchmark.tune import candidates
from dashboard.benchmark.verdict import METHOD_LABELS
from dashboard.ui.benchmark_fields import Basics, ask_basics, ask_values, numbers
from dashboard.ui.benchmark_more import More, ask_more
from db.catalog import ColumnInfo
from db.distance import Distance
from db.errors import RequestError
from db.forms import IndexSpec, parse_spec
from db.indexes import METHODS, IndexMethod, Parameter

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
    indexes = _ask_methods(column, basics.distance, _SWEEPS, "")
    more = ask_more(column)
    return _plan(column, basics, more, indexes)


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
    indexes = _ask_methods(column, basics.distance, _FEW, "growth ")
    more = ask_more(column, sized=True)
    return _plan(column, basics, more, indexes, sizes=sizes)


def ask_tune(column: ColumnInfo) -> BenchmarkPlan:
    """Ask for the cheapest configuration that meets a target.  Raises RequestError as ``ask_sweep`` does."""
    usual = Target()
    basics = ask_basics(column, single=True)
    a, b = st.columns(2)
    recall = a.number_input("Recall, at least", 0.0, 1.0, usual.recall, 0.01, key="bench recall")
    p95_ms = b.number_input("p95 latency, ms, at most", 0.01, 1e9, usual.p95_ms, 1.0, key="bench p95")
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
    return BenchmarkPlan(
        str(column),
        basics.distance,
        tuple(Variant(parse_spec(spec), ()) for spec in chosen),
        ks=basics.ks,
        queries=basics.queries,
        seed=basics.seed,
        target=Target(recall, p95_ms),
    )


def _plan(
    column: ColumnInfo,
    basics: Basics,
    more: More,
    indexes: Sequence[tuple[IndexMethod, tuple[int, ...]]],
    sizes: tuple[int, ...] = (),
) -> BenchmarkPlan:
    specs: dict[IndexSpec, tuple[int, ...]] = {
        IndexSpec(method, form, only): values
        for (method, values), form, only in product(indexes, more.forms, more.partial)
    }
    variants = [variant for spec, values in specs.items() for variant in _swept(spec, values, more)]
    return BenchmarkPlan(
        str(column),
        basics.distance,
        tuple(variants),
        ks=basics.ks,
        queries=basics.queries,
        seed=basics.seed,
        repeats=more.repeats,
        sample_rows=more.sample_rows,
        subsets=more.subsets,
        clients=more.clients,
        seconds=more.seconds,
        rate=more.rate,
        rebuilds=more.rebuilds,
        inserts=more.inserts,
        live=more.live,
        sizes=sizes,
        query_source=more.query_source,
    )


def _swept(spec: IndexSpec, values: tuple[int, ...], more: More) -> tuple[Variant, ...]:
    if not values:
        return (Variant(spec, ()),)  # which the plan refuses in words of its own
    return sweep([spec], {spec.method.search.name: values}, more.scans, more.tuples)


def _ask_methods(
    column: ColumnInfo, distance: Distance, sweeps: Mapping[str, tuple[int, ...]], mode: str
) -> list[tuple[IndexMethod, tuple[int, ...]]]:
    indexes: list[tuple[IndexMethod, tuple[int, ...]]] = []
    for place, name in zip(st.columns(len(METHODS)), METHODS, strict=True):
        with place.container(border=True, height="stretch"):
            indexes += _ask_method(name, column, distance, sweeps[name], mode)
    return indexes


def _ask_method(
    name: str, column: ColumnInfo, distance: Distance, usual: tuple[int, ...], mode: str
) -> Sequence[tuple[IndexMethod, tuple[int, ...]]]:
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
        return ()
    given = {p.name: ask_values(p, [_usual(p, column)], column) for p in method.parameters()}
    swept = ask_values(method.search, usual, column, mode)
    combined = product(*given.values())
    return [(method(**dict(zip(given, values, strict=True))), swept) for values in combined]


def _usual(parameter: Parameter, column: ColumnInfo) -> int:
    """Start ``lists`` where pgvector's README does: rows / 1,000 up to a million rows, then their root."""
    if parameter.name != "lists" or not column.rows:
        return parameter.default
    lists = column.rows / 1000 if column.rows <= 1_000_000 else math.sqrt(column.rows)
    return max(10, round(lists))
