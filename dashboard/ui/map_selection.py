"""What is selected on a map: which rows, and the ways on from them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.mapping.chosen import among, that_fit_an_address
from dashboard.ui import data_selection
from dashboard.ui.exports import export_popover
from dashboard.ui.map_bar import unmark
from dashboard.ui.map_marks import Hit, Marked
from dashboard.ui.messages import escaped
from dashboard.ui.search_view import card_title
from dashboard.ui.shell import go
from dashboard.ui.units import counted
from db.catalog import ColumnInfo
from db.conditions import Condition, to_text
from db.nearest import identity_names

SHOWN_ROWS = 200
HEIGHT_PX, LINES = 300, 8


def keys_of(event: Any, *known: Collection[str]) -> tuple[str, ...]:
    """Read the keys of the selected points, each once; what a map does not know is left out."""
    keys = set().union(*known)
    selected = (point.get("customdata") for point in event["selection"]["points"])
    bare = (data[0] if isinstance(data, list) and data else data for data in selected)
    return tuple(dict.fromkeys(key for key in bare if isinstance(key, str) and key in keys))


def card(
    column: ColumnInfo,
    keys: Sequence[str],
    values: Mapping[str, tuple[str | None, ...]],
    names: Sequence[str],
    *,
    where: Condition,
) -> None:
    """Draw the selected rows and what can be done with them."""
    with st.container(border=True):
        if not keys:
            st.subheader("Nothing selected", anchor=False)
            st.caption(
                ":material/lasso_select: Draw around points, or click one, to see their rows here. "
                "Scroll to zoom; box, pan and reset stand above the map. A double click undoes the selection."
            )
            return
        st.subheader(f"{counted(len(keys), 'row')} selected", anchor=False)
        _rows(keys, values, names)
        _ways_on(column, keys, where)


def _rows(keys: Sequence[str], values: Mapping[str, tuple[str | None, ...]], names: Sequence[str]) -> None:
    nothing = (None,) * len(names)
    shown = keys[:SHOWN_ROWS]
    frame = pd.DataFrame([values.get(key, nothing) for key in shown], columns=list(names))
    if "id" not in frame:
        frame["id"] = shown
    st.dataframe(
        frame,
        hide_index=True,
        height=HEIGHT_PX if len(shown) > LINES else "content",
        alt="The selected rows",
        column_config={name: st.column_config.Column(width=160) for name in names[:1]},
    )
    if len(keys) > len(shown):
        st.caption(f"The first {len(shown):,} of {len(keys):,}.")


def _ways_on(column: ColumnInfo, keys: Sequence[str], where: Condition) -> None:
    fitting = that_fit_an_address(column, keys)
    cut = fitting < len(keys)
    label = f"Open the first {fitting:,} in Data" if cut else "Open in Data"
    with st.container(horizontal=True, gap="small"):
        if fitting and st.button(label, icon=":material/table_rows:", type="primary", key="map data"):
            if cut:
                data_selection.choose(column, {key: _typed(column, key) for key in keys})
            go("data.py", {"c": str(column), "f": to_text(among(column, keys[:fitting]))})
        if len(keys) == 1:
            if st.button("Open item", icon=":material/open_in_new:", key="map item"):
                go("item.py", {"c": str(column), "id": keys[0]})
            if st.button("Find neighbours", icon=":material/travel_explore:", key="map neighbours"):
                go("search.py", {"c": str(column), "by": "Row id", "q": keys[0]})
        export_popover(column, where, page_keys=(), selected_keys=[_typed(column, key) for key in keys])
    if cut:
        st.caption(
            f":material/content_cut: {len(keys):,} keys are too many for an address: "
            f"{fitting:,} fit. All stay selected there, and Export takes them all."
        )


def _typed(column: ColumnInfo, key: str) -> Any:
    """Make of a key's spelling what an export takes: a tuple where it has several parts."""
    return tuple(json.loads(key)) if len(identity_names(column)) > 1 else key


def hits_card(hits: Sequence[Hit], words: str) -> None:
    """List what a search found, and whether the map shows it."""
    with st.container(border=True):
        card_title("Found", escaped(words[:60]))
        frame = pd.DataFrame(
            [(hit.rank, hit.name, hit.distance, _whereabouts(hit)) for hit in hits],
            columns=["#", "Row", "Distance", "Map"],
        )
        st.dataframe(
            frame,
            hide_index=True,
            height=HEIGHT_PX,
            alt="Search hits, nearest first, and whether they are on the map",
            column_config={
                "#": st.column_config.NumberColumn(width=34),
                "Row": st.column_config.TextColumn(width=128),
                "Distance": st.column_config.NumberColumn(width=68, format="%.3f"),
                "Map": st.column_config.TextColumn(width=44),
            },
        )
        if any(not hit.sampled for hit in hits):
            st.caption(
                "○ is not in the sample, and was placed on its plane; a dash has no place on this map."
            )


def marked_card(rows: Sequence[Marked], asked: int) -> None:
    """List the rows that are pointed out, of those ``asked`` for, and whether the map shows them."""
    with st.container(border=True):
        card_title("Marked", counted(asked, "row"))
        if rows:
            st.dataframe(
                pd.DataFrame([(row.key, row.name, _whereabouts(row)) for row in rows], columns=_MARKED),
                hide_index=True,
                height=HEIGHT_PX if len(rows) > LINES else "content",
                alt="The rows that are marked, and whether they are on the map",
                column_config={
                    "id": st.column_config.TextColumn(width=64),
                    "Row": st.column_config.TextColumn(width=160),
                    "Map": st.column_config.TextColumn(width=44),
                },
            )
        for remark in _remarks(rows, asked):
            st.caption(remark)
        st.button("Mark nothing", icon=":material/close:", type="tertiary", on_click=unmark, key="unmark")


_MARKED = ["id", "Row", "Map"]


def _remarks(rows: Sequence[Marked], asked: int) -> Iterator[str]:
    if len(rows) < asked:
        yield f":material/delete: {counted(asked - len(rows), 'row')} of these cannot be found any more."
    if any(row.place is None for row in rows):
        yield "A dash has no vector, or no place on this map: t-SNE places only the rows of its sample."
    elif not all(row.sampled for row in rows):
        yield "○ is not in the sample, and was placed on its plane."


def _whereabouts(row: Hit | Marked) -> str:
    if row.place is None:
        return "–"  # noqa: RUF001 - the sign of an empty cell everywhere
    return "●" if row.sampled else "○"
