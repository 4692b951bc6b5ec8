"""The chart of the Data page: how a number or a date is spread."""

from __future__ import annotations

import plotly.graph_objects as go

from dashboard.ui.charts import laid_out, note
from db.facets import Histogram


def bars(histogram: Histogram, *, height: int = 140) -> go.Figure:
    """Draw one bar per bin, in their order; below stands where the first, a middle and the last begin."""
    about = "" if histogram.kind == "exact" else "~"
    figure = go.Figure(
        go.Bar(
            x=list(range(len(histogram.bins))),
            y=[part.rows for part in histogram.bins],
            customdata=[(part.low, part.high) for part in histogram.bins],
            marker={"color": "#000001"},
            hovertemplate=f"%{{customdata[0]}} to %{{customdata[1]}}<br>{about}%{{y:,}} rows<extra></extra>",
        )
    )
    edges = [*(part.low for part in histogram.bins), *(part.high for part in histogram.bins[-1:])]
    for place, side in ((0, "left"), (len(histogram.bins) // 2, "center"), (len(histogram.bins), "right")):
        # Tick labels at the ends would be cut off: these lean inwards.
        figure.add_annotation(
            note(short(edges[place]), x=place - 0.5, y=0, yref="paper", xanchor=side, yanchor="top")
        )
    return laid_out(
        figure,
        height,
        bargap=0.1,
        dragmode="select",
        selectdirection="h",
        yaxis={"visible": False, "fixedrange": True},
        xaxis={"visible": False, "fixedrange": True, "range": [-0.5, len(histogram.bins) - 0.5]},
        margin={"l": 4, "r": 4, "t": 4, "b": 22},
    )


def short(edge: str) -> str:
    """Write an edge of a bin in as few letters as tell it.

    >>> short("129.99000000000001"), short("2026-01-31 00:00:00"), short("12000")
    ('130', '2026-01-31', '12,000')
    """
    try:
        return f"{float(edge):,.4g}" if abs(float(edge)) < 1000 else f"{float(edge):,.0f}"
    except ValueError:
        return edge[:10]
