"""The charts of an inspection: results become Plotly figures, no Streamlit; bars and lines as SVG."""

from __future__ import annotations

import math
from itertools import pairwise

import plotly.graph_objects as go

from dashboard.inspection.curves import Curve, Histogram, Ribbon
from dashboard.inspection.shape_checks import HUB_TIMES
from dashboard.ui.charts import INK, laid_out, log_axis, note
from dashboard.ui.units import counted

FIRST, SECOND, THIRD = "#000001", "#000002", "#000003"
"""The theme's own chart colours, see dashboard.ui.charts: the figure, a line across, what stands out."""

FAINT = "rgba(128,140,165,.22)"
"""Reads on light and on dark."""

HEIGHT = 270
LETTERS = "ABCDE"


def ladder(letter: str) -> go.Figure:
    """Draw the grades from A to E with one lit: theme headings stop short of a letter this large."""
    figure = go.Figure()
    for place, other in enumerate(LETTERS):
        lit = other == letter
        half = 0.44 if lit else 0.3
        figure.add_shape(
            type="rect",
            x0=place - half,
            x1=place + half,
            y0=-half,
            y1=half,
            line={"width": 0},
            fillcolor=FIRST if lit else FAINT,
        )
        font = {"size": 30, "color": "#FFFFFF"} if lit else {"size": 14, "color": INK}
        text = f"<b>{other}</b>" if lit else other
        figure.add_annotation(x=place, y=0, text=text, showarrow=False, font=font)
    figure.update_xaxes(visible=False, range=[-0.6, len(LETTERS) - 0.4], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-0.5, 0.5], fixedrange=True)
    return laid_out(figure, 64, margin={"l": 0, "r": 0, "t": 0, "b": 0}, showlegend=False)


def norms(histogram: Histogram) -> go.Figure:
    """Draw how many rows have which length, on a log axis; what is not of length 1 stands out."""
    edges, rows = histogram.edges, histogram.rows
    centres = [(low + high) / 2 for low, high in pairwise(edges)]
    usual = [not histogram.is_unit or low <= 1 <= high for low, high in pairwise(edges)]
    figure = go.Figure()
    figure.add_bar(
        x=centres,
        y=[count or None for count in rows],
        marker={
            "color": [FIRST if is_usual else THIRD for is_usual in usual],
            "pattern": {"shape": ["" if is_usual else "/" for is_usual in usual], "fillmode": "overlay"},
        },
        hovertemplate="length %{x:.3f}<br>%{y:,} rows<extra></extra>",
    )
    said = [f"{histogram.zeros:,} zero"] * bool(histogram.zeros)
    said += [f"{histogram.odd:,} not of length 1"] * bool(histogram.odd)
    if said:
        figure.add_annotation(
            note(" · ".join(said), x=0.02, xref="paper", y=1, yref="paper", xanchor="left", yanchor="bottom")
        )
    top = max(rows)
    figure.update_layout(bargap=0.06, showlegend=False)
    return laid_out(
        figure,
        HEIGHT,
        xaxis={"title": "length (L2 norm)", "range": [edges[0], edges[-1]]},
        yaxis=log_axis("rows looked at, log", -0.3, math.log10(max(2, top)) + 0.1),
        margin={"l": 0, "r": 0, "t": 20, "b": 0},
    )


def hubs(occurrences: Curve) -> go.Figure:
    """Draw how many rows are in at least how many lists, both on log axes; hubs as diamonds besides."""
    limit = HUB_TIMES * occurrences.mark
    figure = go.Figure()
    figure.add_scatter(
        x=occurrences.x,
        y=occurrences.y,
        mode="lines+markers",
        line={"color": FIRST},
        marker={"size": 5},
        hovertemplate="in %{x:,} lists or more<br>%{y:,} rows<extra></extra>",
    )
    far = [(x, y) for x, y in zip(occurrences.x, occurrences.y, strict=True) if x >= limit]
    if far:
        diamond = {"color": THIRD, "symbol": "diamond", "size": 10}
        figure.add_scatter(
            x=[x for x, _ in far], y=[y for _, y in far], mode="markers", marker=diamond, hoverinfo="skip"
        )
        text = f"◆ {counted(int(far[0][1]), 'hub')}: in {limit:,.0f} lists or more"
        figure.add_annotation(note(text, x=1, xref="paper", y=0.9, yref="paper", xanchor="right"))
    figure.add_vline(x=occurrences.mark, line={"dash": "dot", "color": SECOND, "width": 1.5})
    mean = note(f"mean {occurrences.mark:g}", x=math.log10(occurrences.mark), y=1, yref="paper")
    figure.add_annotation(mean | {"yanchor": "bottom"})
    return laid_out(
        figure,
        HEIGHT,
        showlegend=False,
        xaxis=log_axis(
            f"times among the {occurrences.mark:g} nearest of another row, log",
            -0.05,
            math.log10(max(occurrences.x)) + 0.08,
        ),
        yaxis=log_axis("rows in at least as many, log", -0.15, math.log10(max(occurrences.y)) + 0.15),
        margin={"l": 0, "r": 0, "t": 20, "b": 0},
    )


def nearest(curve: Curve, unit: str) -> go.Figure:
    """Draw which share of the rows has its nearest other vector within a distance."""
    figure = go.Figure()
    figure.add_scatter(
        x=curve.x,
        y=[100 * share for share in curve.y],
        mode="lines",
        line={"color": FIRST, "shape": "hv"},
        hovertemplate="within %{x:.4g}<br>%{y:.1f} % of the rows<extra></extra>",
    )
    figure.add_vline(x=curve.mark, line={"dash": "dot", "color": SECOND, "width": 1.5})
    label = note("near duplicates", x=curve.mark, y=1, yref="paper", yanchor="bottom", xanchor="left")
    figure.add_annotation(label)
    return laid_out(
        figure,
        HEIGHT,
        showlegend=False,
        xaxis={"title": f"distance to the nearest other vector ({unit})", "rangemode": "tozero"},
        yaxis={"title": "rows, %", "range": [0, 102]},
        margin={"l": 0, "r": 0, "t": 20, "b": 0},
    )


def dimensions(ribbon: Ribbon) -> go.Figure:
    """Draw each dimension's mean with a ribbon of one standard deviation to either side."""
    places = [1 + place * ribbon.step for place in range(len(ribbon.mean))]
    low = [mean - spread for mean, spread in zip(ribbon.mean, ribbon.deviation, strict=True)]
    high = [mean + spread for mean, spread in zip(ribbon.mean, ribbon.deviation, strict=True)]
    figure = go.Figure()
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(x=places, y=low, **edge)
    figure.add_scatter(x=places, y=high, fill="tonexty", fillcolor=FAINT, **edge)
    figure.add_scatter(
        x=places,
        y=ribbon.mean,
        customdata=ribbon.deviation,
        mode="lines",
        line={"color": FIRST, "width": 1.2},
        hovertemplate="dimension %{x:,}<br>mean %{y:.4f} ± %{customdata:.4f}<extra></extra>",
    )
    title = "dimension" if ribbon.step == 1 else f"dimension, {ribbon.step} at a time"
    return laid_out(
        figure,
        HEIGHT,
        showlegend=False,
        xaxis={"title": title, "range": [places[0] - 0.5, places[-1] + 0.5]},
        yaxis={"title": "mean ± sd", "zeroline": True},
    )
