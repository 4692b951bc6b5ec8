"""The frontier: what recall each setting reaches at what latency, whole, and enlarged where it decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import plotly.graph_objects as go

from dashboard.benchmark.target import Target
from dashboard.benchmark.verdict import index_name, setting_name
from dashboard.ui.charts import GOOD, INK, Style, laid_out, log_axis, note, styles
from dashboard.ui.units import counted
from db.runs import EXACT, Trial

ENLARGED = 0.84
"""Recall from which the inset enlarges: below, few would use an index."""

_INSET_X, _INSET_Y = (0.50, 0.985), (0.13, 0.60)
_FRAME = {"x0": 0.42, "x1": 1, "y0": 0.03, "y1": 0.67}
"""Where the inset lies on the plot, and the frame around it with its labels; in shares of the plot."""


def recall_against_latency(
    trials: Sequence[Trial],
    *,
    k: int,
    target: Target,
    best: Trial | None = None,
    ties: int = 0,
    height: int = 410,
) -> go.Figure:
    """Draw every measured trial: its recall over the full range against its p95 latency on a log axis.

    Points of one index are joined in the order of its setting; whiskers are 95 % intervals, both ways;
    ``best`` is ringed, and ``ties`` others are not slower for sure.  An inset enlarges the upper end where
    points crowd there and leave room for it.
    """
    measured = [trial for trial in trials if trial.is_measured]
    low, high = _reach(measured, target.p95_ms)
    close = _enlarged(measured, low, high)
    looks = styles(measured)
    figure = go.Figure()
    for axes in ("", "2") if close else ("",):
        for name, points in groupby(measured, key=index_name):
            labelled = axes == "2" or not close
            figure.add_scatter(**_line(list(points), looks[name], axes, labelled=labelled))
        figure.add_shape(_target_area(target, low, axes))
        if best:
            figure.add_scatter(**_ring(best, axes))
    if best:
        inside = best in close
        figure.add_annotation(
            _best_note(best, ties, "2", *_reach(close)) if inside else _best_note(best, ties, "", low, high)
        )
    layout: dict[str, Any] = {
        "xaxis": log_axis("p95 latency, ms (log scale)", low, high),
        "yaxis": {"title": f"recall@{k}", "range": [0, 1.04], "dtick": 0.2, "tickformat": ".1f"},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    }
    if close:
        layout |= _inset(figure, close)
    return laid_out(figure, height, **layout)


def in_words(trials: Sequence[Trial], k: int) -> str:
    """Tell the frontier in words, for who cannot see it."""
    told = [
        f"{index_name(t)} {setting_name(t)}: recall {t.measures['recall']:.3f}, p95 {_p95(t):.3g} ms"
        for t in trials
        if t.is_measured
    ]
    return f"Recall at {k} against p95 latency. " + "; ".join(told)


def _p95(trial: Trial) -> float:
    return trial.measures["p95_ms"]


def _recall(trial: Trial) -> float:
    return trial.measures["recall"]


def _line(points: Sequence[Trial], style: Style, axes: str, *, labelled: bool) -> dict[str, Any]:
    method = points[0].method
    lines = "markers" if method == EXACT else "lines+markers"
    return {
        "x": [_p95(t) for t in points],
        "y": [_recall(t) for t in points],
        "xaxis": f"x{axes}",
        "yaxis": f"y{axes}",
        "name": index_name(points[0]),
        "legendgroup": index_name(points[0]),
        "showlegend": not axes,
        "mode": f"{lines}+text" if labelled else lines,
        "text": [" ".join(map(str, t.setting.values())) for t in points],
        "textposition": "bottom right",
        "textfont": {"size": 11, "color": INK},
        "customdata": [_hover(t) for t in points],
        "hovertemplate": "%{customdata}<extra></extra>",
        "line": {"color": style.color, "dash": style.dash, "width": 2},
        "marker": {
            "color": style.color,
            "symbol": style.symbol,
            "size": 12 if method == EXACT else 8,
        },
        "error_x": _whiskers(points, "p95_ms"),
        "error_y": _whiskers(points, "recall"),
    }


def _whiskers(points: Sequence[Trial], key: str) -> dict[str, Any]:
    return {
        "array": [t.measures[f"{key}_high"] - t.measures[key] for t in points],
        "arrayminus": [t.measures[key] - t.measures[f"{key}_low"] for t in points],
        "thickness": 1,
        "width": 2,
    }


def _hover(trial: Trial) -> str:
    """Name a trial with its recall and latencies, each with its 95 % interval."""
    m = trial.measures
    recall = f"recall {m['recall']:.3f} [{m['recall_low']:.3f}, {m['recall_high']:.3f}]"
    latencies = [
        f"{key[:3]} {m[key]:.3g} ms [{m[f'{key}_low']:.3g}, {m[f'{key}_high']:.3g}]"
        for key in ("p50_ms", "p95_ms", "p99_ms")
    ]
    return "<br>".join([index_name(trial), setting_name(trial), recall, *latencies])


def _target_area(target: Target, low: float, axes: str) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": f"x{axes}",
        "yref": f"y{axes}",
        "x0": 10 ** (low - 1),
        "x1": target.p95_ms,
        "y0": target.recall,
        "y1": 1.02,
        "fillcolor": GOOD,
        "opacity": 0.14,
        "line_width": 0,
        "layer": "below",
    }


def _ring(best: Trial, axes: str) -> dict[str, Any]:
    return {
        "x": [_p95(best)],
        "y": [_recall(best)],
        "xaxis": f"x{axes}",
        "yaxis": f"y{axes}",
        "mode": "markers",
        "showlegend": False,
        "hoverinfo": "skip",
        "marker": {"symbol": "circle-open", "size": 20, "color": INK, "line": {"width": 2.5}},
    }


def _best_note(best: Trial, ties: int, axes: str, low: float, high: float) -> dict[str, Any]:
    place = f"no real difference to {counted(ties, 'other')}" if ties else "cheapest in target"
    x = math.log10(_p95(best))
    towards_the_middle = -1 if x > (low + high) / 2 else 1
    return note(
        f"<b>{setting_name(best)}</b><br>{place}",
        x=x,
        y=_recall(best),
        xref=f"x{axes}",
        yref=f"y{axes}",
    ) | {"showarrow": True, "ax": 52 * towards_the_middle, "ay": 56, "arrowwidth": 1, "arrowcolor": INK}


def _enlarged(trials: Sequence[Trial], low: float, high: float) -> list[Trial]:
    """Choose the trials to enlarge; none where they are few, or others lie where the inset would."""
    near = [t for t in trials if _recall(t) >= ENLARGED and t.method != EXACT]
    left_of_frame = low + (_FRAME["x0"] - 0.05) * (high - low)
    hidden = [t for t in trials if _recall(t) < _FRAME["y1"] and math.log10(_p95(t)) > left_of_frame]
    return near if len(near) >= 3 and not hidden else []


def _inset(figure: go.Figure, close: Sequence[Trial]) -> dict[str, Any]:
    figure.add_shape(
        type="rect", xref="paper", yref="paper", **_FRAME, line={"color": INK, "width": 0.6}, opacity=0.5
    )
    figure.add_annotation(
        note(
            f"recall {ENLARGED} to 1 enlarged",
            x=_FRAME["x0"] + 0.01,
            y=_FRAME["y1"] - 0.005,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="top",
        )
    )
    low, high = _reach(close)
    return {
        "xaxis2": log_axis(None, low, high) | {"domain": _INSET_X, "anchor": "y2"},
        "yaxis2": {
            "domain": _INSET_Y,
            "anchor": "x2",
            "range": [ENLARGED, 1.015],
            "tickvals": [0.85, 0.9, 0.95, 1],
            "tickformat": ".2f",
        },
    }


def _reach(trials: Sequence[Trial], *others_ms: float) -> tuple[float, float]:
    """Exponents between which the latencies of ``trials`` lie with their whiskers, with air on both sides."""
    lows = [trial.measures["p95_ms_low"] for trial in trials]
    highs = [trial.measures["p95_ms_high"] for trial in trials]
    return math.log10(min(*lows, *others_ms) / 1.4), math.log10(max(*highs, *others_ms) * 1.4)
