"""The Item page's cards: the row's fields, its vector, its copies, and the rows nearest to it."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten
from typing import Any

import streamlit as st

from dashboard.ui import charts, item_chart, messages, pickers, search_view, state, tables
from dashboard.ui import item_reads as reads
from dashboard.ui.charts import figure_of
from dashboard.ui.data_tables import written
from dashboard.ui.messages import escaped
from dashboard.ui.search_tables import key_text, naming_columns, row_name
from dashboard.ui.search_view import card_title
from dashboard.ui.units import counted, size
from db.items import Field, Item
from db.nearest import UNDEFINED_FOR_ZERO

LONG_TEXT = 120
"""Characters from which a text is read, not looked up: it stands by itself, above the table."""

TITLE_LENGTH = 70

MOSTLY = 50
"""Per cent of vectors of one length from which a column is taken to be normalised."""

KEY = "id"
"""The query parameter that names the row."""


def show(key: str) -> None:
    """Show another row of the same table; as a button's ``on_click``."""
    st.query_params[KEY] = key


def name_of(item: Item) -> str:
    """Name the row as a search does."""
    naming = naming_columns(state.other_columns(item.column), item.column.key)
    named = {field.name: field.value for field in item.fields}
    title = named.get(naming[0]) if naming and naming != item.column.key else None
    return shorten(str(title), TITLE_LENGTH, placeholder=" …") if title else item.key


def texts(item: Item) -> None:
    """Draw what there is to read, each text by itself."""
    long = [field for field in item.fields if _is_long(field)]
    for field in long:
        with st.container(border=True):
            card_title(field.name, f"{field.type} · {counted(len(field.value), 'character')}")
            st.text(field.value)


def fields(item: Item) -> None:
    """Draw the other fields as a table, and JSON as a tree."""
    with st.container(border=True):
        card_title("Fields", counted(len(item.fields), "column"))
        # A table reads its cells as Markdown.
        short = [field for field in item.fields if not _is_long(field) and not _is_tree(field)]
        plain = {escaped(f.name): escaped(_cell(f, is_key=f.name in item.column.key)) for f in short}
        if plain:
            tables.facts(plain, "Names and values of the row's fields")
        for field in filter(_is_tree, item.fields):
            st.caption(f"{escaped(field.name)} · {field.type}")
            st.json(field.value, expanded=2)
        st.caption(_place(item))


def _is_long(field: Field) -> bool:
    return field.category == "S" and isinstance(field.value, str) and len(field.value) > LONG_TEXT


def _is_tree(field: Field) -> bool:
    return isinstance(field.value, dict | list)


def _cell(field: Field, *, is_key: bool) -> str:
    value: Any = "NULL" if field.value is None else field.value
    if field.category == "N" and not is_key:
        value = written(value)
    return f"{value} …" if field.is_cut and field.value and len(field.value) >= LONG_TEXT else str(value)


def _place(item: Item) -> str:
    place = item.place
    told = []
    if place.ctid:
        told.append(f"ctid {place.ctid}")
    if place.row_bytes is not None:
        told.append(f"row {size(place.row_bytes)}")
    if place.vector_bytes is not None:
        where = {True: ", out of line (TOAST)", False: ", in the row", None: ""}[place.is_out_of_line]
        told.append(f"vector {size(place.vector_bytes)}{where}")
    return " · ".join(told) or f"Read through a {item.column.kind}: it has no place of its own on disk."


def vector(item: Item) -> None:
    """Draw the vector as a strip, with its norm among those of other rows."""
    with st.container(border=True):
        if item.vector_text is None or item.norm is None:
            card_title("Vector", f"{item.column.column} is NULL")
            messages.empty("This row has no vector: no search by distance can return it.", ":material/block:")
            return
        card_title(
            "Vector",
            f"{item.column.column} · {item.column.type} · {counted(item.dimensions or 0, 'dimension')}",
        )
        _norm(item, item.norm)
        elements = item.vector
        if item.norm == 0:
            return
        if elements is None:
            st.caption("Too many dimensions to draw; most of them are zero.")
            return
        *_, per_bar = item_chart.strip(elements)
        st.plotly_chart(
            item_chart.strip_figure(elements),
            key=f"strip {item.key}",
            config=charts.PLAIN,
            alt=f"The {counted(len(elements), 'element')} of the vector, one bar each, in order",
        )
        if per_bar > 1:
            st.caption(f"Each bar is the largest of {per_bar:,} dimensions, by absolute value.")


def _norm(item: Item, length: float) -> None:
    rank = reads.rank(item.column, item.key, item)
    if length == 0:
        st.markdown(":orange-badge[:material/block: zero vector] &nbsp; Its norm is **0**.")
        return
    if rank is None:
        st.markdown(f"Norm **{figure_of(length)}**")
        return
    which = (
        f"{counted(rank.n, 'sampled row')}, seed {rank.seed}"
        if rank.is_sample
        else f"all {counted(rank.n, 'vector')}"
    )
    if rank.alike > MOSTLY:
        st.markdown(f"Norm **{figure_of(length)}**, as **{rank.alike:.3g} %** of {which}.")
        return
    st.markdown(f"Norm **{figure_of(length)}**, longer than **{rank.shorter:.3g} %** of {which}.")


def copies(item: Item) -> None:
    """Draw the rows with the very same vector."""
    if item.vector_text is None:
        return
    with st.container(border=True):
        found = reads.copies(item.column, item.key, item)
        if found is None:
            card_title("Copies", "not counted")
            st.caption(
                "Comparing this vector with every row takes over 2 s here; inspect the column instead."
            )
            return
        card_title("Copies", "rows with the very same vector")
        if not found.rows:
            st.markdown(":green-badge[:material/check_circle: none] &nbsp; No other row has this vector.")
            return
        st.markdown(
            f":orange-badge[:material/content_copy: {found.rows:,}] &nbsp; {_copies_told(item, found.rows)}"
        )
        links(found.keys, "copy")
        if found.rows > len(found.keys):
            st.caption(f"The first {len(found.keys)} of {found.rows:,}.")


def _copies_told(item: Item, rows: int) -> str:
    told = "Another row has" if rows == 1 else "Other rows have"
    crowding = " In an answer they take the places of different rows." if rows > 1 and item.norm else ""
    return f"{told} exactly this vector.{crowding}"


def links(keys: Sequence[str], name: str) -> None:
    """Draw a button for each row."""
    with st.container(horizontal=True, gap="small"):
        for key in keys:
            st.button(
                escaped(key),
                type="tertiary",
                key=f"{name} {key}",
                on_click=show,
                args=(key,),
                icon=":material/article:",
            )


def nearest(item: Item) -> None:
    """Draw the ten rows nearest to this one, exact and by the index, side by side."""
    question = reads.neighbours(item.column, item.key)
    if item.vector_text is None or (item.norm == 0 and question.distance in UNDEFINED_FOR_ZERO):
        return
    with messages.told_to_the_reader():
        answer = state.answer(item.column, question)
        card_title("Nearest rows", f"{pickers.rows(item.column)} · this row itself left out")
        search_view.headline(answer)
        search_view.underfill(answer)
        chosen = search_view.sides(answer)
        if chosen:
            naming = naming_columns(answer.exact.shown, item.column.key)
            st.button(
                f"Open {escaped(row_name(chosen, naming))}",
                icon=":material/article:",
                key="open neighbour",
                on_click=show,
                args=(key_text(chosen.key),),
            )
