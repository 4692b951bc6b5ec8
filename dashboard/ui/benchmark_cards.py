"""The cards of a run that appear when it has what they show: growth, live table, queries, clients, builds."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.benchmark import growth_arms
from dashboard.benchmark.judged import wal_remark
from dashboard.benchmark.live_load import SAID
from dashboard.benchmark.load import LIVE_ALONE, overload
from dashboard.benchmark.verdict import index_name
from dashboard.ui import benchmark_charts as more_charts
from dashboard.ui import benchmark_growth_chart as growth_chart
from dashboard.ui import benchmark_twins as twins
from dashboard.ui import charts
from dashboard.ui.benchmark_builds import panels
from dashboard.ui.benchmark_reads import figures
from dashboard.ui.benchmark_shown import Shown, one_per_index
from dashboard.ui.benchmark_trials import heading
from dashboard.ui.charts import figure_of, series_name
from dashboard.ui.messages import escaped
from dashboard.ui.units import counted, gain
from db.runs import EXACT

LINES = 4
"""Trials drawn over all queries unless the reader chooses others: more lines than these hide each other."""


def growth(shown: Shown) -> None:
    """Draw how latency grows, where the run measured several sizes."""
    arms = () if shown.plan.target else growth_arms.grown(shown.every)
    if not arms:
        return
    said = [growth_arms.crossing_in_words(arm, shown.target) for arm in arms]
    with st.container(border=True):
        heading(
            "Latency as the table grows",
            f"measured on samples of {_sizes(arms)} rows; dotted lines and 95 % bands are ~estimates",
        )
        st.markdown(f"**{escaped(said[0])}**" + "".join(f"  \n{escaped(line)}" for line in said[1:]))
        st.plotly_chart(
            growth_chart.latency_by_rows(arms, target=shown.target),
            key="growth",
            config=charts.ZOOMED,
            alt=f"p95 latency against rows. {' '.join(said)}",
        )
        with st.expander("The same as a table", icon=":material/table:"):
            twins.draw(twins.by_size(arms), "p95 latency by rows, of every index and setting")


def _sizes(arms: Sequence[growth_arms.Arm]) -> str:
    sizes = sorted({t.rows for arm in arms for t in arm.trials if t.rows})
    return f"{', '.join(f'{rows:,}' for rows in sizes[:-1])} and {sizes[-1]:,}"


def live_table(shown: Shown) -> None:
    """Draw what the live table does as it stands: exact search beside today's index."""
    if not shown.live:
        return
    measured = [trial for trial in shown.live if trial.is_measured]
    exact = next((t for t in measured if t.method == EXACT), None)
    today = next((t for t in measured if t.method != EXACT), None)
    with st.container(border=True):
        heading(
            "Your table as it stands",
            "asked by read-only transactions; the copy above holds fewer rows, those held out as queries",
        )
        a, b, c = st.columns(3)
        if exact:
            a.metric(
                "Exact, p95",
                f"{figure_of(exact.measures['p95_ms'])} ms",
                f"{figure_of(exact.measures['qps'])} QPS",
                delta_color="off",
                delta_arrow="off",
                border=True,
            )
        if exact and today:
            b.metric(
                f"Today: {index_name(today)}",
                f"{figure_of(today.measures['p95_ms'])} ms",
                gain(today.measures["speedup"]),
                delta_color="off",
                delta_arrow="off",
                border=True,
            )
            c.metric(
                f"Today: recall@{shown.k}",
                f"{today.measures['recall']:.3f}",
                f"{today.measures['recall_low']:.2f} to {today.measures['recall_high']:.2f}",
                delta_color="off",
                delta_arrow="off",
                border=True,
            )
        for trial in shown.live:
            if trial.reason:
                icon = ":material/info:" if trial.is_measured else ":material/block:"
                st.caption(f"{icon} {escaped(trial.reason)}")


def every_query(shown: Shown) -> None:
    """Draw latency and recall of every query, for the trials that the reader chooses."""
    measured = {series_name(trial): trial for trial in shown.copies if trial.is_measured}
    usual = [series_name(trial) for trial in one_per_index(shown.copies, shown.target)[:LINES]]
    with st.container(border=True):
        left, right = st.columns([2, 3], vertical_alignment="bottom")
        with left:
            heading("Every query", "the means above hide the slowest and the worst answered")
        chosen = right.multiselect(
            "Trials", list(measured), default=usual, max_selections=8, key=f"queries of {shown.run.id}"
        )
        trials = [measured[name] for name in chosen if name in measured]
        if not trials:
            st.caption("Choose a trial to see its queries.")
            return
        known = figures(shown.run.id, tuple(trial.position for trial in trials))
        a, b = st.columns(2)
        a.plotly_chart(
            more_charts.latency_of_every_query(trials, known, target=shown.target),
            key="latency of queries",
            config=charts.PLAIN,
            alt=f"Share of queries answered within a time, of {', '.join(chosen)}; as a table below",
        )
        b.plotly_chart(
            more_charts.recall_of_every_query(trials, known, target=shown.target),
            key="recall of queries",
            config=charts.PLAIN,
            alt=f"Recall of each query, the worst first, of {', '.join(chosen)}; as a table below",
        )
        with st.expander("The same as a table", icon=":material/table:"):
            twins.draw(
                twins.quantiles(trials, known), "Latency and recall by share of the queries, of each trial"
            )


