"""Beside the rows: what values columns have and how often, each with how that is known; a click filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import pandas as pd
import streamlit as st

from dashboard.ui import data_address as address
from dashboard.ui import data_charts as charts
from dashboard.ui import data_conditions as conditions
from dashboard.ui import data_reads, state
from dashboard.ui.data_rows import token
from dashboard.ui.data_tables import VECTOR_CHIPS
from dashboard.ui.messages import escaped
from dashboard.ui.units import counted, cut
from db.browse import PageRequest
from db.browse_sample import SEED
from db.conditions import Condition, to_text
from db.errors import StatementTimeout
from db.facets import Facet, Facetable, Histogram, Level, vector_filter

T = TypeVar("T", Facet, Histogram)

NULL = "∅ empty"
_SHOWN = {"values": 2, "histogram": 1}
"""How many of each form are drawn unasked."""

_COMPACT = 100_000
"""Rows from which a facet's figures have too many digits for its width."""

_LABEL = 14
"""Characters of a value that there is room for."""

_CHOICE = "facet columns"
_GIVEN_UP = "given up"
_TOO_SLOW = f"Counting every row took over {data_reads.PATIENCE_S} s and was given up: filter first."
_ABOUT = {
    "statistics": "From the planner's statistics, as old as the last ANALYZE.",
    "sample": f"Counted in a random share of the table's pages (seed {SEED}) and scaled up.",
}


def draw(request: PageRequest) -> None:
    """Draw the facets that are chosen, and the vector's own."""
    known = data_reads.facetable(request.column)
    for chosen in _choose(known):
        if chosen.form == "values":
            _values(request, chosen.column.name)
        else:
            _spread(request, chosen.column.name)
    _vectors(request)


def _choose(known: Sequence[Facetable]) -> list[Facetable]:
    preset: list[str] = []
    for form, most in _SHOWN.items():
        preset += [f.column.name for f in known if f.form == form][:most]
    if len(known) <= len(preset):
        return [facet for facet in known if facet.column.name in preset]
    with st.popover("Facets", icon=":material/tune:", type="tertiary"):
        names = st.pills(
            "Columns",
            [facet.column.name for facet in known],
            default=preset,
            selection_mode="multi",
            format_func=escaped,
            key=_CHOICE,
        )
    return [facet for facet in known if facet.column.name in names]


def _values(request: PageRequest, name: str) -> None:
    where = conditions.apart_from(request.where, name)
    found = _asked(
        request, name, "statistics", lambda level: data_reads.facet(request.column, where, name, level)
    )
    chosen = conditions.chosen(request.where, name)
    rows: dict[str | None, int | None] = dict(found.values)
    if found.nulls:
        rows[None] = found.nulls
    rows |= {value: None for value in chosen if value not in rows}
    values = list(rows)

    def choose(place: int) -> Condition:
        return conditions.toggled(request.where, name, values[place])

    names = [NULL if value is None else value for value in values]
    short = (cut(name, _LABEL) for name in names)
    labels = [f"✓ {label}" if value in chosen else label for label, value in zip(short, values, strict=True)]
    with st.container(border=True, gap="xsmall"):
        _title(request, name, found, whole=[label for label in names if len(label) > _LABEL])
        _bars(f"facet {name} {token(request)}", labels, list(rows.values()), found, choose)


def _vectors(request: PageRequest) -> None:
    name = request.column.column
    where = conditions.apart_from(request.where, name)
    found = _asked(
        request, name, "sample", lambda level: data_reads.vector_facet(request.column, where, level)
    )
    states: list[Any] = [vector_state for vector_state, _ in found.values]

    def choose(place: int) -> Condition:
        asked = vector_filter(request.column, states[place])
        if asked in conditions.members(request.where):
            return conditions.without(request.where, asked)
        return conditions.and_also(request.where, asked)

    with st.container(border=True, gap="xsmall"):
        _title(request, name, found, label="Vector")
        labels = [VECTOR_CHIPS[vector_state] for vector_state in states]
        _bars(f"facet of vectors {token(request)}", labels, [rows for _, rows in found.values], found, choose)


