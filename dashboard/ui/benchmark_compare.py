"""Two runs beside each other: what changed, by how much, and whether the queries decide it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard.benchmark.compare import Pair, asked_the_same, changed, drift, other_cpu
from dashboard.benchmark.statistics import Difference, Verdict
from dashboard.benchmark.verdict import index_name, place_name, setting_name
from dashboard.ui.benchmark_reads import compared
from dashboard.ui.benchmark_shown import Shown
from dashboard.ui.benchmark_trials import heading
from dashboard.ui.messages import escaped
from dashboard.ui.units import counted
from db.runs import Run

CHIPS = {
    Verdict.BETTER: ("▲ better", "green"),
    Verdict.WORSE: ("▼ worse", "orange"),
    Verdict.SAME: ("= no real difference", "gray"),
}
DRIFTED = 0.1
"""Exact search that changed by more than this between two runs says that the machine did."""


def compare_card(before: Run, shown: Shown) -> None:
    """Draw how the run shown differs from the run ``before``."""
    pairs = compared(before.id, shown.run.id, shown.k, shown.subset)
    with st.container(border=True):
        heading(f"Compared with run {before.id}", _about(before, shown.run))
        if not pairs:
            st.info(
                f"No index and setting was measured in both runs at k = {shown.k}"
                f"{f' where {shown.subset}' if shown.subset else ''}.",
                icon=":material/info:",
            )
            return
        st.markdown(f"**{_in_words(pairs)}**")
        for remark in _remarks(before, shown.run, pairs):
            st.caption(remark)
        _table(pairs, before.id, shown.run.id, shown.k)


def _about(before: Run, after: Run) -> str:
    paired = (
        "the same queries, each compared with itself" if asked_the_same(before, after) else "other queries"
    )
    return (
        f"{before.started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, by {escaped(before.created_by)} · "
        f"{paired} · 95 % intervals of the difference, by the bootstrap"
    )


def _in_words(pairs: Sequence[Pair]) -> str:
    said = []
    for key, label in (("recall", "recall"), ("p95_ms", "p95 latency")):
        counts = Counter(pair.differences[key].verdict for pair in pairs)
        parts = [f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict]]
        said.append(f"{label}: {', '.join(parts)}")
    return f"{counted(len(pairs), 'setting')} in both. {'; '.join(said).capitalize()}."


def _remarks(before: Run, after: Run, pairs: Sequence[Pair]) -> Iterator[str]:
    times = drift(pairs)
    if times and abs(times - 1) > DRIFTED:
        slower = "slower" if times > 1 else "faster"
        yield (
            f":material/warning: Exact search, which nothing changed, is {abs(times - 1):.0%} {slower} at "
            "the median: part of every change in latency is the machine's."
        )
    if told := other_cpu(before, after):
        yield f":material/memory: {escaped(told)}"
    noisy = [str(run.id) for run in (before, after) if (run.environment or {}).get("noise", {}).get("noisy")]
    if noisy:
        yield (
            f":material/warning: The machine was not quiet during run {' and '.join(noisy)}: a difference in "
            "latency may be another hour's, which no interval over queries tells."
        )
    if others := changed(before, after):
        yield f":material/swap_horiz: Changed in between: {escaped(', '.join(others))}"
    if before.fingerprint_before != after.fingerprint_before:
        yield ":material/table_edit: The table, or an index on it, is another than it was."


def _table(pairs: Sequence[Pair], before: int, after: int, k: int) -> None:
    rows = [
        {
            "Index": place_name(pair.after) + index_name(pair.after),
            "Setting": setting_name(pair.after),
            "Recall both": _both(pair, "recall", 3),
            "Recall change": _change(pair.differences["recall"], 3),
            "Recall": [CHIPS[pair.differences["recall"].verdict][0]],
            "p95 both": _both(pair, "p95_ms", 2),
            "p95 change": _change(pair.differences["p95_ms"], 2),
            "p95": [CHIPS[pair.differences["p95_ms"].verdict][0]],
        }
        for pair in pairs
    ]
    plain = st.column_config.TextColumn
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content",
        key="compared",
        alt=f"Settings measured in runs {before} and {after}: recall, p95 latency, their change, verdict",
        column_config={
            "Index": plain(width=182),
            "Setting": plain(width=88),
            "Recall both": plain(f"Recall@{k}, {before} → {after}", width=96),
            "Recall change": plain("change", width=142),
            "Recall": _chips("recall is"),
            "p95 both": plain(f"p95 ms, {before} → {after}", width=88),
            "p95 change": plain("change, ms", width=150),
            "p95": _chips("p95 is"),
        },
    )


def _chips(label: str) -> ColumnConfig:
    return st.column_config.MultiselectColumn(
        label,
        options=[chip for chip, _ in CHIPS.values()],
        color=[color for _, color in CHIPS.values()],
        width=124,
    )


def _both(pair: Pair, key: str, decimals: int) -> str:
    return f"{pair.before.measures[key]:.{decimals}f} → {pair.after.measures[key]:.{decimals}f}"


def _change(difference: Difference, decimals: int) -> str:
    return (
        f"{difference.delta:+.{decimals}f} [{difference.low:+.{decimals}f}, {difference.high:+.{decimals}f}]"
    )
