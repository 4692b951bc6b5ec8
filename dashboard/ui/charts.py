"""Benchmark results as Plotly figures: one function per question, no Streamlit.

Streamlit's theme replaces the placeholder colours #000001, #000002... by the palette of the mode in use,
in the browser, so that one figure serves light and dark.  It is undocumented: tests/browser holds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import plotly.graph_objects as go

from dashboard.benchmark.verdict import Target, index_name, setting_name
from db.runs import Trial

GOOD, INK = "#000032", "#000036"
"""The theme's green and its text grey."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a method is drawn everywhere: never told by colour alone."""

    color: str
    symbol: str
    dash: str
    pattern: str


STYLES = {
    "hnsw": Style("#000001", "circle", "solid", ""),
    "ivfflat": Style("#000002", "square", "dash", "/"),
    "exact": Style("#000003", "diamond", "dot", "."),
}

_LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
"""Above the plot, where it covers no point."""


def recall_against_latency(
    trials: Sequence[Trial], *, k: int, target: Target, best: Trial | None = None, height: int = 410
) -> go.Figure:
    """Draw every measured trial: its recall over the full range against its p95 latency on a log axis.

    Points of one index are joined in the order of its setting; whiskers are 95 % intervals; ``best`` is
    ringed.
    """
    measured = [trial for trial in trials if trial.is_measured]
    figure = go.Figure()
    for variant, points in _by_index(measured):
        figure.add_scatter(**_frontier_line(points, variant))
    low, high = _log_range([*(t.measures["p95_ms"] for t in measured), target.p95_ms])
    figure.add_shape(
        type="rect",
        x0=10**low,
        x1=target.p95_ms,
        y0=target.recall,
        y1=1.02,
        fillcolor=GOOD,
        opacity=0.14,
        line_width=0,
        layer="below",
    )
    _note(figure, "target", x=low, y=1.02, xanchor="left", yanchor="top", xshift=4)
    if best:
        _ring(figure, best)
    return _plain(
        figure,
        height,
        xaxis=_log_axis("p95 latency, ms (log scale)", low, high),
        yaxis={"title": f"recall@{k}", "range": [0, 1.04], "dtick": 0.2, "tickformat": ".1f"},
        legend=_LEGEND,
    )


def frontier_alt(trials: Sequence[Trial], k: int) -> str:
    """Tell the same in words, for who cannot see it."""
    told = [
        f"{index_name(t)} {setting_name(t)}: recall {t.measures['recall']:.3f}, p95 {t.measures['p95_ms']:.3g} ms"
        for t in trials
        if t.is_measured
    ]
    return f"Recall at {k} against p95 latency. " + "; ".join(told)


def latency_with_and_without(trials: Sequence[Trial], *, target: Target, height: int = 410) -> go.Figure:
    """Draw one bar per trial given: p95 latency on a log axis, its exact length written beside it."""
    figure = go.Figure()
    for trial in reversed(trials):
        style = STYLES[trial.method]
        p95_ms = trial.measures["p95_ms"]
        figure.add_bar(
            x=[p95_ms],
            y=[_bar_name(trial)],
            orientation="h",
            width=0.52,
            marker={
                "color": style.color,
                "pattern": {"shape": style.pattern, "fillmode": "overlay", "size": 6},
            },
            text=[f"{p95_ms:,.3g} ms"],
            textposition="outside",
            cliponaxis=False,
            showlegend=False,
            hovertemplate=f"{_bar_name(trial)}<br>p95 %{{x:.3g}} ms<extra></extra>",
        )
    low, high = _log_range([*(t.measures["p95_ms"] for t in trials), target.p95_ms])
    figure.add_vline(x=target.p95_ms, line={"color": INK, "width": 1.2, "dash": "dot"})
    _note(
        figure,
        f"target {target.p95_ms:g} ms",
        x=math.log10(target.p95_ms),
        y=1.0,
        yref="paper",
        yanchor="bottom",
    )
    return _plain(
        figure,
        height,
        xaxis=_log_axis("p95 latency, ms (log scale)", low, high + 0.25),
        yaxis={"title": None, "automargin": True},
        bargap=0.3,
    )


