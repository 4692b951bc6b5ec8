"""The Item page's head: which row, the ways on from it, and what to show where there is none."""

from __future__ import annotations

import streamlit as st

from dashboard.mapping.chosen import keys_to_text
from dashboard.ui import clipboard, messages, pickers, state
from dashboard.ui import item_reads as reads
from dashboard.ui.item_view import links, name_of, show
from dashboard.ui.messages import escaped
from dashboard.ui.search_tables import key_text as example_key
from dashboard.ui.search_tables import naming_columns
from dashboard.ui.shell import go
from dashboard.ui.waiting import waiting
from db.catalog import ColumnInfo
from db.columns import spelled
from db.items import Item, Missing
from db.nearest import identity_names

_ROW_PX = 480


def read(column: ColumnInfo, key: str) -> Item | Missing:
    """Read the row, and hold its place meanwhile."""
    with waiting("Reading the row", _ROW_PX):
        return reads.item(column, key)


def header(item: Item) -> None:
    """Draw the row's name, and what can be done with it."""
    column = item.column
    left, right = st.columns([5, 4], vertical_alignment="bottom")
    with left.container(gap=None):
        st.title(escaped(name_of(item)), anchor=False)
        names = ", ".join(identity_names(column))
        st.caption(f"{escaped(str(column))} · {escaped(names)} {escaped(item.key)}")
    with right.container(horizontal=True, horizontal_alignment="right", gap="small"):
        _steps(item)
        clipboard.link_button(column, "Link copied: it shows this row")
    clipboard.refused()
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        _ways_on(item)
        pickers.pick_vector(column)


def _steps(item: Item) -> None:
    beside = reads.around(item.column, item.key)
    for label, icon, key, shortcut in (
        ("Previous", "chevron_left", beside.before, "Left"),
        ("Next", "chevron_right", beside.after, "Right"),
    ):
        st.button(
            label,
            icon=f":material/{icon}:",
            disabled=key is None,
            shortcut=shortcut,
            key=label.lower(),
            help="In the order of the page Data: the newest first",
            on_click=show,
            args=(key,),
        )


def _ways_on(item: Item) -> None:
    column = {"c": str(item.column)}
    if st.button(
        "Search from here",
        icon=":material/travel_explore:",
        type="primary",
        shortcut="N",
        key="search here",
        disabled=item.vector_text is None,
    ):
        go("search.py", column | {"by": "Row id", "q": item.key})
    if st.button("Back to data", icon=":material/table_rows:", key="back"):
        here = reads.around(item.column, item.key).here
        go("data.py", column | ({"after": here.to_text()} if here else {}))
    if st.button("On the map", icon=":material/scatter_plot:", key="map"):
        go("map.py", column | {"at": keys_to_text([item.key])})
    with st.popover("Copy as SQL", icon=":material/database:"):
        st.code(item.sql, language="sql", wrap_lines=True)


def nothing() -> None:
    """Say that there is no table to show a row of."""
    st.title("Item", anchor=False)
    messages.no_column()


def missing(column: ColumnInfo, found: Missing) -> None:
    """Say that there is no such row, and offer those nearest to where it would be."""
    st.title("No such row", anchor=False)
    table = escaped(spelled(column.schema, column.table))
    if not found.near:
        messages.empty(f"There is no row {escaped(found.key[:80])}: {table} holds no rows.")
        _load()
        return
    names = escaped(", ".join(identity_names(column)))
    why = "It may have been deleted." if found.is_readable else f"It cannot be a value of {names}."
    st.warning(f"**There is no row {escaped(found.key[:80])} in {table}.** {why}", icon=":material/link_off:")
    st.caption("The rows nearest to it:" if found.is_readable else "Some rows that are there:")
    links(found.near, "near")
    _to_data(column)


def ask(column: ColumnInfo) -> None:
    """Ask which row, where the address names none."""
    st.title("Item", anchor=False)
    st.caption(f"{escaped(str(column))} · one row, whole")
    names = ", ".join(identity_names(column))
    messages.empty("No row is named: choose one on the page Data, or type its key.", ":material/article:")
    st.text_input(
        f"Row, by {names}",
        placeholder="42, or a JSON list for a key of several columns",
        key="item key",
        on_change=lambda: show(str(state.value("item key")).strip()),
    )
    naming = naming_columns(state.other_columns(column), column.key)
    if found := state.examples(column, naming):
        st.caption("Or look at one of these:")
        with st.container(horizontal=True, gap="small"):
            for place, example in enumerate(found):
                st.button(
                    escaped(example.text),
                    icon=":material/article:",
                    key=f"example {place}",
                    on_click=show,
                    args=(example_key(example.key),),
                )
    _to_data(column)


def _load() -> None:
    if st.button("Load sample data", icon=":material/upload:", type="primary", key="load"):
        go("seed.py")


def _to_data(column: ColumnInfo) -> None:
    if st.button("Browse the rows", icon=":material/table_rows:", type="primary", key="to data"):
        go("data.py", {"c": str(column)})
