"""A benchmark that goes on: where it is, and what is stored so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import streamlit as st

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import PlannedTrial
from dashboard.benchmark.verdict import Verdict, alike, index_name, judge, setting_name
from dashboard.ui import benchmark_tables as tables
from dashboard.ui import charts, frontier, state
from dashboard.ui.benchmark_trials import heading, trial_table
from dashboard.ui.messages import escaped, told_to_the_reader
from dashboard.ui.progress import follow
from dashboard.ui.units import counted, duration, size
from db.errors import ConnectionFailed
from db.runs import LIVE, Trial

REFRESH_S = 2.0


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a run: ``done`` of ``total`` trials, the first step has none."""

    name: str
    note: str
    state: str


_STEP_LOOKS = {
    "done": ("check_circle", "green"),
    "current": ("progress_activity", "primary"),
    "waiting": ("radio_button_unchecked", "gray"),
}


def watch(job_id: int) -> None:
    """Draw a run that waits or goes on, live."""
    job = follow(job_id)
    if not job.is_finished:
        _so_far(job_id)


@st.fragment(run_every=REFRESH_S)
def _so_far(job_id: int) -> None:
    with told_to_the_reader():
        try:
            job, _ = state.job(job_id)
            run = state.run_of_job(job_id)
        except ConnectionFailed:
            return  # the panel above says so already
        plan = BenchmarkPlan.from_params(job.params)
        trials = run.trials if run else ()
        verdict = judge(alike(trials), plan.target or Target())
        if verdict.exact:
            _tiles(verdict, len(trials), None if plan.target else len(plan.trials))
        left, right = st.columns([3, 2])
        with left.container(border=True, height="stretch"):
            _chart(plan, trials, verdict)
        with right.container(border=True, height="stretch"):
            _steps(plan, trials)
        with st.container(border=True):
            heading("Trials", "results appear here as they are stored")
            planned = () if plan.target else plan.trials
            trial_table(tables.so_far(planned, trials), plan.k)


def _tiles(verdict: Verdict, stored: int, planned: int | None) -> None:
    a, b, c = st.columns(3)
    target = verdict.target
    best, exact = verdict.index or verdict.nearest, verdict.exact
    if best:
        inside = best is verdict.index
        a.metric(
            "Best index so far",
            f"{charts.figure_of(best.measures['p95_ms'])} ms",
            "in target" if inside else "not in target",
            delta_color="green" if inside else "orange",
            delta_arrow="off",
            border=True,
            icon=":material/target:",
            delta_description=setting_name(best),
        )
    else:
        a.metric("Best index so far", "none yet", border=True, icon=":material/target:")
    if exact:
        quick = exact.measures["p95_ms"] <= target.p95_ms
        b.metric(
            "Exact, p95",
            f"{charts.figure_of(exact.measures['p95_ms'])} ms",
            "in target" if quick else "too slow",
            delta_color="green" if quick else "orange",
            delta_arrow="off",
            border=True,
            icon=":material/straighten:",
            delta_description=f"target {target.p95_ms:g} ms",
        )
    c.metric(
        "Trials stored",
        f"{stored:,}" if planned is None else f"{stored:,} of {planned:,}",
        "kept",
        delta_color="gray",
        delta_arrow="off",
        border=True,
        icon=":material/inventory_2:",
        delta_description="should the worker die",
    )


def _chart(plan: BenchmarkPlan, trials: tuple[Trial, ...], verdict: Verdict) -> None:
    done = counted(len(trials), "trial")
    if not plan.target:
        done = f"{len(trials)} of {counted(len(plan.trials), 'trial')}"
    heading("Recall against latency, so far", f"{done}; each is stored as it finishes")
    if verdict.exact is None:
        st.caption("The first point is exact search, once the rows are copied and the exact answers known.")
        return
    st.plotly_chart(
        frontier.recall_against_latency(
            alike(trials), k=plan.k, target=verdict.target, best=verdict.index, height=380
        ),
        key="frontier so far",
        config=charts.PLAIN,
        alt=frontier.in_words(alike(trials), plan.k),
    )


def _steps(plan: BenchmarkPlan, trials: tuple[Trial, ...]) -> None:
    heading("Steps", "one index at a time; its settings are swept without building it again")
    for step in steps(plan, trials):
        icon, color = _STEP_LOOKS[step.state]
        with st.container(gap=None):
            name = f"**{step.name}**" if step.state != "waiting" else step.name
            st.markdown(f":{color}[:material/{icon}:] {name}")
            st.caption(step.note)
    st.caption(
        f":material/shield: Only reads {escaped(plan.column)}. The copy in schema `vectorscope_bench` is "
        "dropped at the end, also when the run is cancelled."
    )


def steps(plan: BenchmarkPlan, trials: tuple[Trial, ...]) -> Iterator[Step]:
    """List the parts of a run: the copy, exact search, each index, the end; with how far each is."""
    stored = {trial.position: trial for trial in trials}
    yield Step(
        "Copy the rows, find the exact answers",
        f"{counted(plan.queries, 'query')} held out",
        _state(bool(stored), True),
    )
    before = bool(stored)
    if plan.target:
        yield Step(
            "Try the candidates",
            f"{len(plan.variants)} of them, settings by bisection, until one meets the target; "
            f"{counted(len(stored), 'trial')} so far",
            _state(False, before),
        )
        before = False
    for name, group in groupby(() if plan.target else plan.trials, key=_step_name):
        planned = list(group)
        done = [stored[p.position] for p in planned if p.position in stored]
        finished = len(done) == len(planned)
        note = f"{len(done)} of {counted(len(planned), 'trial')}"
        if done and done[0].build_s is not None and done[0].size_bytes is not None:
            note += f", built in {duration(done[0].build_s)}, {size(done[0].size_bytes)}"
        yield Step(name, note, _state(finished, before))
        before = finished
    yield Step("Clean up", "drop the copy, compare your table's fingerprint", _state(False, before))


def _step_name(trial: PlannedTrial) -> str:
    if trial.arm == LIVE:
        return "The live table, only read"
    return index_name(trial) + (f" on {trial.size:,} rows" if trial.size else "")


def _state(finished: bool, begun: bool) -> str:
    if finished:
        return "done"
    return "current" if begun else "waiting"
