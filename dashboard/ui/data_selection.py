"""The rows a reader has chosen, on whatever page they lie, and what can be done with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.ui import clipboard, state
from dashboard.ui import data_address as address
from dashboard.ui.search_tables import key_text
from dashboard.ui.shell import go
from dashboard.ui.units import counted
from db.browse import Page
from db.catalog import ColumnInfo
from db.conditions import Condition, Group
from db.filters import Filter
from db.nearest import identity_names


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


def actions(column: ColumnInfo) -> None:
    """Draw what can be done with the chosen rows; nothing where there are none."""
    rows = chosen(column)
    if not rows:
        return
    texts, alone = list(rows), len(rows) == 1
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
            "Only these",
            icon=":material/checklist:",
            key="selected only",
            on_click=address.show_where,
            args=(only(column, list(rows.values())),),
        )
        if st.button("Copy ids", icon=":material/content_copy:", key="selected copy"):
            clipboard.copy("\n".join(texts), f"{counted(len(rows), 'id')} copied, one per line")
        if st.button("Map", icon=":material/scatter_plot:", key="selected map"):
            go("map.py", {"c": str(column)})
        st.button(
            "Clear",
            type="tertiary",
            icon=":material/close:",
            key="selected none",
            on_click=_empty,
            args=(column,),
        )


def only(column: ColumnInfo, keys: Sequence[Any]) -> Condition:
    """Make the condition that keeps these rows."""
    names = identity_names(column)
    if len(names) == 1:
        return Group("all", (Filter(names[0], "in", tuple(str(key) for key in keys)),))
    return Group(
        "any",
        tuple(
            Group("all", tuple(Filter(name, "=", str(part)) for name, part in zip(names, key, strict=True)))
            for key in keys
        ),
    )


def _basket(column: ColumnInfo) -> str:
    return f"data selection {column}"


def _empty(column: ColumnInfo) -> None:
    state.remember(_basket(column), {})
    emptied = f"{_basket(column)} emptied"
    state.remember(emptied, state.recall(emptied, 0) + 1)
