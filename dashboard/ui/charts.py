"""How every chart looks, and the bars of latency; results become Plotly figures, no Streamlit.

Streamlit's theme replaces the placeholder colours #000001, #000002... by the palette of the mode in use,
in the browser, so that one figure serves light and dark.  It is undocumented: tests/browser holds it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import plotly.graph_objects as go

from dashboard.benchmark.target import Target
from dashboard.benchmark.verdict import index_name, place_name, setting_name
from db.runs import EXACT, Trial

GOOD, INK = "#000032", "#000036"
"""The theme's green and its text grey."""

ZOOMED = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "toImage"]}
"""The same with a toolbar on hover: to zoom, and back."""

PLAIN = {"displayModeBar": False}
"""Plotly's configuration: no toolbar over the plot."""


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
    EXACT: Style("#000003", "diamond", "dot", "."),
}
"""The first index of each method."""

_FURTHER = (
    ("#000004", "triangle-up", "\\"),
    ("#000005", "cross", "x"),
    ("#000006", "pentagon", "-"),
    ("#000007", "star", "|"),
    ("#000008", "hexagon", "+"),
    ("#000009", "triangle-down", ""),
    ("#000010", "x", "/"),
)


def series_name(trial: Trial) -> str:
    """Name a trial where it is a line of its own: the index and, where there is one, how it is searched."""
    return f"{drawn_name(trial)}, {setting_name(trial)}" if trial.setting else drawn_name(trial)


def drawn_name(trial: Trial) -> str:
    """Name what has a look of its own: an index, on a copy or on the live table."""
    return place_name(trial) + index_name(trial)


def styles(trials: Iterable[Trial], name_of: Callable[[Trial], str] = drawn_name) -> dict[str, Style]:
    """Give every name a look of its own, an index's unless told else: a method's first has that method's."""
    given: dict[str, Style] = {}
    more = cycle(_FURTHER)
    for trial in trials:
        name, usual = name_of(trial), STYLES[trial.method]
        if name in given:
            continue
        if usual in given.values():
            color, symbol, pattern = next(more)
            usual = Style(color, symbol, usual.dash, pattern)
        given[name] = usual
    return given


def latency_with_and_without(trials: Sequence[Trial], *, target: Target, height: int = 410) -> go.Figure:
    """Draw one bar per trial: p95 latency on a log axis, written beside it, against the target's line."""
    figure = go.Figure()
    looks = styles(trials)
    for trial in reversed(trials):
        figure.add_bar(**_bar(trial, looks[index_name(trial)]))
    values = [*(trial.measures["p95_ms"] for trial in trials), target.p95_ms]
    # Bars start at a power of ten, so that the same lengths mean the same in two runs alike.
    low, high = math.floor(math.log10(min(values) / 1.2)), math.log10(max(values) * 5)
    figure.add_vline(x=target.p95_ms, line={"color": INK, "width": 1.2, "dash": "dot"})
    figure.add_annotation(
        note(f"target {target.p95_ms:g} ms", x=math.log10(target.p95_ms), y=1, yref="paper", yanchor="bottom")
    )
    return laid_out(
        figure,
        height,
        xaxis=log_axis("p95 latency, ms (log scale)", low, high),
        yaxis={"automargin": True},
        margin={"l": 0, "r": 0, "t": 24, "b": 0},
    )


def _bar(trial: Trial, style: Style) -> dict[str, Any]:
    p95_ms = trial.measures["p95_ms"]
    name = "No index" if trial.method == EXACT else f"{index_name(trial)}<br>{setting_name(trial)}"
    return {
        "x": [p95_ms],
        "y": [name],
        "orientation": "h",
        "width": 0.52,
        "marker": {
            "color": style.color,
            "pattern": {"shape": style.pattern, "fillmode": "overlay", "size": 6},
        },
        "text": [f"{figure_of(p95_ms)} ms"],
        "textposition": "outside",
        "cliponaxis": False,
        "showlegend": False,
        "hovertemplate": f"{name}<br>p95 %{{text}}<extra></extra>",
    }


LEAST_WRITTEN, MOST_WRITTEN = 1e-6, 1e15
"""Beyond these a number is told by its exponent."""


def figure_of(value: float) -> str:
    """Write a measured number with three digits that count; with an exponent only where zeros would crowd.

    >>> figure_of(0.40712), figure_of(5.5), figure_of(2916.4), figure_of(1.4e-45)
    ('0.407', '5.50', '2,916', '1.4e-45')
    """
    if value == 0:
        return "0"
    if not LEAST_WRITTEN <= abs(value) < MOST_WRITTEN:
        return f"{value:.3g}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def note(text: str, **place: Any) -> dict[str, Any]:
    """Make an annotation without an arrow; on a log axis ``x`` is the exponent."""
    return {"text": text, "showarrow": False, "font": {"size": 11, "color": INK}, **place}


def log_axis(title: str | None, low: float, high: float) -> dict[str, Any]:
    """Make an axis from 10**low to 10**high with ticks at 1, 2 and 5; at powers of ten if those crowd."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    steps = (1, 2, 5) if high - low < 3 else (1,)
    ticks = [step * 10.0**d for d in decades for step in steps]
    shown = [tick for tick in ticks if low <= math.log10(tick) <= high]
    return {
        "title": title,
        "type": "log",
        "range": [low, high],
        "tickvals": shown,
        "ticktext": [f"{tick:,g}" for tick in shown],
    }


def laid_out(figure: go.Figure, height: int, **layout: Any) -> go.Figure:
    """Give a figure its height and no margins but those its labels need."""
    return figure.update_layout(height=height, **{"margin": {"l": 0, "r": 0, "t": 8, "b": 0}, **layout})
