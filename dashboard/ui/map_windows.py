"""Two windows of rows on one map, and what lies between them."""

from __future__ import annotations

from zlib import crc32

import streamlit as st

from dashboard.mapping.drift import Drift
from dashboard.mapping.methods import PROJECTIONS
from dashboard.mapping.windows import ORDERED, ROWS, SPAN, Overlay, halves, window_of
from dashboard.ui import map_charts as charts
from dashboard.ui import map_reads as reads
from dashboard.ui import map_selection as selection
from dashboard.ui import state
from dashboard.ui.map_bar import rows_at_once
from dashboard.ui.map_colours import COLOURABLE
from dashboard.ui.messages import empty, escaped
from dashboard.ui.search_tables import naming_columns
from dashboard.ui.search_view import card_title
from dashboard.ui.units import counted
from db.catalog import ColumnInfo, PlainColumn
from db.conditions import EVERY_ROW, Condition, Group

BY, FIRST, SECOND = "w", "a", "b"
"""Where the column and the windows stand in the address."""


def draw(column: ColumnInfo, others: tuple[PlainColumn, ...], *, where: Condition, seed: int) -> None:
    """Ask for two windows and draw both.  Raises RequestError where one cannot be read, or is empty."""
    known = {other.name: other for other in others if other.category in COLOURABLE}
    if not known:
        empty("There is no column beside the vector that could tell two windows apart.")
        return
    by, given = _ask(column, known)
    if not all(given):
        empty(f"{escaped(by.name)} holds no values to make windows of. Choose another column, or write them.")
        return
    before, after = (_within(where, window_of(by, window)) for window in given)
    with st.spinner("Comparing the windows", show_time=True):
        overlay = reads.overlaid(column, str(column), before, after, seed, _rows_of_each(column))
    names = (f"{by.name} {given[0]}", f"{by.name} {given[1]}")
    left, right = st.columns([7, 3])
    with left.container(border=True):
        card_title("Two windows", _note(overlay, seed))
        token = crc32(repr((str(column), given, where, seed)).encode())
        event = st.plotly_chart(
            charts.windows_figure(overlay, names),
            key=f"windows {token:08x}",
            on_select="rerun",
            config=charts.TOOLS,
            alt=f"{names[0]} and {names[1]} on one plane. {_verdict(overlay.drift)}",
        )
        st.caption(f":material/info: {PROJECTIONS['pca'].reading} Large marks are the centres.")
    with right:
        _drift(overlay.drift)
        _selected(column, others, overlay, event)


def _ask(column: ColumnInfo, known: dict[str, PlainColumn]) -> tuple[PlainColumn, tuple[str, str]]:
    with st.container(border=True):
        a, b, c = st.columns([2, 3, 3])
        ordered = [name for name, other in known.items() if other.category == "D"]
        names = list(known)
        preset = names.index(ordered[0]) if ordered else 0
        name = a.selectbox("Told apart by", names, preset, key=BY, bind="query-params", on_change=_start_over)
        by = known[name]
        suggested = halves(by, reads.some_values(column, name))
        hint = f"from{SPAN}to" if by.category in ORDERED else "values, with commas between"
        for key, value in zip((FIRST, SECOND), suggested, strict=True):
            if not state.value(key) and key not in st.query_params:
                state.put(key, value)
        first = b.text_input("First window", placeholder=hint, key=FIRST, bind="query-params")
        second = c.text_input("Second window", placeholder=hint, key=SECOND, bind="query-params")
    return by, (first.strip(), second.strip())


def _start_over() -> None:
    """Suggest windows anew: those of another column mean nothing here."""
    state.put(FIRST, "")
    state.put(SECOND, "")


def _rows_of_each(column: ColumnInfo) -> int:
    """Tell how many rows of each window are drawn: together as many as a map draws at once."""
    return min(ROWS, rows_at_once(column, PROJECTIONS["pca"]) // 2)


def _within(where: Condition, window: Condition) -> Condition:
    return window if where == EVERY_ROW else Group("all", (where, window))


def _note(overlay: Overlay, seed: int) -> str:
    first, second = overlay.drift.rows
    return f"{first:,} and {counted(second, 'row')} · PCA of both together · seed {seed}"


def _drift(found: Drift) -> None:
    with st.container(border=True):
        st.subheader("Drift", anchor=False)
        color, icon = ("orange", "trending_up") if found.is_real else ("green", "check_circle")
        word = "more than chance" if found.is_real else "no more than chance"
        st.markdown(
            f":{color}-badge[:material/{icon}: {word}] p {'<' if found.p < 0.005 else '='} "
            f"{max(found.p, 0.005):.3f}"
        )
        left, right = st.columns(2)
        left.metric(
            "Centre shift",
            f"{found.shift:.2f} sd",
            help="Distance between the windows' means in all dimensions, in units of the pooled standard "
            "deviation: how far a row usually is from its own window's mean.",
        )
        right.metric(
            "Energy distance",
            f"{found.energy:.3f}",
            f"chance: {found.by_chance:.3f}",
            delta_color="off",
            delta_arrow="off",
            help="0 where both windows are spread alike, 1 where they have nothing in common; also sees "
            "changes that leave the mean in place. Chance: what 95 of 100 random splits stay below.",
        )
        st.markdown(_verdict(found))
        st.caption(
            f"n {found.compared[0]:,} and {found.compared[1]:,} rows compared, 200 random splits; "
            "measured in all dimensions, not on the picture"
        )


def _verdict(found: Drift) -> str:
    if not found.is_real:
        return "The windows differ no more than random halves of the same rows would."
    size = "slightly" if found.shift < 0.2 else "clearly" if found.shift < 0.5 else "strongly"
    return f"The rows of the second window have moved {size}: their centre by {found.shift:.2f} sd."


def _selected(column: ColumnInfo, others: tuple[PlainColumn, ...], overlay: Overlay, event: object) -> None:
    keys = (*overlay.before.keys, *overlay.after.keys)
    chosen = selection.keys_of(event, keys)
    names = naming_columns(others, column.key)[:1]
    values = reads.values(column, f"{column} {hash(chosen)}", chosen, names) if chosen else {}
    selection.card(column, chosen, values, names, where=EVERY_ROW)