def clients(shown: Shown) -> None:
    """Draw the throughput of many clients, where the run measured it."""
    trials = [t for t in (*one_per_index(shown.copies, shown.target), *shown.live) if t.load]
    if not trials:
        return
    rate = max(point["rate"] for trial in trials for point in trial.load)
    opened = f"; the open marker is an open loop, {rate:,.0f}/s offered" if rate else ""
    with st.container(border=True):
        heading(
            "Queries per second by clients",
            f"each index at its best setting, {counted(shown.plan.seconds, 'second')} a point, "
            f"every client a process of its own{opened}",
        )
        st.plotly_chart(
            more_charts.queries_by_clients(trials),
            key="clients",
            config=charts.PLAIN,
            alt="Queries per second by clients, of each index; the table below has the figures",
        )
        twins.draw(twins.loads(trials), "Throughput and latency by index and clients")
        for trial in trials:
            for said in filter(None, map(overload, trial.load)):
                st.caption(f":material/warning: **{escaped(series_name(trial))}:** {escaped(said)}")
        for trial in shown.live:
            for said in trial.facts.get(SAID, ()):
                st.caption(f":material/block: **{escaped(series_name(trial))}:** {escaped(said)}")
        if shown.live and not shown.plan.live_clients:
            st.caption(f":material/info: {LIVE_ALONE}")


_WAL_SAID = (
    "The copy is not logged: the WAL is estimated, by the size of the index less what its pages leave free."
)


def builds(shown: Shown) -> None:
    """Draw what each index took to build and takes up, and what inserting beside it costs."""
    trials = [
        t
        for name in dict.fromkeys(index_name(t) for t in shown.copies)
        for t in [next(t for t in shown.copies if index_name(t) == name)]
        if t.build_s is not None or "inserted" in t.facts
    ]
    if not any(trial.build_s is not None for trial in trials):
        return
    drawn = panels(shown)
    with st.container(border=True):
        heading("What an index costs", _build_note(shown))
        st.plotly_chart(
            more_charts.bars_by_index(trials, drawn, height=56 * len(trials) + 60),
            key="builds",
            config=charts.PLAIN,
            alt="; ".join(
                f"{index_name(t)}: {', '.join(f'{p.title} {p.written(t)}' for p in drawn)}" for t in trials
            ),
        )
        for notice in dict.fromkeys(n for t in trials for n in t.facts.get("notices", ())):
            st.caption(f":material/info: The server said: {escaped(notice)}")
        if any("wal_forecast_bytes" in t.facts for t in trials):
            remark = wal_remark(shown.run)
            st.caption(f":material/info: {_WAL_SAID}{f' {escaped(remark)}' if remark else ''}")
        with st.expander("The same as a table", icon=":material/table:"):
            twins.draw(twins.costs(trials, drawn), "Build time, size and insert cost of each index")


def _build_note(shown: Shown) -> str:
    if shown.plan.rebuilds == 1:
        return "build time and size; equal builds differ a little, which Rebuilds would show"
    return f"each built {shown.plan.rebuilds} times: the bar is the first build, whiskers span them all"


def parameter_map(shown: Shown) -> None:
    """Draw m against ef_search, where the run has several of both."""
    trials = [
        t
        for t in shown.copies
        if t.is_measured
        and t.method == "hnsw"
        and not {"as", "only"} & set(t.options)
        and len(t.setting) == 1
    ]
    built = {t.options["ef_construction"] for t in trials}
    values = {t.setting["ef_search"] for t in trials}
    builds = {(t.options["m"], t.options["ef_construction"]) for t in trials}
    if len(builds) < 2 or len(values) < 2 or shown.plan.target:
        return
    with st.container(border=True):
        heading(
            "HNSW: m by ef_search",
            f"{_built_with(built)}; p95 is shaded the other way round: the same shade is better",
        )
        st.plotly_chart(
            more_charts.recall_and_latency_by_build(trials),
            key="map of m",
            config=charts.PLAIN,
            alt="Recall and p95 latency by build and ef_search; the table of trials has the figures",
        )


def _built_with(values: set[int | str]) -> str:
    if len(values) == 1:
        return f"ef_construction = {values.pop()}"
    return "each m with each ef_construction"
