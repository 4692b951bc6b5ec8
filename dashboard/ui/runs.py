"""Which run the Benchmarks page shows: the one its address names, else the column's newest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

import streamlit as st

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.ui import state
from dashboard.ui.messages import escaped
from dashboard.ui.pickers import COLUMN, job_in_address, number_in_address
from dashboard.ui.units import duration
from db.catalog import ColumnInfo
from db.runs import Run

RUN, NEW, COMPARE = "run", "new", "compare"
MODE, PASTED = "measure", "bench toml"
"""The widgets of a new run: what to measure, and the plan that is pasted."""
SWEEP, TUNE, GROWTH, TOML = "Sweep", "Tune", "Growth", "From TOML"
"""What there is to measure."""
_PICKER, _OTHER_PICKER = "run picker", "compare picker"
_NONE = 0
_PURPOSE = "Latency and recall on your own rows, with and without an index"


def in_address() -> Run | None:
    """Read the run the address names, and let the column picker show its column.

    A job that is over stands for its run.  Where the reader has picked another column since, the run
    is left behind.  Raises RequestError for a run that is not there.
    """
    run_id = number_in_address(RUN, "Choose one on the page Benchmarks.")
    if run_id is None and (job_id := job_in_address()) is not None:
        run = state.run_of_job(job_id)
        if run is None or run.state == "running":
            return run
        del st.query_params["job"]
        st.query_params[RUN] = str(run.id)
        run_id = run.id
    if run_id is None:
        return None
    run = state.run(run_id)
    if st.query_params.get(COLUMN, run.subject) != run.subject:
        del st.query_params[RUN]
        return None
    st.query_params[COLUMN] = run.subject
    return run


def latest(column: ColumnInfo) -> Run | None:
    """Find the column's newest run."""
    return next(iter(state.runs_of(column)), None)


def compared_with(run: Run | None) -> Run | None:
    """Read the run that the address compares with; left out where it is the one shown.

    Raises RequestError for a run that is not there.
    """
    other = number_in_address(COMPARE, "Choose one on the page Benchmarks.")
    return state.run(other) if run and other is not None and other != run.id else None


def header(run: Run | None, column: ColumnInfo | None) -> None:
    """Draw the title, what is shown, and the way to other runs and to a new one."""
    left, right = st.columns([4, 5], vertical_alignment="bottom")
    with left.container(gap=None):
        st.title("Benchmarks", anchor=False)
        st.caption(_about(run) if run and not wants_new() else _PURPOSE)
    with right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="bottom"):
        if run:
            known = {other.id: other for other in (*(state.runs_of(column) if column else ()), run)}
            _pick_run(run, known)
            if not wants_new():
                _pick_other(run, known)
            st.button("New run", icon=":material/add:", type="primary", key="new run", on_click=_ask_for_new)


def wants_new() -> bool:
    """Whether the reader asked for a new run."""
    return NEW in st.query_params


def open_job(job_id: int) -> None:
    """Show a job from now on, and the run it makes."""
    for name in (NEW, RUN, COMPARE):
        st.query_params.pop(name, None)
    st.query_params["job"] = str(job_id)


def _about(run: Run) -> str:
    plan = BenchmarkPlan.from_params(run.plan)
    started = run.started_at.astimezone(UTC)
    took = f", {duration((run.finished_at - run.started_at).total_seconds())}" if run.finished_at else ""
    return (
        f"Run {run.id} · {escaped(run.subject)} · {plan.distance.stem} `{plan.distance.operator}` · "
        f"k = {', '.join(map(str, plan.ks))} · {started:%Y-%m-%d %H:%M} UTC{took} · "
        f"by {escaped(run.created_by)}"
    )


def _pick_run(run: Run, known: Mapping[int, Run]) -> None:
    state.put(_PICKER, run.id)
    st.selectbox(
        "Run",
        sorted(known, reverse=True),
        format_func=lambda run_id: f"{_when(known[run_id])} · {known[run_id].state}",
        key=_PICKER,
        on_change=_open_picked,
        width=215,
    )


def _pick_other(run: Run, known: Mapping[int, Run]) -> None:
    others = [other for other in sorted(known, reverse=True) if other != run.id and known[other].trials]
    linked = number_in_address(COMPARE, "Choose one on the page Benchmarks.") or _NONE
    if not others and not linked:
        return
    # A link may compare with a run of another column, or one too old to be listed.
    state.put(_OTHER_PICKER, linked)
    st.selectbox(
        "Compare with",
        [_NONE, *others, *([linked] if linked not in {_NONE, *others} else [])],
        format_func=lambda run_id: _when(known[run_id]) if run_id in known else str(run_id or "no other run"),
        key=_OTHER_PICKER,
        on_change=_compare_picked,
        width=165,
    )


def _when(run: Run) -> str:
    return f"{run.id} · {run.started_at.astimezone(UTC):%d %b %H:%M}"


def _compare_picked() -> None:
    st.query_params.pop(COMPARE, None)
    if other := state.value(_OTHER_PICKER):
        st.query_params[COMPARE] = str(other)


def _open_picked() -> None:
    st.query_params.pop(NEW, None)
    st.query_params.pop("job", None)
    st.query_params[RUN] = str(state.value(_PICKER))


def _ask_for_new() -> None:
    st.query_params[NEW] = "1"


def ask_again(plan: str) -> None:
    """Ask for a new run by a plan in TOML; as a button's ``on_click``."""
    _ask_for_new()
    state.put(MODE, TOML)
    state.put(PASTED, plan)