def _by_index(trials: Iterable[Trial]) -> Iterable[tuple[int, list[Trial]]]:
    """Group the trials by index; the number counts the variants of one method."""
    seen: dict[str, int] = {}
    for (method, _), points in groupby(trials, key=lambda t: (t.method, t.options)):
        variant = seen[method] = seen.get(method, -1) + 1
        yield variant, list(points)


def _frontier_line(points: Sequence[Trial], variant: int) -> dict[str, Any]:
    method = points[0].method
    style = STYLES[method]
    recalls = [t.measures["recall"] for t in points]
    return {
        "x": [t.measures["p95_ms"] for t in points],
        "y": recalls,
        "name": index_name(points[0]),
        "mode": "markers" if method == "exact" else "lines+markers+text",
        "text": [" ".join(str(value) for value in t.setting.values()) for t in points],
        "customdata": [f"{index_name(t)}<br>{setting_name(t)}" for t in points],
        "textposition": "bottom right",
        "textfont": {"size": 11, "color": INK},
        "line": {"color": style.color, "dash": style.dash, "width": 2},
        "marker": {
            "color": style.color,
            "symbol": style.symbol + ("" if variant == 0 else "-open"),
            "size": 12 if method == "exact" else 8,
        },
        "error_y": {
            "array": [t.measures["recall_high"] - r for t, r in zip(points, recalls, strict=True)],
            "arrayminus": [r - t.measures["recall_low"] for t, r in zip(points, recalls, strict=True)],
            "thickness": 1.2,
            "width": 3,
        },
        "hovertemplate": "%{customdata}<br>recall %{y:.3f}, p95 %{x:.3g} ms<extra></extra>",
    }


def _ring(figure: go.Figure, best: Trial) -> None:
    p95_ms, recall = best.measures["p95_ms"], best.measures["recall"]
    figure.add_scatter(
        x=[p95_ms],
        y=[recall],
        mode="markers",
        showlegend=False,
        hoverinfo="skip",
        marker={"symbol": "circle-open", "size": 20, "color": INK, "line": {"width": 2.5}},
    )
    figure.add_annotation(
        text=f"<b>{setting_name(best)}</b><br>cheapest in target",
        x=math.log10(p95_ms),
        y=recall,
        ax=48,
        ay=70,
        arrowwidth=1,
        arrowcolor=INK,
        font={"size": 12, "color": INK},
    )


def _note(figure: go.Figure, text: str, **place: Any) -> None:
    """Write on the plot; on a log axis ``x`` is the exponent."""
    figure.add_annotation(text=text, showarrow=False, font={"size": 11, "color": INK}, **place)


def _bar_name(trial: Trial) -> str:
    if trial.method == "exact":
        return "No index"
    return f"{index_name(trial)}<br>{setting_name(trial)}"


def _log_range(values: Sequence[float]) -> tuple[float, float]:
    """Exponents that leave air on both sides of ``values``."""
    return math.log10(min(values) / 1.6), math.log10(max(values) * 1.6)


def _log_axis(title: str, low: float, high: float) -> dict[str, Any]:
    decades = range(math.floor(low), math.ceil(high) + 1)
    ticks = [m * 10.0**d for d in decades for m in (1, 2, 5) if low <= math.log10(m * 10.0**d) <= high]
    return {
        "title": title,
        "type": "log",
        "range": [low, high],
        "tickvals": ticks,
        "ticktext": [f"{tick:,g}" for tick in ticks],
    }


def _plain(figure: go.Figure, height: int, **layout: Any) -> go.Figure:
    return figure.update_layout(height=height, margin={"l": 0, "r": 0, "t": 8, "b": 0}, **layout)
