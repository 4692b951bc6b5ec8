"""A benchmark's run that is over: the verdict first, then the figures it rests on."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.benchmark.measures import MEASURES
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.benchmark.verdict import Verdict, alike, index_name, judge, setting_name
from dashboard.ui import benchmark_tables as tables
from dashboard.ui import charts, frontier, state
from dashboard.ui.benchmark_trials import heading, how_to_use, trials_card
from dashboard.ui.charts import figure_of
from dashboard.ui.progress import follow
from dashboard.ui.tables import facts
from dashboard.ui.units import duration, size
from dashboard.ui.verdict_words import words
from db.catalog import ColumnInfo
from db.runs import Run, Trial

BETTER = {measure.key: measure.better for measure in MEASURES}


def pick_target() -> Target:
    """Let the reader say what a search must reach; it stands in the address."""
    usual = Target()
    state.drop_beyond("recall", 0, 1)
    state.drop_beyond("p95", 0.01, 1e9)
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="right"):
        recall = st.number_input(
            "Recall, at least", 0.0, 1.0, usual.recall, 0.01, key="recall", bind="query-params", width=140
        )
        p95_ms = st.number_input(
            "p95 latency, ms, at most",
            0.01,
            None,
            usual.p95_ms,
            1.0,
            key="p95",
            bind="query-params",
            width=170,
        )
    return Target(recall, p95_ms)


def report(run: Run, column: ColumnInfo | None) -> None:
    """Draw a run that is over."""
    k = BenchmarkPlan.from_params(run.plan).k
    if run.state != "succeeded" and run.job_id is not None:
        follow(run.job_id)
    with st.container(border=True, gap="xxsmall"):
        left, right = st.columns([3, 2], vertical_alignment="top")
        with right:
            verdict = judge(alike(run.trials), pick_target())
        with left:
            _verdict(verdict, len(run.trials), k)
    if verdict.exact is None:
        return
    subject = verdict.index or verdict.nearest
    _tiles(verdict.exact, subject)
    _charts(run, verdict, k)
    trials_card(run, verdict, k)
    left, right = st.columns([3, 2])
    with left.container(border=True, height="stretch"):
        how_to_use(run, verdict, column)
    with right.container(border=True, height="stretch"):
        heading("Measured on", "everything needed to judge and repeat this run")
        facts(tables.circumstances(run), "What this run was measured on")


def _verdict(verdict: Verdict, trials: int, k: int) -> None:
    said = words(verdict, trials, k)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(said.badge, icon=said.icon, color=said.color)  # type: ignore[arg-type]
        st.caption(said.caption)
    st.header(said.sentence, anchor=False)
    if said.remark:
        st.markdown(f":material/info: {said.remark}")


def _tiles(exact: Trial, subject: Trial | None) -> None:
    trial = subject or exact
    a, b, c, d = st.columns(4)
    with a:
        _tile("p95 latency", ":material/timer:", exact, subject, key="p95_ms", unit="ms")
    b.metric(
        "Recall, worst tenth",
        f"{trial.measures['worst_decile']:.2f}",
        f"{trial.measures['worst_decile'] - trial.measures['recall']:+.2f}" if subject else None,
        border=True,
        icon=":material/vertical_align_bottom:",
        delta_description="to the mean" if subject else None,
    )
    with c:
        _tile("Throughput, one client", ":material/speed:", exact, subject, key="qps", unit="QPS")
    d.metric(
        "Index",
        "none" if trial.size_bytes is None else size(trial.size_bytes),
        None if trial.build_s is None else f"built in {duration(trial.build_s)}",
        delta_color="off",
        delta_arrow="off",
        border=True,
        icon=":material/hard_drive:",
    )
    st.caption(
        f"The figures of {index_name(trial)}, {setting_name(trial)}; beside them those of exact search."
    )


def _tile(label: str, icon: str, exact: Trial, subject: Trial | None, *, key: str, unit: str) -> None:
    """Draw one measure: with the index against exact search, or of exact search alone."""
    value, before = (subject or exact).measures[key], exact.measures[key]
    gain = f"{'+' if value > before else '-'}{figure_of(abs(value - before))} {unit}"
    st.metric(
        label,
        f"{figure_of(value)} {unit}",
        gain if subject else None,
        delta_color="normal" if BETTER[key] == "higher" else "inverse",
        border=True,
        icon=icon,
        delta_description=f"exact {figure_of(before)}" if subject else None,
    )


def _charts(run: Run, verdict: Verdict, k: int) -> None:
    a, b = st.columns([3, 2])
    with a.container(border=True, height="stretch"):
        heading(
            "Recall against latency",
            f"a point is one trial of {run.queries or 0:,} queries, named by its setting; whiskers are 95 % "
            "intervals; the target is shaded",
        )
        st.plotly_chart(
            frontier.recall_against_latency(
                alike(run.trials), k=k, target=verdict.target, best=verdict.cheapest
            ),
            key="frontier",
            config=charts.PLAIN,
            alt=frontier.in_words(alike(run.trials), k),
        )
    with b.container(border=True, height="stretch"):
        heading("Latency with and without an index", "p95 of each index at its best setting for the target")
        st.plotly_chart(
            charts.latency_with_and_without(
                _one_per_index(alike(run.trials), verdict.target), target=verdict.target
            ),
            key="latency",
            config=charts.PLAIN,
            alt="p95 latency without an index and with each index, in milliseconds",
        )


def _one_per_index(trials: Sequence[Trial], target: Target) -> list[Trial]:
    """Choose exact search, and for each index the setting that does best against the target."""
    by_index: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.is_measured:
            by_index.setdefault(index_name(trial), []).append(trial)
    judged = [judge(group, target) for group in by_index.values()]
    return [t for t in (v.cheapest or v.nearest or v.exact for v in judged) if t]
