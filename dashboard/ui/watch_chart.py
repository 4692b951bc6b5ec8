"""The looks at a watched column over time: p95 against its promise, recall, and when indexes changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from dashboard.ui.charts import INK, STYLES, Style, laid_out
from db.runs import EXACT
from db.watches import Look, Watch

_ARMS = {"exact": ("exact", STYLES[EXACT]), "index": ("through the index", STYLES["hnsw"])}
MB = 2**20
_SIZES = {"table_bytes": ("table", STYLES[EXACT]), "index_bytes": ("indexes", STYLES["hnsw"])}
_SHARES = {"index_recall": ("recall@10", STYLES["hnsw"]), "self_find": ("self-find", STYLES["ivfflat"])}


def latency_over_time(looks: Sequence[Look], watch: Watch, height: int = 300) -> go.Figure:
    """Draw p95 of every look with its interval, the promise as a line, and a mark where indexes changed."""
    figure = go.Figure()
    for arm, (name, style) in _ARMS.items():
        _line(figure, looks, f"{arm}_p95_ms", name, style)
    figure.add_hline(
        y=watch.p95_ms,
        line={"color": INK, "width": 1.2, "dash": "dot"},
        annotation={"text": f"promised {watch.p95_ms:g} ms", "font": {"size": 11, "color": INK}},
        annotation_position="top left",
    )
    _mark_changes(figure, looks)
    return _dressed(figure, height, {"title": "p95, ms", "rangemode": "tozero"})


def shares_over_time(looks: Sequence[Look], watch: Watch, height: int = 300) -> go.Figure:
    """Draw recall and self-find of every look, and the recall promised."""
    figure = go.Figure()
    for key, (name, style) in _SHARES.items():
        _line(figure, looks, key, name, style)
    figure.add_hline(
        y=watch.recall,
        line={"color": INK, "width": 1.2, "dash": "dot"},
        annotation={"text": f"promised {watch.recall:g}", "font": {"size": 11, "color": INK}},
        annotation_position="bottom left",
    )
    _mark_changes(figure, looks)
    values = [look.figures[key] for look in looks for key in _SHARES if key in look.figures]
    least = min([*values, watch.recall])
    return _dressed(figure, height, {"title": "share found", "range": [max(0, least - 0.05), 1.01]})


def rows_over_time(looks: Sequence[Look], height: int = 220) -> go.Figure:
    """Draw the table's rows at every look."""
    figure = go.Figure()
    _counted(figure, [(look, look.rows) for look in looks if look.rows is not None], "rows", STYLES[EXACT])
    _mark_changes(figure, looks, in_words=False)
    return _dressed(figure, height, {"title": "rows", "rangemode": "tozero", "nticks": 4})


def sizes_over_time(looks: Sequence[Look], height: int = 220) -> go.Figure:
    """Draw the size of the table and of its vector indexes at every look."""
    figure = go.Figure()
    for key, (name, style) in _SIZES.items():
        seen = [(look, look.figures[key] / MB) for look in looks if key in look.figures]
        _counted(figure, seen, name, style)
    _mark_changes(figure, looks, in_words=False)
    return _dressed(figure, height, {"title": "MB", "rangemode": "tozero", "nticks": 4})


def _counted(figure: go.Figure, seen: Sequence[tuple[Look, float]], name: str, style: Style) -> None:
    figure.add_scatter(
        x=[look.at for look, _ in seen],
        y=[value for _, value in seen],
        name=name,
        mode="lines+markers",
        line={"color": style.color, "width": 2, "dash": style.dash if style.dash != "dot" else "solid"},
        marker={"color": style.color, "symbol": style.symbol, "size": 6},
        hovertemplate=f"{name} %{{y:,.5~g}}<br>%{{x|%F %H:%M}} UTC<extra></extra>",
    )


def changes(looks: Sequence[Look]) -> Iterator[tuple[Look, str]]:
    """Tell which indexes came and went between two looks: ``+ items_hnsw``, ``- items_ivf``.

    One that is not valid yet, or no more, counts as absent.
    """
    for before, after in pairwise(looks):
        old, new = _names(before), _names(after)
        words = [*(f"+ {name}" for name in new - old), *(f"- {name}" for name in old - new)]
        if words:
            yield after, ", ".join(sorted(words))


def _names(look: Look) -> set[str]:
    return {str(index["name"]) for index in look.indexes if index["valid"]}


def _line(figure: go.Figure, looks: Sequence[Look], key: str, name: str, style: Style) -> None:
    seen = [look for look in looks if key in look.figures]
    if not seen:
        return
    values = [look.figures[key] for look in seen]
    figure.add_scatter(
        x=[look.at for look in seen],
        y=values,
        name=name,
        mode="lines+markers",
        line={"color": style.color, "width": 2, "dash": style.dash if style.dash != "dot" else "solid"},
        marker={"color": style.color, "symbol": style.symbol, "size": 8},
        error_y=_whiskers(seen, key, values),
        customdata=[look.rows for look in seen],
        hovertemplate=f"{name} %{{y:.3g}}<br>%{{customdata:,}} rows<br>%{{x|%F %H:%M}} UTC<extra></extra>",
    )


def _whiskers(seen: Sequence[Look], key: str, values: Sequence[float]) -> dict[str, Any]:
    ends = {end: [look.figures.get(f"{key}_{end}") for look in seen] for end in ("low", "high")}
    return {
        "array": [(high or value) - value for high, value in zip(ends["high"], values, strict=True)],
        "arrayminus": [value - (low or value) for low, value in zip(ends["low"], values, strict=True)],
        "thickness": 1,
        "width": 2,
    }


def _mark_changes(figure: go.Figure, looks: Sequence[Look], *, in_words: bool = True) -> None:
    for look, words in changes(looks):
        figure.add_vline(x=look.at, line={"color": INK, "width": 1})
        if not in_words:
            continue
        figure.add_annotation(
            text=words,
            x=look.at,
            y=1,
            yref="paper",
            xanchor="left",
            yanchor="top",
            xshift=4,
            showarrow=False,
            font={"size": 11, "color": INK},
        )


def _dressed(figure: go.Figure, height: int, y: dict[str, Any]) -> go.Figure:
    return laid_out(
        figure,
        height,
        margin={"l": 0, "r": 0, "t": 30, "b": 0},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        yaxis=y,
        xaxis={"title": "time, UTC", "nticks": 6},
    )
