"""Latency against rows, log-log: what was measured, and a line with its band."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.benchmark.growth import Growth
from dashboard.benchmark.growth_arms import FAR, Arm
from dashboard.benchmark.target import Target
from dashboard.ui.charts import INK, Style, laid_out, log_axis, note, series_name, styles

AHEAD = 8
"""How many times the rows measured the lines go on, at least."""


def latency_by_rows(arms: Sequence[Arm], *, target: Target, height: int = 420) -> go.Figure:
    """Draw every arm: markers where it was measured, a dotted line and a band where it is an ~estimate."""
    figure = go.Figure()
    looks = styles([arm.trials[0] for arm in arms], series_name)
    reach = _reach(arms, target)
    for arm in arms:
        style = looks[arm.name]
        if arm.growth:
            for part in _estimate(arm.growth, arm.trials[0].rows or 1, reach, style):
                figure.add_scatter(**part)
        figure.add_scatter(**_measured(arm, style))
    figure.add_hline(y=target.p95_ms, line={"color": INK, "width": 1.2, "dash": "dot"})
    for crossing in _crossings(arms, target, reach):
        figure.add_scatter(**crossing)
    least = min(t.rows or 1 for arm in arms for t in arm.trials)
    values = [t.measures["p95_ms"] for arm in arms for t in arm.trials]
    values += [arm.growth.at(reach).high for arm in arms if arm.growth] + [target.p95_ms]
    low = math.log10(least / 1.4)
    figure.add_annotation(
        note(
            f"target {target.p95_ms:g} ms",
            x=low,
            y=math.log10(target.p95_ms),
            xanchor="left",
            yanchor="bottom",
        )
    )
    y = log_axis("p95 latency, ms (log scale)", math.log10(min(values) / 1.5), math.log10(max(values) * 1.5))
    return laid_out(
        figure,
        height,
        xaxis=log_axis("rows (log scale)", low, math.log10(reach * 1.1)),
        yaxis=y,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )


def _reach(arms: Sequence[Arm], target: Target) -> float:
    """Rows up to which the lines are drawn: past the crossing of exact search where that is near enough."""
    largest = max(t.rows or 1 for arm in arms for t in arm.trials)
    crossings = [arm.growth.crossing(target.p95_ms) for arm in arms if arm.growth and arm.is_exact]
    near = [band.value * 3 for band in crossings if band and band.value < largest * FAR]
    return max([largest * AHEAD, *near])


def _measured(arm: Arm, style: Style) -> dict[str, Any]:
    values = [trial.measures["p95_ms"] for trial in arm.trials]
    return {
        "x": [trial.rows for trial in arm.trials],
        "y": values,
        "name": arm.name,
        "mode": "lines+markers",
        "line": {"color": style.color, "width": 2},
        "marker": {"color": style.color, "symbol": style.symbol, "size": 9},
        "error_y": {
            "array": [t.measures["p95_ms_high"] - v for t, v in zip(arm.trials, values, strict=True)],
            "arrayminus": [v - t.measures["p95_ms_low"] for t, v in zip(arm.trials, values, strict=True)],
            "thickness": 1.2,
            "width": 3,
        },
        "hovertemplate": "%{x:,} rows: p95 %{y:.3g} ms<extra>%{fullData.name}</extra>",
    }


def _estimate(growth: Growth, least: int, reach: float, style: Style) -> Iterator[dict[str, Any]]:
    rows = np.geomspace(least, reach, 30)
    bands = [growth.at(float(at)) for at in rows]
    quiet = {"showlegend": False, "hoverinfo": "skip"}
    yield {
        "x": [*rows, *rows[::-1]],
        "y": [*(band.high for band in bands), *(band.low for band in reversed(bands))],
        "fill": "toself",
        "mode": "none",
        "fillcolor": style.color,
        "opacity": 0.16,
        **quiet,
    }
    yield {
        "x": rows,
        "y": [band.value for band in bands],
        "mode": "lines",
        "line": {"color": style.color, "dash": "dot", "width": 1.6},
        **quiet,
    }


def _crossings(arms: Sequence[Arm], target: Target, reach: float) -> Iterator[dict[str, Any]]:
    for arm in arms:
        band = arm.growth.crossing(target.p95_ms) if arm.growth else None
        if band and band.value <= reach:
            yield {
                "x": [band.value],
                "y": [target.p95_ms],
                "mode": "markers",
                "marker": {"symbol": "circle-open", "size": 16, "color": INK, "line": {"width": 2}},
                "showlegend": False,
                "hoverinfo": "skip",
            }
