"""A vector as a figure: one bar per dimension, as far as bars can be told apart."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.ui.charts import laid_out

MOST_BARS = 512
"""More would be thinner than a pixel each."""

HEIGHT_PX = 170


def strip(elements: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32], int]:
    """Condense a vector of shape (dimensions,) to at most MOST_BARS of its elements.

    Gives their places, counted from 1, their values, and how many dimensions each stands for: of each
    stretch the element farthest from 0 stands for all, so that no spike is lost.

    >>> strip(np.array([0.5, -1], np.float32))
    (array([1, 2]), array([ 0.5, -1. ], dtype=float32), 1)
    """
    per_bar = -(-len(elements) // MOST_BARS)
    padded = np.zeros(-(-len(elements) // per_bar) * per_bar, np.float32)
    padded[: len(elements)] = elements
    stretches = padded.reshape(-1, per_bar)
    farthest = np.abs(stretches).argmax(axis=1)
    rows = np.arange(len(stretches))
    return rows * per_bar + farthest + 1, stretches[rows, farthest], per_bar


def strip_figure(elements: NDArray[np.float32]) -> go.Figure:
    """Draw the strip."""
    places, values, _ = strip(elements)
    figure = go.Figure(
        go.Bar(
            x=places.tolist(),
            y=values.tolist(),
            marker={"color": "#000001", "line": {"width": 0}},
            hovertemplate="dimension %{x}<br>%{y:.4g}<extra></extra>",
        )
    )
    return laid_out(
        figure,
        HEIGHT_PX,
        bargap=0,
        xaxis={"title": "dimension", "range": [0.5, len(elements) + 0.5], "showgrid": False},
        yaxis={"title": "value", "nticks": 4},
    )
