"""Maps as Plotly figures: points by colour, a density where they are too many, search hits, two windows.

Points carry their row's key as ``customdata``: a selection names rows, whatever is drawn of them.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.mapping.draw import Map
from dashboard.mapping.windows import Overlay, Window
from dashboard.ui.charts import INK, laid_out
from dashboard.ui.map_colours import Colouring, Group, Scale, day_in_words
from dashboard.ui.map_marks import (
    MOST_NAMES,
    PALETTE,
    SYMBOLS,
    Hit,
    Marked,
    cut,
    escaped,
    hits_trace,
    marked_trace,
    query_trace,
)

Points = NDArray[np.float32]

MOST_POINTS = 50_000
"""Points that are drawn one by one; plotly's lasso is sluggish well above (plotly.js issue 1657)."""

SHOWN_OF_MORE = 5_000
"""Points drawn over the density of a larger map."""

TURNS = 8
"""In how many parts each window is drawn, one after the other."""

CELLS = (150, 100)
"""The density's cells, across and up."""

HEIGHT = 560

TOOLS = {
    "displayModeBar": True,
    "displaylogo": False,
    "scrollZoom": True,
    "modeBarButtonsToRemove": ["toImage", "autoScale2d", "zoomIn2d", "zoomOut2d", "zoom2d"],
}
"""Plotly's configuration: lasso, box, pan, and back to the whole."""

MIDDLE = (0.02, 0.98)
"""Between these quantiles a scale has its colours: a single giant would leave one for all the rest."""

_BESIDE = {"x": 1.01, "y": 1, "yanchor": "top"}
_ABOVE = {"orientation": "h", "x": 0, "y": 1.005, "yanchor": "bottom"}

_GREY = "rgba(128,140,165,{:.2f})"
"""Readable on light and dark alike: a colour scale knows no theme."""

_CLOUD = [[0, _GREY.format(0)], [0.02, _GREY.format(0.12)], [0.5, _GREY.format(0.5)], [1, _GREY.format(0.9)]]


