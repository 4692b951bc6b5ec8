"""The trials of a run as a table, what is to say about each, and the run to take away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.benchmark.export import FORMATS
from dashboard.benchmark.verdict import index_name, setting_name
from dashboard.ui import benchmark_tables as tables
from dashboard.ui import benchmark_twins as twins
from dashboard.ui.benchmark_reads import exported, shares_under
from dashboard.ui.benchmark_shown import Shown
from dashboard.ui.messages import escaped
from dashboard.ui.units import counted
from db.runs import Run, Trial

SHOWN_WHOLE = 24
"""A table of more trials scrolls in itself, so that what is below stays in reach."""


def heading(title: str, note: str) -> None:
    """Draw a card's title with its note close below."""
    with st.container(gap=None):
        st.subheader(title, anchor=False)
        st.caption(note)


def trials_card(shown: Shown) -> None:
    """Draw every trial with where it stands, what is to say about it, and the run to take away."""
    run, trials = shown.run, shown.every
    void = [trial for trial in trials if not trial.is_measured]
    with st.container(border=True):
        left, right = st.columns([1, 1], vertical_alignment="center")
        with left:
            heading(
                "Trials",
                f"{counted(len(trials), 'trial')}, {len(trials) - len(void)} measured · "
                f"one client{_of(shown)}",
            )
        with right.container(horizontal=True, horizontal_alignment="right"):
            _downloads(run)
        under = shares_under(run.id, shown.target.recall)
        trial_table(tables.judged(trials, shown.verdict, under), shown.k)
        if any(trial.is_short for trial in trials):
            st.caption(
                f":material/info: A trial of fewer queries than {run.queries or 0:,} was ended when its "
                "interval had decided the recall. It shows where the recall begins to be reached; it "
                "does not compete, and is in no chart."
            )
        with st.expander("Every figure with its 95 % interval", icon=":material/expand:"):
            twins.draw(twins.intervals(trials), "Every measure of each trial with its 95 % interval")
        _remarks(trials)


def _remarks(trials: Sequence[Trial]) -> None:
    """Say below the table what befell trials, once each."""
    said: dict[str, str] = {}
    for trial in trials:
        if trial.reason and trial.arm != "live":
            word = "" if trial.is_measured else " is void"
            said.setdefault(trial.reason, f"{index_name(trial)}, {setting_name(trial)}{word}")
    for reason, subject in said.items():
        icon = ":material/block:" if subject.endswith("void") else ":material/info:"
        st.caption(f"{icon} **{escaped(subject)}:** {escaped(reason)}")


def _of(shown: Shown) -> str:
    if len(shown.every) == len(shown.run.trials):
        return ""
    where = f", where {shown.subset}" if shown.subset else ""
    return f" · k = {shown.k}{where}; the run has {len(shown.run.trials)} in all"


def _downloads(run: Run) -> None:
    for each in FORMATS:
        st.download_button(
            each.label,
            lambda each=each: exported(run.id, each.name),  # type: ignore[misc]
            f"run-{run.id}.{each.suffix}",
            each.mime,
            icon=":material/download:",
            key=f"export {each.name}",
            help=each.about,
            on_click="ignore",
        )


def trial_table(frame: pd.DataFrame, k: int) -> None:
    """Draw trials."""
    st.dataframe(
        frame,
        hide_index=True,
        key="trials",
        height="content" if len(frame) <= SHOWN_WHOLE else 760,
        placeholder="-",
        alt="The trials of this run: verdict, index, setting, plan, recall, latencies, build time and size",
        column_config=_columns(k),
    )


def _columns(k: int) -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    return {
        # A multiselect column draws coloured chips in a read-only table: sign, word and colour.
        "Verdict": st.column_config.MultiselectColumn(
            options=list(tables.CHIP_COLORS), color=list(tables.CHIP_COLORS.values()), width=104
        ),
        "Index": text(width=190),
        "Setting": text(width=88),
        "Rows": number(format="localized", width=62),
        "Queries": number(format="localized", width=56, help="So many had decided the recall, or all"),
        "Recall": st.column_config.ProgressColumn(
            f"Recall@{k}", format="%.3f", min_value=0, max_value=1, width=88
        ),
        "95 % interval": text(width=78),
        "Worst tenth": number(
            "Worst",
            format="%.2f",
            width=52,
            help="Mean recall of the tenth of the queries that were answered worst",
        ),
        "Under target": number(
            "Under",
            format="percent",
            width=58,
            help="Share of the queries with less recall than the target",
        ),
        **{name: number(format="%.2f", width=49) for name in ("p50 ms", "p95 ms", "p99 ms")},
        "p95 interval": text("p95, 95 %", width=86, help="The 95 % interval of p95, ms; others below"),
        "QPS": number(format="%,.0f", width=46),
        "Server ms": number(
            format="%.2f",
            width=60,
            help="Median time the server spent planning and executing, of 20 queries",
        ),
        "Build s": number(format="%.1f", width=48),
        "Size MB": number(format="%.1f", width=54),
        "Missing": number(format="percent", width=58, help="Share of the rows asked for that did not come"),
        "Buffers": number(format="localized", width=58, help="Blocks a query reads, median: hit and read"),
        "Began": text(
            width=50,
            help="Whether its first query found its blocks in memory (warm) or had them read (cold); "
            "what is timed comes after a warm-up",
        ),
        "Plan": text(width=72, help="The node that read the table; a trial without the expected one is void"),
    }
