"""The charts of a run beyond the frontier: every query, many clients, what building took, m by ef_search."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.benchmark.target import Target
from dashboard.benchmark.verdict import index_name
from dashboard.ui.charts import INK, Style, drawn_name, laid_out, log_axis, note, series_name, styles
from db.runs import EXACT, Figures, Trial

STEPS = 400
"""Points of a line over all queries: more could not be told apart on a screen."""

_LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}


def latency_of_every_query(
    trials: Sequence[Trial], figures: Mapping[int, Figures], *, target: Target, height: int = 380
) -> go.Figure:
    """Draw for each trial the share of its queries answered within a time, on a log axis."""
    looks, figure, everything = styles(trials, series_name), go.Figure(), [target.p95_ms]
    for trial in trials:
        latencies_ms = np.sort(figures[trial.position].latencies_ms)
        shares = np.linspace(0, 1, min(STEPS, len(latencies_ms)))
        within_ms = np.quantile(latencies_ms, shares)
        everything += [float(within_ms[0]), float(within_ms[-1])]
        figure.add_scatter(
            **_over_queries(trial, looks[series_name(trial)], within_ms, shares),
            hovertemplate="%{y:.0%} within %{x:.3g} ms<extra>%{fullData.name}</extra>",
        )
    figure.add_vline(x=target.p95_ms, line={"color": INK, "width": 1.2, "dash": "dot"})
    figure.add_hline(y=0.95, line={"color": INK, "width": 0.8, "dash": "dot"})
    left, right = math.log10(min(everything) / 1.3), math.log10(max(everything) * 1.5)
    target_at = math.log10(target.p95_ms)
    side, shift = ("right", -4) if target_at > left + 0.8 * (right - left) else ("left", 4)
    figure.add_annotation(
        note(f"target {target.p95_ms:g} ms", x=target_at, y=0.03, xanchor=side, xshift=shift)
    )
    return laid_out(
        figure,
        height,
        xaxis=log_axis("latency, ms (log scale)", left, right),
        yaxis={"title": "share of queries within", "range": [0, 1.03], "tickformat": ".0%", "dtick": 0.25},
        legend=_LEGEND,
    )


def recall_of_every_query(
    trials: Sequence[Trial], figures: Mapping[int, Figures], *, target: Target, height: int = 380
) -> go.Figure:
    """Draw the recall of each query, the worst first, one line a trial."""
    looks, figure = styles(trials, series_name), go.Figure()
    for trial in trials:
        shares = np.linspace(0, 1, min(STEPS, len(figures[trial.position].recalls)))
        worst_first = np.quantile(figures[trial.position].recalls, shares, method="inverted_cdf")
        figure.add_scatter(
            **_over_queries(trial, looks[series_name(trial)], shares, worst_first),
            hovertemplate="%{x:.0%} of the queries reach at most %{y:.2f}<extra>%{fullData.name}</extra>",
        )
    figure.add_hline(y=target.recall, line={"color": INK, "width": 1.2, "dash": "dot"})
    figure.add_annotation(
        note(f"target {target.recall:g}", x=1, y=target.recall, xanchor="right", yanchor="top")
    )
    return laid_out(
        figure,
        height,
        xaxis={"title": "queries, the worst first", "range": [0, 1], "tickformat": ".0%", "dtick": 0.25},
        yaxis={"title": "recall of the query", "range": [0, 1.04], "dtick": 0.2, "tickformat": ".1f"},
        legend=_LEGEND,
    )


def _over_queries(trial: Trial, style: Style, x: Any, y: Any) -> dict[str, Any]:
    return {
        "x": np.round(x, 4),
        "y": np.round(y, 4),
        "name": series_name(trial),
        "mode": "lines",
        "line": {"color": style.color, "dash": style.dash, "width": 2, "shape": "hv"},
    }


def queries_by_clients(trials: Sequence[Trial], height: int = 360) -> go.Figure:
    """Draw how many queries a second each trial answers, by clients; an open loop is an open marker."""
    looks, figure = styles(trials), go.Figure()
    for trial in trials:
        style = looks[drawn_name(trial)]
        for is_open in (False, True):
            points = [point for point in trial.load if bool(point["rate"]) is is_open]
            if points:
                figure.add_scatter(**_load_line(trial, points, style, is_open=is_open))
    clients = sorted({point["clients"] for trial in trials for point in trial.load})
    return laid_out(
        figure,
        height,
        xaxis={"title": "clients asking at once", "tickvals": clients, "type": "log", "dtick": 1},
        yaxis={"title": "queries per second", "rangemode": "tozero", "tickformat": ",d"},
        legend=_LEGEND,
    )


def _load_line(
    trial: Trial, points: Sequence[Mapping[str, Any]], style: Style, *, is_open: bool
) -> dict[str, Any]:
    name = series_name(trial)
    return {
        "x": [point["clients"] for point in points],
        "y": [point["qps"] for point in points],
        "name": f"{name}, open loop" if is_open else name,
        "legendgroup": name,
        "showlegend": not is_open,
        "mode": "markers" if is_open else "lines+markers",
        "marker": {
            "color": style.color,
            "symbol": f"{style.symbol}-open" if is_open else style.symbol,
            "size": 14 if is_open else 9,
        },
        "line": {"color": style.color, "dash": style.dash, "width": 2},
        "customdata": [
            [f"{point['rate']:,.0f}/s offered, " if is_open else "", point["p95_ms"]] for point in points
        ],
        "hovertemplate": "%{customdata[0]}%{y:,.0f}/s answered, p95 %{customdata[1]:.3g} ms"
        "<extra>%{fullData.name}</extra>",
        "error_y": {
            "array": [point["qps_high"] - point["qps"] for point in points],
            "arrayminus": [point["qps"] - point["qps_low"] for point in points],
            "thickness": 1.2,
            "width": 3,
        },
    }


WIDE = 3
"""Panels side by side, beyond which there is more room for their words, and less for their bars."""
NARROW_TITLE = 22
"""Letters in a line of a title where there are more."""


@dataclass(frozen=True, slots=True)
class Bars:
    """One panel of bars: a figure of each index, None where it has none, and how it is written.

    ``beside`` is what stands below that, in a line of its own: what had been forecast.
    """

    title: str
    of: Callable[[Trial], float | None]
    written: Callable[[Trial], str]
    least: Callable[[Trial], float | None] | None = None
    most: Callable[[Trial], float | None] | None = None
    beside: Callable[[Trial], str] | None = None


def bars_by_index(trials: Sequence[Trial], panels: Sequence[Bars], height: int) -> go.Figure:
    """Draw one bar per index and panel, the panels side by side, each on an axis of its own from 0."""
    looks, figure = styles(trials), go.Figure()
    width = 1 / len(panels)
    narrow = len(panels) > WIDE
    axes: dict[str, Any] = {}
    for number, panel in enumerate(panels, start=1):
        axis = "" if number == 1 else str(number)
        values = [panel.of(trial) for trial in trials]
        most = max((value for value in values if value is not None), default=1) or 1
        axes[f"xaxis{axis}"] = {
            "title": "<br>".join(wrap(panel.title, NARROW_TITLE)) if narrow else panel.title,
            "domain": [(number - 1) * width + (0.02 if number > 1 else 0), number * width - 0.02],
            "range": [0, most * (3 if narrow else 1.9)],
            "showticklabels": False,
            "showgrid": False,
        }
        for trial, value in zip(reversed(trials), reversed(values), strict=True):
            figure.add_bar(**_index_bar(trial, value, panel, looks[index_name(trial)], f"x{axis}"))
            beyond = panel.most(trial) if panel.most else None
            figure.add_annotation(
                note(
                    _lines(panel, trial, narrow=narrow),
                    x=max(value or 0, beyond or 0),
                    y=_bar_name(trial),
                    xref=f"x{axis}",
                    xanchor="left",
                    xshift=5,
                    align="left",
                )
            )
    return laid_out(
        figure,
        height,
        yaxis={"automargin": True},
        barmode="overlay",
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        **axes,
    )


def _lines(panel: Bars, trial: Trial, *, narrow: bool) -> str:
    beside = panel.beside(trial) if panel.beside else ""
    return "<br>".join(filter(None, (panel.written(trial), *beside.split(", " if narrow else "\n"))))


def _bar_name(trial: Trial) -> str:
    return "No index" if trial.method == EXACT else index_name(trial).replace(", ", "<br>", 1)


def _index_bar(trial: Trial, value: float | None, panel: Bars, style: Style, axis: str) -> dict[str, Any]:
    bar: dict[str, Any] = {
        "x": [value or 0],
        "y": [_bar_name(trial)],
        "xaxis": axis,
        "orientation": "h",
        "width": 0.5,
        "marker": {
            "color": style.color,
            "pattern": {"shape": style.pattern, "fillmode": "overlay", "size": 6},
        },
        "showlegend": False,
        "customdata": [panel.written(trial)],
        "hovertemplate": "%{y}: %{customdata}<extra></extra>",
    }
    least = panel.least(trial) if panel.least else None
    most = panel.most(trial) if panel.most else None
    if value is not None and least is not None and most is not None and most > least:
        bar["error_x"] = {
            "array": [most - value],
            "arrayminus": [value - least],
            "thickness": 1.2,
            "width": 3,
        }
    return bar


def recall_and_latency_by_build(trials: Sequence[Trial]) -> go.Figure:
    """Draw two maps of HNSW's builds (down) by ef_search (across): recall, and p95 latency.

    A build is its m; where the run has several ef_construction, m and ef_construction.
    """
    columns = sorted({int(trial.setting["ef_search"]) for trial in trials})
    several = len({trial.options["ef_construction"] for trial in trials}) > 1
    rows = sorted({_build_of(trial) for trial in trials})
    found = {(_build_of(t), int(t.setting["ef_search"])): t.measures for t in trials}
    names = [f"{m}, {construction}" if several else str(m) for m, construction in rows]
    figure = go.Figure()
    panels = (("recall", "recall", "%{z:.3f}", "", 0.0), ("p95_ms", "p95 latency, ms", "%{z:.3g}", "2", 0.54))
    layout: dict[str, Any] = {}
    for key, title, template, axes, left in panels:
        figure.add_heatmap(
            z=[[found.get((build, ef), {}).get(key) for ef in columns] for build in rows],
            x=[str(ef) for ef in columns],
            y=names,
            customdata=[[f"m={m}, ef_construction={c}, ef_search={ef}" for ef in columns] for m, c in rows],
            xaxis=f"x{axes}",
            yaxis=f"y{axes}",
            texttemplate=template,
            textfont={"size": 13},
            showscale=False,
            reversescale=key == "p95_ms",
            xgap=2,
            ygap=2,
            hovertemplate=f"%{{customdata}}<br>{title} %{{z:.3g}}<extra></extra>",
        )
        layout[f"xaxis{axes}"] = {
            "title": f"ef_search · {title}",
            "domain": [left, left + 0.46],
            "type": "category",
            "showgrid": False,
            "anchor": f"y{axes}",
        }
        layout[f"yaxis{axes}"] = {
            "title": (None if axes else "m, ef_construction") if several else "m",
            "type": "category",
            "showgrid": False,
            "anchor": f"x{axes}",
        }
    return laid_out(figure, max(300, 42 * len(rows) + 90), **layout)


def _build_of(trial: Trial) -> tuple[int, int]:
    return int(trial.options["m"]), int(trial.options["ef_construction"])
