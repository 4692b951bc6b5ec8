"""The rows a reader has chosen, on whatever page they lie, and what can be done with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.mapping.chosen import among, keys_to_text, that_fit_an_address
from dashboard.ui import clipboard, state
from dashboard.ui import data_address as address
from dashboard.ui.search_tables import key_text
from dashboard.ui.shell import go
from dashboard.ui.units import counted
from db.browse import Page
from db.catalog import ColumnInfo


def chosen(column: ColumnInfo) -> Mapping[str, Any]:
    """The rows chosen in this session: each key as text, and as it is."""
    return dict(state.recall(_basket(column), {}))


def widget(page: Page, token: str) -> tuple[str, list[int]]:
    """Name the table's widget, and the lines of this page that were chosen before."""
    before = chosen(page.request.column)
    emptied = state.recall(f"{_basket(page.request.column)} emptied", 0)
    lines = [line for line, row in enumerate(page.rows) if key_text(row.key) in before]
    return f"rows {token} {emptied}", lines


def take(page: Page, lines: Sequence[int]) -> None:
    """Keep what is chosen on this page beside what was chosen on others."""
    here = {key_text(row.key): row.key for row in page.rows}
    others = {text: key for text, key in chosen(page.request.column).items() if text not in here}
    now = {key_text(page.rows[line].key): page.rows[line].key for line in lines}
    state.remember(_basket(page.request.column), others | now)


def choose(column: ColumnInfo, rows: Mapping[str, Any]) -> None:
    """Keep rows that were chosen on another page, instead of those chosen before."""
    state.remember(_basket(column), dict(rows))


def actions(column: ColumnInfo) -> None:
    """Draw what can be done with the chosen rows; nothing where there are none."""
    rows = chosen(column)
    if not rows:
        return
    texts, alone = list(rows), len(rows) == 1
    fitting = that_fit_an_address(column, texts)
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{counted(len(rows), 'row')} selected**", width="content")
        if st.button(
            "Find neighbours",
            icon=":material/travel_explore:",
            type="primary",
            shortcut="N",
            key="selected neighbours",
            disabled=not alone,
            help=None if alone else "Of one row at a time",
        ):
            go("search.py", {"c": str(column), "by": "Row id", "q": texts[0]})
        if st.button("Open item", icon=":material/open_in_new:", key="selected item", disabled=not alone):
            go("item.py", {"c": str(column), "id": texts[0]})
        st.button(
            "Only these" if fitting == len(texts) else f"Only the first {fitting:,}",
            icon=":material/checklist:",
            key="selected only",
            on_click=address.show_where,
            args=(among(column, texts[:fitting]),),
            disabled=not fitting,
        )
        if st.button("Copy ids", icon=":material/content_copy:", key="selected copy"):
            clipboard.copy("\n".join(texts), f"{counted(len(rows), 'id')} copied, one per line")
        if st.button("Map", icon=":material/scatter_plot:", key="selected map"):
            go("map.py", {"c": str(column), "at": keys_to_text(texts)})
        st.button(
            "Clear",
            type="tertiary",
            icon=":material/close:",
            key="selected none",
            on_click=_empty,
            args=(column,),
        )


def _basket(column: ColumnInfo) -> str:
    return f"data selection {column}"


def _empty(column: ColumnInfo) -> None:
    state.remember(_basket(column), {})
    emptied = f"{_basket(column)} emptied"
    state.remember(emptied, state.recall(emptied, 0) + 1)