def map_figure(
    shown: Map,
    colouring: Colouring,
    *,
    hover: Sequence[str],
    hits: Sequence[Hit] = (),
    marked: Sequence[Marked] = (),
    query: tuple[float, float] | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """Draw a map.  ``hover`` says each point in words; ``query`` is where the words searched for lie."""
    figure = go.Figure()
    marked = [row for row in marked if row.place]
    drawn = np.arange(len(shown.keys))
    if len(drawn) > MOST_POINTS:
        figure.add_heatmap(**_density(shown.points))
        drawn = np.sort(np.random.default_rng(shown.drawn.seed).choice(drawn, SHOWN_OF_MORE, replace=False))
    for trace in _traces(shown, colouring, hover, drawn, faint=bool(hits or marked)):
        figure.add_scattergl(**trace)
    if hits:
        figure.add_scatter(**hits_trace(hits))
    if marked:
        figure.add_scatter(**marked_trace(marked))
    if query:
        figure.add_scatter(**query_trace(query))
    return _as_map(figure, shown.axes, height, beside=not isinstance(colouring, Scale) and bool(colouring))


def windows_figure(overlay: Overlay, names: tuple[str, str], *, height: int = HEIGHT) -> go.Figure:
    """Draw two windows on one plane, their centres, and the way from one to the other."""
    figure = go.Figure()
    both = list(zip((overlay.before, overlay.after), names, strict=True))
    # In turns, so that neither window covers the other.
    for turn in range(TURNS):
        for place, (window, name) in enumerate(both):
            figure.add_scattergl(**_part_of(window, name, place, turn))
    for place, (window, _) in enumerate(both):
        figure.add_scatter(**_centre(window, place))
    figure.add_annotation(_arrow(overlay.before.centre, overlay.after.centre))
    return _as_map(figure, overlay.plane.titles, height, beside=False)


def in_words(
    shown: Map, colouring: Colouring, hits: Sequence[Hit] = (), marked: Sequence[Marked] = ()
) -> str:
    """Tell a map in words, for who cannot see it."""
    told = f"Map of {len(shown.keys):,} rows by {shown.axes[0]} and {shown.axes[1]}."
    if isinstance(colouring, Scale):
        told += f" Coloured by {colouring.name}."
    elif colouring:
        told += " " + ", ".join(f"{group.name}: {len(group.places):,}" for group in colouring) + "."
    if marked:
        told += f" Marked: {', '.join(row.name for row in marked[:MOST_NAMES])}."
    return told + (f" {len(hits)} search hits are marked." if hits else "")


def _traces(
    shown: Map, colouring: Colouring, hover: Sequence[str], drawn: NDArray[np.intp], *, faint: bool
) -> list[dict[str, Any]]:
    over_cloud = len(drawn) < len(shown.keys)
    size = 3 if over_cloud else 6 if len(drawn) <= 5_000 else 4.5
    opacity = 0.3 if faint else 0.5 if over_cloud else 0.75
    if isinstance(colouring, Scale):
        marker = _scaled(colouring, drawn, size, opacity)
        return [_points(shown, hover, drawn) | {"marker": marker, "showlegend": False}]
    if not colouring:
        alike = {"color": PALETTE[0], "size": size, "opacity": opacity}
        return [_points(shown, hover, drawn) | {"marker": alike, "showlegend": False, "name": "rows"}]
    kept = set(drawn.tolist())
    # Remainders are drawn first, below what has a name.
    ordered = sorted(colouring, key=lambda group: group.rank is not None)
    return [_group(shown, hover, group, kept, size=size, opacity=opacity) for group in ordered]


def _points(shown: Map, hover: Sequence[str], places: NDArray[np.intp]) -> dict[str, Any]:
    return {
        "x": shown.points[places, 0],
        "y": shown.points[places, 1],
        "mode": "markers",
        "customdata": [shown.keys[place] for place in places],
        "text": [hover[place] for place in places],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _group(
    shown: Map, hover: Sequence[str], group: Group, kept: set[int], *, size: float, opacity: float
) -> dict[str, Any]:
    places = np.array([place for place in group.places if place in kept], np.intp)
    has_name = group.rank is not None
    marker = {
        "color": PALETTE[group.rank] if group.rank is not None else INK,
        "symbol": SYMBOLS[group.rank] if group.rank is not None else "circle-open",
        "size": size if has_name else size - 1,
        "opacity": opacity if has_name else opacity * 0.4,
    }
    return _points(shown, hover, places) | {
        "name": f"{html.escape(cut(group.name)[:28])} · {len(group.places):,}",
        "marker": marker,
        "legendrank": 1000 + (group.rank if group.rank is not None else 100),
    }


def _scaled(scale: Scale, drawn: NDArray[np.intp], size: float, opacity: float) -> dict[str, Any]:
    values = np.array([scale.values[place] for place in drawn], np.float64)
    title = f"{escaped(scale.name)}<br>(middle 96 %)"
    bar: dict[str, Any] = {"title": {"text": title}, "thickness": 12, "len": 0.9}
    known = values[~np.isnan(values)]
    low, high = np.quantile(known, MIDDLE).tolist() if len(known) else (0.0, 1.0)
    if scale.is_date and len(known):
        ticks = np.linspace(low, high, 5).tolist()
        bar |= {"tickvals": ticks, "ticktext": [day_in_words(tick) for tick in ticks]}
    return {
        "color": values,
        "colorscale": "Cividis",
        "cmin": low,
        "cmax": high,
        "colorbar": bar,
        "size": size,
        "opacity": opacity,
    }


def _density(points: Points) -> dict[str, Any]:
    counts, x, y = np.histogram2d(points[:, 0], points[:, 1], bins=CELLS)
    return {
        "x": (x[1:] + x[:-1]) / 2,
        "y": (y[1:] + y[:-1]) / 2,
        "z": np.log10(1 + counts.T).astype(np.float32),
        "customdata": counts.T.astype(np.int32),
        "colorscale": _CLOUD,
        "showscale": False,
        "hovertemplate": "%{customdata:,} rows here<extra></extra>",
    }


def _part_of(window: Window, name: str, place: int, turn: int) -> dict[str, Any]:
    keys = window.keys[turn::TURNS]
    return {
        "x": window.points[turn::TURNS, 0],
        "y": window.points[turn::TURNS, 1],
        "mode": "markers",
        "name": escaped(name),
        "legendgroup": str(place),
        "showlegend": turn == 0,
        "customdata": list(keys),
        "text": [escaped(key) for key in keys],
        "hovertemplate": f"id %{{text}}<extra>{('first', 'second')[place]} window</extra>",
        "marker": {"color": PALETTE[place * 2], "symbol": SYMBOLS[place], "size": 4.5, "opacity": 0.6},
    }


def _centre(window: Window, place: int) -> dict[str, Any]:
    return {
        "x": [window.centre[0]],
        "y": [window.centre[1]],
        "mode": "markers",
        "showlegend": False,
        "hovertemplate": f"centre of the {('first', 'second')[place]} window<extra></extra>",
        "marker": {
            "color": PALETTE[place * 2],
            "symbol": SYMBOLS[place],
            "size": 17,
            "line": {"color": INK, "width": 2.5},
        },
    }


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> dict[str, Any]:
    return {
        "x": end[0],
        "y": end[1],
        "ax": start[0],
        "ay": start[1],
        "xref": "x",
        "yref": "y",
        "axref": "x",
        "ayref": "y",
        "text": "",
        "arrowhead": 2,
        "arrowwidth": 2,
        "arrowcolor": INK,
    }


def _as_map(figure: go.Figure, axes: tuple[str, str], height: int, *, beside: bool) -> go.Figure:
    """Lay a map out; its legend stands beside it where it is long, else in a line above."""
    bare = {"showticklabels": False, "ticks": "", "zeroline": False, "showgrid": False, "showline": False}
    return laid_out(
        figure,
        height,
        xaxis={"title": axes[0], "range": _reach(figure, "x"), **bare},
        # One unit is as long up as across, else a round group would look stretched.
        yaxis={"title": axes[1], "range": _reach(figure, "y"), "scaleanchor": "x", **bare},
        dragmode="lasso",
        # The tools stand in the margin above.
        margin={"l": 0, "r": 0, "t": 34, "b": 0},
        legend={"itemsizing": "constant", **(_BESIDE if beside else _ABOVE)},
        hovermode="closest",
    )


def _reach(figure: go.Figure, axis: str) -> list[float]:
    """Tell from where to where the points of a figure lie, with a little air."""
    values = np.concatenate([np.asarray(trace[axis], np.float64) for trace in figure.data])
    low, high = float(values.min()), float(values.max())
    air = 0.03 * (high - low)
    return [low - air, high + air]