def _bars(
    key: str,
    labels: Sequence[str],
    counts: Sequence[int | None],
    found: Facet,
    choose: Callable[[int], Condition],
) -> None:
    """Draw values with their rows as bars; a click on one changes the condition."""
    if not labels:
        st.caption(found.note or "No values.")
        return
    most = max(count or 0 for count in counts)
    about = "" if found.kind == "exact" else "~"
    rows = f"{about}Rows"

    def filter_by() -> None:
        cells = state.value(key)["selection"]["cells"]
        if cells:
            address.show_where(choose(cells[0][0]))

    st.dataframe(
        pd.DataFrame({"Value": list(labels), rows: list(counts)}),
        hide_index=True,
        key=key,
        height="content",
        row_height=30,
        on_select=filter_by,
        selection_mode="single-cell",  # a click on a value filters, without a column of check boxes
        alt=f"Values of {found.column} with their rows; a click filters by the value",
        column_config={
            "Value": st.column_config.TextColumn(width=98),
            rows: st.column_config.ProgressColumn(
                width=102,
                format="compact" if most >= _COMPACT else "localized",
                min_value=0,
                max_value=most or 1,
            ),
        },
    )
    if found.others:
        st.caption(f"and {about}{counted(found.others, 'row')} with other values")
    if found.note:
        st.caption(escaped(found.note))


def _spread(request: PageRequest, name: str) -> None:
    """Draw a histogram; what is selected of it becomes a range."""
    where = conditions.apart_from(request.where, name)
    found = _asked(
        request, name, "statistics", lambda level: data_reads.histogram(request.column, where, name, level)
    )
    key = f"histogram {name} {token(request)}"

    def filter_by() -> None:
        places = sorted(point["point_index"] for point in state.value(key)["selection"]["points"])
        if places:
            low, high = found.bins[places[0]].low, found.bins[places[-1]].high
            closed = places[-1] == len(found.bins) - 1
            address.show_where(conditions.ranged(request.where, name, low, high, closed=closed))

    with st.container(border=True, gap="xsmall"):
        _title(request, name, found)
        if not found.bins:
            st.caption(escaped(found.note) or "No values.")
            return
        st.plotly_chart(
            charts.bars(found),
            key=key,
            config={"displayModeBar": False},
            on_select=filter_by,
            selection_mode=("points", "box"),
            alt=_described(found),
        )
        if found.note:
            st.caption(escaped(found.note))


def _described(found: Histogram) -> str:
    most = max(found.bins, key=lambda part: part.rows)
    return (
        f"Histogram of {found.column} from {found.bins[0].low} to {found.bins[-1].high}; "
        f"most rows, {most.rows:,}, lie from {most.low} to {most.high}. A selection filters by the range."
    )


def _title(
    request: PageRequest, name: str, found: Facet | Histogram, label: str = "", whole: Sequence[str] = ()
) -> None:
    """Draw a facet's name, how it was got, and the way to have it exactly; ``whole`` are values cut below."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        uncut = "\n".join(f"- {escaped(value)}" for value in whole)
        st.markdown(f"**{escaped(label or name)}**", width="content", help=uncut or None)
        st.caption(_origin(found), width="content")
        if found.kind != "exact":
            st.button(
                "",
                icon=":material/functions:",
                help=f"{_ABOUT.get(found.kind, '')} Click to count every row instead.".strip(),
                type="tertiary",
                key=f"exact {name}",
                on_click=state.remember,
                args=(_level_key(request, name), "exact"),
            )


def _origin(found: Facet | Histogram) -> str:
    if found.kind == "sample" and found.sampled_share is not None:
        return f"sample {100 * found.sampled_share:.2g} %"
    return {"statistics": "statistics", "sample": "sample", "exact": "exact", "none": "not known"}[found.kind]


def _level_key(request: PageRequest, name: str) -> str:
    return f"facet level {request.column} {name} {to_text(request.where)}"


def _asked(request: PageRequest, name: str, preset: Level, ask: Callable[[Level], T]) -> T:
    """Ask for a facet as exactly as is wanted; where that takes too long, as it is drawn unasked."""
    key = _level_key(request, name)
    if state.recall(key) == "exact":
        try:
            return ask("exact")
        except StatementTimeout:
            state.remember(key, _GIVEN_UP)
    found = ask(preset)
    return replace(found, note=_TOO_SLOW) if state.recall(key) == _GIVEN_UP else found
