"""A benchmark's run that is over: the verdict first, then the figures it rests on."""

from __future__ import annotations

import streamlit as st

from dashboard.benchmark.judged import sampled
from dashboard.benchmark.measures import MEASURES
from dashboard.benchmark.verdict import index_name, setting_name
from dashboard.ui import benchmark_cards as cards
from dashboard.ui import benchmark_tables as tables
from dashboard.ui import charts, frontier
from dashboard.ui.benchmark_compare import compare_card
from dashboard.ui.benchmark_reads import weighed
from dashboard.ui.benchmark_shown import Shown, one_per_index, pick
from dashboard.ui.benchmark_trials import heading, trials_card
from dashboard.ui.benchmark_use import how_to_use
from dashboard.ui.charts import figure_of
from dashboard.ui.messages import escaped
from dashboard.ui.progress import follow
from dashboard.ui.tables import facts
from dashboard.ui.units import counted, duration, size
from dashboard.ui.verdict_words import words
from db.catalog import ColumnInfo
from db.runs import Run, Trial

LEAST_SHOWN = 0.005
"""A difference of recalls that two digits show."""

BETTER = {measure.key: measure.better for measure in MEASURES}


def report(run: Run, column: ColumnInfo | None, before: Run | None) -> None:
    """Draw a run that is over; beside ``before``, where the reader compares."""
    if run.state != "succeeded" and run.job_id is not None:
        follow(run.job_id)
    with st.container(border=True, gap="xxsmall"):
        left, right = st.columns([5, 4], vertical_alignment="top")
        with right:
            shown = weighed(pick(run))
        with left:
            _verdict(shown)
    if before:
        compare_card(before, shown)
    exact = shown.verdict.exact
    if exact is None:
        return
    _tiles(exact, shown.verdict.index or shown.verdict.nearest)
    cards.growth(shown)
    _charts(shown)
    cards.live_table(shown)
    trials_card(shown)
    cards.every_query(shown)
    cards.clients(shown)
    cards.builds(shown)
    cards.parameter_map(shown)
    left, right = st.columns([3, 2])
    with left.container(border=True, height="stretch"):
        how_to_use(shown, column)
    with right.container(border=True, height="stretch"):
        heading("Measured on", "everything needed to judge and repeat this run")
        facts(tables.circumstances(run), "What this run was measured on")


def _verdict(shown: Shown) -> None:
    said = words(shown.verdict, len(shown.copies), shown.k)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(said.badge, icon=said.icon, color=said.color)  # type: ignore[arg-type]
        st.caption(f"{said.caption}{f', where {shown.subset}' if shown.subset else ''}")
    st.header(said.sentence, anchor=False)
    if said.remark:
        st.markdown(f":material/info: {said.remark}")
    if sample := sampled(shown.run):
        st.caption(f":material/casino: {sample}")
    noise = (shown.run.environment or {}).get("noise", {})
    if remarks := noise.get("remarks"):
        st.caption(f":material/warning: {escaped(' '.join(remarks))}")


def _tiles(exact: Trial, subject: Trial | None) -> None:
    trial = subject or exact
    a, b, c, d = st.columns(4)
    with a:
        _tile("p95 latency", ":material/timer:", exact, subject, key="p95_ms", unit="ms")
    below = trial.measures["recall"] - trial.measures["worst_decile"]
    b.metric(
        "Recall, worst tenth",
        f"{trial.measures['worst_decile']:.2f}",
        f"{-below:+.2f}" if subject and below >= LEAST_SHOWN else None,
        border=True,
        icon=":material/vertical_align_bottom:",
        delta_description="to the mean" if subject and below >= LEAST_SHOWN else None,
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


def _charts(shown: Shown) -> None:
    a, b = st.columns([3, 2])
    with a.container(border=True, height="stretch"):
        heading(
            "Recall against latency",
            f"a point is one trial of {counted(shown.run.queries or 0, 'query')}, named by its setting; "
            "whiskers are 95 % intervals; the target is shaded",
        )
        st.plotly_chart(
            frontier.recall_against_latency(
                shown.copies,
                k=shown.k,
                target=shown.target,
                best=shown.verdict.cheapest,
                ties=len(shown.verdict.ties) if shown.verdict.cheapest is shown.verdict.index else 0,
            ),
            key="frontier",
            config=charts.ZOOMED,
            alt=frontier.in_words(shown.copies, shown.k),
        )
    with b.container(border=True, height="stretch"):
        heading("Latency with and without an index", "p95 of each index at its best setting for the target")
        st.plotly_chart(
            charts.latency_with_and_without(one_per_index(shown.copies, shown.target), target=shown.target),
            key="latency",
            config=charts.PLAIN,
            alt="p95 latency without an index and with each index, in milliseconds",
        )
