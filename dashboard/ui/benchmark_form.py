"""Asking for a benchmark: what is measured, by which plan, and what that would cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from dashboard.benchmark.live_load import load_announced
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.plan_file import from_toml, to_toml
from dashboard.benchmark.queries import parse_source
from dashboard.benchmark.saved import asking_all_saved
from dashboard.settings import settings
from dashboard.ui import benchmark_cost, benchmark_fill, followed, messages, runs, state
from dashboard.ui.benchmark_asked import asked_for
from dashboard.ui.benchmark_modes import ask_growth, ask_sweep, ask_tune
from dashboard.ui.messages import escaped, told_to_the_reader
from dashboard.ui.units import counted, duration, size
from db.catalog import ColumnInfo
from db.errors import RequestError

_FILE = "bench file"

_EXAMPLE = """\
column = "{column}"
distance = "cosine"

[[index]]
build = "hnsw:m=16"
ef_search = [40, 80]
"""


def _ask_toml(column: ColumnInfo) -> BenchmarkPlan:
    st.file_uploader(
        "A plan's file", type="toml", max_upload_size=1, key=_FILE, on_change=_take_file, width="stretch"
    )
    given = st.text_area(
        "Plan",
        height=340,
        key=runs.PASTED,
        placeholder=_EXAMPLE.format(column=column),
    )
    if not given.strip():
        messages.empty(
            "No plan yet: paste one, such as a run's own under Repeat this run.", ":material/description:"
        )
        messages.end()
    plan = from_toml(given)
    if plan.column != str(column):
        raise RequestError(
            f"The plan is for {plan.column}, and the page shows {column}.",
            "Choose that column on the left, or correct the plan.",
        )
    plan.check_type(column)
    if asked_for(plan):
        st.button(
            "Use this plan",
            icon=":material/edit_note:",
            help="Fills the form with it, to look at and to change",
            on_click=benchmark_fill.use,
            args=(plan, column),
        )
    else:
        st.caption(":material/info: The form has no fields for all of this plan; it can be started as it is.")
    return plan


def _take_file() -> None:
    """Put an uploaded plan into the text area."""
    if file := state.value(_FILE):
        state.put(runs.PASTED, file.getvalue().decode(errors="replace"))


_MODES: Mapping[str, tuple[str, Callable[[ColumnInfo], BenchmarkPlan]]] = {
    runs.SWEEP: (
        "Measures exact search and candidate indexes on a copy of your rows, some held out at random as "
        "queries: how fast each setting is, and how many true neighbours it finds.",
        ask_sweep,
    ),
    runs.TUNE: (
        "Finds the cheapest configuration that meets a target, in a fraction of the time that a sweep of "
        "them all would take: of many rows a small copy puts the candidates in order first; settings are "
        "found by bisection.",
        ask_tune,
    ),
    runs.GROWTH: (
        "Measures the same on copies of several sizes: how latency grows with the rows, and over how many "
        "exact search will cross your target. That is when an index is worth its price.",
        ask_growth,
    ),
    runs.TOML: (
        "Takes a plan as the command line does. Every run and every form shows its own, to be kept and "
        "changed.",
        _ask_toml,
    ),
}


def draw(column: ColumnInfo) -> None:
    """Draw the form, and hand the plan to the queue when the reader starts it."""
    messages.check_choices({runs.MODE: _MODES})
    with st.container(border=True):
        left, right = st.columns([2, 3], vertical_alignment="center")
        left.subheader("New run", anchor=False)
        with right.container(horizontal=True, horizontal_alignment="right"):
            mode = st.segmented_control(
                "What to measure",
                list(_MODES),
                default=runs.SWEEP,
                required=True,
                key=runs.MODE,
                bind="query-params",
                label_visibility="collapsed",
            )
        about, ask = _MODES[mode or runs.SWEEP]
        st.markdown(about)
        plan = None
        with told_to_the_reader():
            plan = _asking_all(ask(column), column)
            _cost(plan, column)
        answers = followed.of_run(plan) if plan else None
        followed.note(answers)
        started = st.button(
            "Start benchmark", type="primary", icon=":material/play_arrow:", disabled=plan is None
        )
        if plan and mode != runs.TOML:
            with st.expander("The same plan as TOML", icon=":material/code:"):
                st.code(to_toml(plan), language="toml", wrap_lines=True)
    if started and plan:
        with told_to_the_reader():
            job_id = followed.begin("benchmark", plan.to_params(), answers)
            runs.open_job(job_id)
            st.rerun()


def _asking_all(plan: BenchmarkPlan, column: ColumnInfo) -> BenchmarkPlan:
    """Let a plan over saved searches ask all there are.  Raises RequestError where there is none."""
    if not parse_source(plan.query_source).saved or column.dimensions is None:
        return plan
    with state.database().reading("benchmark") as connection:
        return asking_all_saved(connection, plan, column, column.dimensions)


def _cost(plan: BenchmarkPlan, column: ColumnInfo) -> None:
    """Say what the plan takes, from what the catalog knows.  Raises RequestError over a budget."""
    touches = (
        f":material/shield: Only reads {escaped(str(column))}. Candidate indexes are built one at a time on "
        "a copy in schema `vectorscope_bench`, which is dropped at the end."
    )
    if announced := load_announced(plan):
        st.warning(escaped(announced), icon=":material/warning:")
    trials = "A few trials of each candidate" if plan.target else counted(len(plan.trials), "trial")
    found = benchmark_cost.survey(column)
    if found is None:
        st.caption(f"{trials} · {touches}")
        return
    expected = benchmark_cost.expected(plan, column, found)
    queries = "" if plan.target else f", {plan.cost(column.type, found).statements:,} timed queries"
    st.caption(
        f":material/receipt_long: **{trials}{queries}, ~{duration(expected.total_s)}** "
        f"(builds ~{duration(expected.build_s)}, asking ~{duration(expected.query_s + expected.load_s)}; "
        f"within a factor of three), **~{size(expected.scratch_bytes)} of scratch space** "
        f"(budget {size(settings().scratch_budget_mb * 2**20)}), "
        f"~{size(expected.memory_bytes)} of memory here  \n{touches}"
    )
