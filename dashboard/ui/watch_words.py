"""What a watch has seen and where it is heading, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from dashboard.advisor.crossing import Crossing, due, pace
from dashboard.advisor.watched import sizes
from dashboard.ui.messages import escaped
from dashboard.ui.units import ago, counted
from dashboard.watching import crossing
from db.watches import Look, Watch


def sentence(look: Look) -> str:
    """Say what a look saw: the promise it found broken, or p95 and recall as searches are answered."""
    if look.breach:
        return f"**{escaped(look.breach)}** {ago(look.at).capitalize()}."
    through = "index" if "index_p95_ms" in look.figures else "exact"
    found = look.figures.get("index_recall")
    recall = "" if found is None else f", recall {found:.3f}"
    way = "Search through the index" if through == "index" else "Exact search"
    return f"**{way} takes {look.figures[f'{through}_p95_ms']:.3g} ms at p95{recall}**, {ago(look.at)}."


def outlook(watch: Watch, looks: Sequence[Look], today: date) -> str:
    """Say at how many rows exact search reaches what is promised, and on what day at the pace so far."""
    reached = crossing(looks, watch.p95_ms)
    rows = looks[-1].rows
    if reached is None or rows is None:
        return "Nothing tells yet how exact search grows."
    band = f"~{reached.rows:,.0f} rows ({reached.low:,.0f} to {_upper(reached.high)})"
    if reached.rows <= rows:
        return f"Exact search passed {watch.p95_ms:g} ms at {band}; there are ~{rows:,}."
    return (
        f"Exact search will reach {watch.p95_ms:g} ms at {band}; there are ~{rows:,}. "
        f"{_when(reached, looks, rows, today)}"
    )


def _when(reached: Crossing, looks: Sequence[Look], rows: int, today: date) -> str:
    seen = sizes(looks)
    growing = pace(seen)
    if growing is None:
        return "Looks a day apart will tell when."
    told = (
        f"{growing.rows_a_day:+,.0f} rows a day since {growing.since:%Y-%m-%d}, "
        f"by {counted(len(seen), 'look')}"
    )
    expected = due(reached, rows, growing, today)
    if expected.early is None:
        return f"At {told}, that is not within ten years."
    return f"At {told}, that is around **{expected}**."


def _upper(rows: float) -> str:
    return f"{rows:,.0f}" if rows < 1e15 else "never"
