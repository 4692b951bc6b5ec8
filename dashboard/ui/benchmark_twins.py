"""The tables beside the charts of a run: the same figures, to be read and copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.benchmark.growth_arms import Arm
from dashboard.benchmark.load import sent_of_due
from dashboard.benchmark.verdict import index_name, place_name, setting_name
from dashboard.ui.benchmark_charts import Bars
from dashboard.ui.charts import figure_of
from db.runs import Figures, Trial

SHARES = (5, 25, 50, 75, 90, 95, 99)


def draw(frame: pd.DataFrame, alt: str) -> None:
    """Draw a table of figures with three digits that count."""
    figures = [name for name in frame.columns if pd.api.types.is_float_dtype(frame[name])]
    st.dataframe(
        frame,
        hide_index=True,
        height="content",
        placeholder="-",
        alt=alt,
        key=alt,
        column_config={name: st.column_config.NumberColumn(format="%.3g") for name in figures}
        | {name: st.column_config.NumberColumn(format="localized") for name in ("Rows", "QPS")},
    )


_INTERVALS = {
    "recall": "Recall@k",
    "worst_decile": "Worst tenth",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "p99_ms": "p99 ms",
    "qps": "QPS",
    "speedup": "Times exact",
}
"""Measures by how the table of intervals names them."""


def intervals(trials: Sequence[Trial]) -> pd.DataFrame:
    """List every measure of the trials that have any as ``1.12 [1.05, 1.20]``."""
    measured = [trial for trial in trials if trial.is_measured]
    named = {
        "Index": [index_name(trial) for trial in measured],
        "Setting": [setting_name(trial) for trial in measured],
    }
    figures = {name: [_bounded(t.measures, key) for t in measured] for key, name in _INTERVALS.items()}
    return pd.DataFrame(named | figures)


def _bounded(measures: Mapping[str, float], key: str) -> str | None:
    """Write a figure with its bounds; None where a run of an earlier release has none."""
    if f"{key}_low" not in measures:
        return None
    value, low, high = (figure_of(measures[f"{key}{end}"]) for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


def by_size(arms: Sequence[Arm]) -> pd.DataFrame:
    """List what each index and setting took at each size."""
    return pd.DataFrame(
        [
            {
                "Index and setting": arm.name,
                "Rows": trial.rows,
                "p50 ms": trial.measures["p50_ms"],
                "p95 ms": trial.measures["p95_ms"],
                "Recall": trial.measures["recall"],
                "Build s": trial.build_s,
                "Exponent": f"{arm.growth.exponent.value:.2f} [{arm.growth.exponent.low:.2f}, "
                f"{arm.growth.exponent.high:.2f}]"
                if arm.growth
                else None,
            }
            for arm in arms
            for trial in arm.trials
        ]
    )


def quantiles(trials: Sequence[Trial], figures: Mapping[int, Figures]) -> pd.DataFrame:
    """List latency and recall at some shares of the queries, the worst recall at the smallest share."""
    return pd.DataFrame(
        [
            {"Index": index_name(trial), "Setting": setting_name(trial), "Figure": what}
            | {f"{share} %": float(np.percentile(values, share)) for share in SHARES}
            for trial in trials
            for what, values in (
                ("latency, ms", figures[trial.position].latencies_ms),
                ("recall", figures[trial.position].recalls),
            )
        ]
    )


def loads(trials: Sequence[Trial]) -> pd.DataFrame:
    """List what each number of clients got."""
    return pd.DataFrame(
        [
            {
                "Index": place_name(trial) + index_name(trial),
                "Setting": setting_name(trial),
                "Clients": point["clients"],
                "Loop": f"open, {point['rate']:,.0f}/s" if point["rate"] else "closed",
                "Sent of due": sent_of_due(point),
                "QPS": round(point["qps"]),
                "95 % interval": f"{point['qps_low']:,.0f} to {point['qps_high']:,.0f}",
                "p50 ms": point["p50_ms"],
                "p95 ms": point["p95_ms"],
                "p99 ms": point["p99_ms"],
                "Errors": point["errors"],
            }
            for trial in trials
            for point in trial.load
        ]
    )


def costs(trials: Sequence[Trial], panels: Sequence[Bars]) -> pd.DataFrame:
    """List what the bars of every panel say."""
    return pd.DataFrame(
        [
            {"Index": index_name(trial)}
            | {panel.title.capitalize(): panel.written(trial) for panel in panels}
            | {
                f"{panel.title.capitalize()}: forecast": panel.beside(trial)
                for panel in panels
                if panel.beside
            }
            for trial in trials
        ]
    )
