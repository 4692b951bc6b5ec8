"""The charts of findability: what is lost, value by value, and what each search setting finds."""

from __future__ import annotations

import html
import math

import plotly.graph_objects as go

from dashboard.inspection.findability import Findability, Group
from dashboard.ui.charts import INK, figure_of, laid_out, note
from dashboard.ui.inspect_charts import FIRST, HEIGHT, SECOND, THIRD

TARGET = 5.0
"""Percentage of lost rows that a line is drawn at: a page of twenty answers would miss one."""

MOST_LETTERS = 28


def lost_by_group(found: Findability) -> go.Figure:
    """Draw the share lost by value of the facet, from 0, so that lengths tell; with 95 % intervals."""
    groups = found.groups[::-1]
    shares = [100 * group.lost / group.probes for group in groups]
    figure = go.Figure()
    figure.add_bar(
        y=list(range(len(groups))),
        x=shares,
        orientation="h",
        width=0.62,
        marker={
            "color": [THIRD if share > TARGET else FIRST for share in shares],
            "pattern": {"shape": ["/" if share > TARGET else "" for share in shares], "fillmode": "overlay"},
        },
        customdata=[(name(group), group.probes) for group in groups],
        error_x={
            "type": "data",
            "array": [100 * g.interval.high - share for g, share in zip(groups, shares, strict=True)],
            "arrayminus": [share - 100 * g.interval.low for g, share in zip(groups, shares, strict=True)],
            "thickness": 1.6,
            "width": 5,
            "color": INK,
        },
        hovertemplate="%{customdata[0]}: %{x:.1f} % lost, n = %{customdata[1]:,}<extra></extra>",
    )
    for place, (group, share) in enumerate(zip(groups, shares, strict=True)):
        text = f"{'! ' if share > TARGET else ''}{100 - share:.1f} % found · n {group.probes:,}"
        figure.add_annotation(note(text, y=place, x=1, xref="paper", xanchor="right"))
    figure.add_vline(x=TARGET, line={"dash": "dot", "color": SECOND, "width": 1.5})
    line = note(f"target: under {TARGET:g} %", x=TARGET, y=1, yref="paper")
    figure.add_annotation(line | {"yanchor": "bottom", "xanchor": "left"})
    widest = max([TARGET, *(100 * group.interval.high for group in groups)])
    return laid_out(
        figure,
        max(150, 70 + 30 * len(groups)),
        showlegend=False,
        # The notes on the right need a third of the width.
        xaxis={
            "title": "rows that do not find themselves, % of probes",
            "range": [0, 1.55 * widest],
            "tickvals": ticks(widest),
        },
        yaxis={
            "tickvals": list(range(len(groups))),
            "ticktext": [name(group) for group in groups],
            "automargin": True,
            "range": [-0.6, len(groups) - 0.4],
        },
        margin={"l": 0, "r": 0, "t": 20, "b": 0},
    )


def ticks(highest: float) -> list[float]:
    """Choose round percentages up to ``highest``.

    >>> ticks(9.1), ticks(100)
    ([0.0, 2.5, 5.0, 7.5], [0.0, 25.0, 50.0, 75.0, 100.0])
    """
    step = next(step for step in (1, 2.5, 5, 10, 25) if 4 * step >= highest)
    return [float(place * step) for place in range(int(highest // step) + 1)]


def name(group: Group) -> str:
    """Name a group as Plotly, which reads markup in labels, will show it."""
    text = "no value" if group.value is None else group.value or "empty"
    return html.escape(text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…")


def found_by_setting(found: Findability) -> go.Figure:
    """Draw the share found against the search setting, with what one search took beside each point."""
    settings = [rung.setting for rung in found.rungs]
    shares = [100 * rung.found / found.probes for rung in found.rungs]
    now = [setting == found.setting for setting in settings]
    figure = go.Figure()
    figure.add_scatter(
        x=settings,
        y=shares,
        mode="lines+markers+text",
        line={"color": FIRST},
        marker={
            "size": [13 if here else 8 for here in now],
            "symbol": ["diamond" if here else "circle" for here in now],
            "color": [THIRD if here else FIRST for here in now],
        },
        text=[f"{figure_of(rung.search_ms)} ms" for rung in found.rungs],
        textposition="bottom center",
        cliponaxis=False,
        hovertemplate=f"{found.parameter} %{{x}}<br>%{{y:.2f}} % found<br>%{{text}} a search<extra></extra>",
    )
    room = max(0.5, 100 - min(shares))
    low, high = math.log10(min(settings)), math.log10(max(settings))
    edge = 0.1 * max(0.3, high - low)
    return laid_out(
        figure,
        HEIGHT,
        showlegend=False,
        xaxis={
            "title": f"{found.parameter}, log; ◆ in force",
            "type": "log",
            "tickvals": settings,
            "ticktext": [f"{setting:,}" for setting in settings],
            "range": [low - edge, high + edge],
        },
        yaxis={"title": "rows found, %", "range": [min(shares) - 0.4 * room, 100 + 0.12 * room]},
    )


def in_words(found: Findability) -> str:
    """Say what the chart by setting shows."""
    steps = (f"{rung.setting}: {rung.found:,} of {found.probes:,}" for rung in found.rungs)
    return f"Rows found by {found.parameter}: {', '.join(steps)}"
