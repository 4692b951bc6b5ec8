"""Asking for a benchmark: the indexes and settings as the registry lists them, and what it would cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import streamlit as st

from dashboard.benchmark.plan import QUERIES, SEED, BenchmarkPlan
from dashboard.benchmark.trials import NEIGHBOURS, Variant
from dashboard.benchmark.verdict import METHOD_LABELS
from dashboard.identity import current_principal
from dashboard.jobs import queue
from dashboard.settings import settings
from dashboard.ui import runs, state
from dashboard.ui.messages import escaped, told_to_the_reader
from dashboard.ui.pickers import whole_number
from dashboard.ui.units import size
from db.catalog import ColumnInfo, default_distance
from db.distance import Distance, distance_named, distances_for
from db.errors import RequestError
from db.forms import IndexSpec
from db.indexes import METHODS, Parameter
from db.survey import Survey

_SWEEPS = {"hnsw": (10, 20, 40, 80, 160), "ivfflat": (1, 4, 10, 20)}
"""Values of each method's search setting to try at first, each about twice as dear as the one before."""


def draw(column: ColumnInfo) -> None:
    """Draw the form, and hand the plan to the queue when the reader starts it."""
    with st.container(border=True):
        st.subheader("New run", anchor=False)
        st.markdown(
            "Measures exact search and candidate indexes on a copy of your rows, some held out at random as "
            "queries: how fast each setting is, and how many true neighbours it finds."
        )
        plan = None
        with told_to_the_reader():
            plan = ask(column)
        started = st.button(
            "Start benchmark", type="primary", icon=":material/play_arrow:", disabled=plan is None
        )
    if started and plan:
        with told_to_the_reader():
            job_id = queue.submit(state.database(), current_principal(), "benchmark", plan.to_params())
            runs.open_job(job_id)
            st.rerun()


def ask(column: ColumnInfo) -> BenchmarkPlan:
    """Draw what can be chosen, and what it would cost.

    Raises RequestError for a plan that cannot be measured on this column.
    """
    a, b, c, d = st.columns(4)
    stems = [distance.stem for distance in distances_for(column.type)]
    stem = a.selectbox(
        "Distance", stems, index=stems.index(default_distance(column).stem), key="bench distance"
    )
    distance = distance_named(stem)
    k = b.number_input(
        "k", NEIGHBOURS.low, NEIGHBOURS.high, NEIGHBOURS.default, help=NEIGHBOURS.about, key="bench k"
    )
    most = max(1, min(QUERIES.high, (column.rows or QUERIES.high) // 10))
    queries = c.number_input(
        "Queries",
        QUERIES.low,
        QUERIES.high,
        min(QUERIES.default, most),
        help=QUERIES.about,
        key=f"bench queries {column}",
    )
    seed = d.number_input("Seed", SEED.low, None, SEED.default, help=SEED.about, key="bench seed")
    variants: list[Variant] = []
    for place, name in zip(st.columns(len(METHODS)), METHODS, strict=True):
        with place.container(border=True, height="stretch"):
            variants += _ask_method(name, column, distance)
    plan = BenchmarkPlan(str(column), distance, tuple(variants), ks=(k,), queries=queries, seed=seed)
    _cost(plan, column)
    return plan


def _ask_method(name: str, column: ColumnInfo, distance: Distance) -> Sequence[Variant]:
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
    given = {p.name: _ask_values(p, [_usual(p, column)], column) for p in method.parameters()}
    swept = _ask_values(method.search, _SWEEPS[name], column)
    indexes = [method(**dict(zip(given, values, strict=True))) for values in product(*given.values())]
    return [Variant(IndexSpec(index), swept) for index in indexes]


def _usual(parameter: Parameter, column: ColumnInfo) -> int:
    """Start ``lists`` where pgvector's README does: rows / 1,000 up to a million rows, then their root."""
    if parameter.name != "lists" or not column.rows:
        return parameter.default
    lists = column.rows / 1000 if column.rows <= 1_000_000 else math.sqrt(column.rows)
    return max(10, round(lists))


def _ask_values(parameter: Parameter, usual: Sequence[int], column: ColumnInfo) -> tuple[int, ...]:
    """Let the reader name several values; each is tried."""
    chosen = st.multiselect(
        parameter.name,
        [str(value) for value in usual],
        default=[str(value) for value in usual],
        accept_new_options=True,
        help=f"{parameter.about} Type more values to try them too.",
        key=f"bench {parameter.name} {column}",
    )
    return tuple(sorted({_number(parameter, given) for given in chosen}))


def _number(parameter: Parameter, given: str) -> int:
    if (number := whole_number(given.strip())) is None:
        raise RequestError(
            f"{parameter.name} = {given[:20]!r} is not a whole number.",
            "Remove it, or correct it.",
        )
    return number


def _cost(plan: BenchmarkPlan, column: ColumnInfo) -> None:
    """Say what the plan takes, from what the catalog knows."""
    touches = (
        f":material/shield: Only reads {escaped(str(column))}. Candidate indexes are built one at a time on "
        "a copy in schema `vectorscope_bench`, which is dropped at the end."
    )
    if column.rows is None or column.dimensions is None:
        st.caption(f"{len(plan.trials)} trials · {touches}")
        return
    found = Survey(column.rows, 0, 0, column.dimensions)
    plan.check(column, found)
    cost, budget_bytes = plan.cost(column.type, found), settings().scratch_budget_mb * 2**20
    if cost.scratch_bytes > budget_bytes:
        raise RequestError(
            f"This needs about {size(cost.scratch_bytes)} of scratch space of {size(budget_bytes)}.",
            "Raise SCRATCH_BUDGET_MB, or measure a sample: python -m dashboard benchmark ... --sample N",
        )
    st.caption(
        f":material/receipt_long: **{len(plan.trials)} trials, {cost.statements:,} timed queries, "
        f"~{size(cost.scratch_bytes)} of scratch space** (budget {size(budget_bytes)})  \n{touches}"
    )
