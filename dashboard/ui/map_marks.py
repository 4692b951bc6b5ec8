"""What stands on a map beside its points: words for the hover, search hits, the query."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.ui.charts import INK

NAME_LENGTH = 80

PALETTE = tuple(f"#{place:06d}" for place in range(1, 11))
"""The theme's ten categorical colours, as it finds them."""

SYMBOLS = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "cross",
    "triangle-down",
    "x",
    "star",
    "hexagon",
    "pentagon",
)
"""One for each colour: nothing is told by colour alone."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that a search found: its rank from 1, key, name, and where it lies, if the map can tell."""

    rank: int
    key: str
    name: str
    distance: float
    place: tuple[float, float] | None
    sampled: bool


@dataclass(frozen=True, slots=True)
class Marked:
    """A row that is pointed out: its key, name, and where it lies, if the map can tell."""

    key: str
    name: str
    place: tuple[float, float] | None
    sampled: bool


FIRST = 900
"""Rank in the legend of what is pointed out: before the groups, which begin at 1000."""

MOST_NAMES = 5
"""Marked rows whose names stand beside them; of more they would cover each other."""


def hover_texts(
    keys: Sequence[str], values: Mapping[str, tuple[str | None, ...]], names: Sequence[str]
) -> list[str]:
    """Say each point in words: its name in bold, its key, and the column that colours it."""
    return [_hover(key, values.get(key, (None,) * len(names)), names) for key in keys]


def _hover(key: str, values: tuple[str | None, ...], names: Sequence[str]) -> str:
    lines = [f"<b>{escaped(values[0])}</b>"] if values and values[0] else []
    lines.append(f"id {escaped(key)}")
    lines += [f"{escaped(n)}: {escaped(v or '(empty)')}" for n, v in zip(names[1:], values[1:], strict=True)]
    return "<br>".join(lines)


def escaped(text: str | None) -> str:
    """Make a text from outside a short line of Plotly's markup, shown letter by letter."""
    return html.escape(cut(text or ""))


def cut(text: str) -> str:
    """Shorten a text to a line."""
    line = " ".join(text.split())
    return line if len(line) <= NAME_LENGTH else f"{line[: NAME_LENGTH - 1]}…"


def hits_trace(hits: Sequence[Hit]) -> dict[str, Any]:
    """Mark search hits with their rank; hollow where the row is not in the sample."""
    shown = [(hit, hit.place) for hit in hits if hit.place]
    return {
        "x": [place[0] for _, place in shown],
        "y": [place[1] for _, place in shown],
        "mode": "markers+text",
        "name": "search hits",
        "legendrank": FIRST,
        "text": [f"<b>{hit.rank}</b>" for hit, _ in shown],
        "textposition": "top center",
        "textfont": {"size": 12, "color": INK},
        "customdata": [hit.key for hit, _ in shown],
        "hovertext": [
            f"<b>{escaped(hit.name)}</b><br>hit {hit.rank}, id {escaped(hit.key)}"
            + ("" if hit.sampled else "<br>not in the sample, placed on its plane")
            for hit, _ in shown
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {
            "color": PALETTE[2],
            "symbol": ["circle" if hit.sampled else "circle-open" for hit, _ in shown],
            "size": 12,
            "line": {"color": INK, "width": 1.5},
        },
    }


def marked_trace(rows: Sequence[Marked]) -> dict[str, Any]:
    """Point rows out that have a place: a ring around each, and its name where they are few."""
    shown = [(row, row.place) for row in rows if row.place]
    return {
        "x": [place[0] for _, place in shown],
        "y": [place[1] for _, place in shown],
        "mode": "markers+text" if len(shown) <= MOST_NAMES else "markers",
        "name": "marked rows",
        "legendrank": FIRST,
        "text": [f"<b>{html.escape(cut(row.name)[:32])}</b>" for row, _ in shown],
        "textposition": "top center",
        "textfont": {"size": 12, "color": INK},
        "customdata": [row.key for row, _ in shown],
        "hovertext": [
            f"<b>{escaped(row.name)}</b><br>id {escaped(row.key)}"
            + ("" if row.sampled else "<br>not in the sample, placed on its plane")
            for row, _ in shown
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {
            "color": INK,
            "symbol": "circle-open",
            "size": 17,
            "line": {"color": INK, "width": 2.5},
        },
    }


def query_trace(place: tuple[float, float]) -> dict[str, Any]:
    """Mark where the words that were searched for lie."""
    return {
        "x": [place[0]],
        "y": [place[1]],
        "mode": "markers",
        "name": "your words",
        "legendrank": FIRST,
        "hovertemplate": "your words, as a vector<extra></extra>",
        "marker": {"color": PALETTE[3], "symbol": "star", "size": 17, "line": {"color": INK, "width": 1.5}},
    }
