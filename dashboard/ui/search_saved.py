"""The searches saved of a column: listed, opened, saved and forgotten on the page Search."""

from __future__ import annotations

import streamlit as st

from dashboard import saved_searches
from dashboard.identity import Role, current_principal
from dashboard.question import Answer, Question
from dashboard.ui import search_bar, state
from dashboard.ui.messages import escaped, told_to_the_reader
from dashboard.ui.units import ago
from db.catalog import ColumnInfo
from db.errors import NotMigrated, PermissionDenied
from db.saved_searches import LONGEST_NAME, SavedSearch
from db.saved_searches import saved_searches as read_saved

_NAME, _TOLD = "saved name", "saved search told"
_ICON = ":material/bookmark:"


def known(column: ColumnInfo) -> tuple[SavedSearch, ...] | None:
    """Read a column's saved searches; None where this database keeps none, or not for this login."""
    try:
        with state.database().reading("saved searches") as connection:
            return read_saved(connection, column)
    except (NotMigrated, PermissionDenied):
        return None


def beside(column: ColumnInfo, asked: Question, answer: Answer) -> None:
    """Draw what saves the search on the page, above those that are saved already."""
    if (saved := known(column)) is None:
        return
    with st.popover(f"Saved ({len(saved)})" if saved else "Save", icon=_ICON, type="tertiary"):
        st.text_input(
            "Save this search as", _proposed(asked), max_chars=LONGEST_NAME, key=f"{_NAME} {answer.token}"
        )
        st.button(
            "Save",
            type="primary",
            key="save search",
            icon=":material/bookmark_add:",
            on_click=_save,
            args=(column, asked, answer),
        )
        if told := state.recall(_TOLD):
            state.remember(_TOLD, None)
            st.caption(f":material/check: {escaped(told)}")
        _list(saved)
        st.caption("A benchmark asks them all with `saved` as its query source.")


def offered(column: ColumnInfo) -> None:
    """List the saved searches where nothing is asked yet."""
    if saved := known(column):
        with st.container(border=True):
            st.subheader("Saved searches", anchor=False)
            _list(saved)


def _list(saved: tuple[SavedSearch, ...]) -> None:
    me = current_principal()
    for search in saved:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                escaped(search.name),
                icon=_ICON,
                type="tertiary",
                key=f"open search {search.id}",
                on_click=_open,
                args=(search,),
            )
            st.caption(f"{escaped(search.created_by)}, {ago(search.created_at)}", width="content")
            st.button(
                "",
                icon=":material/delete:",
                type="tertiary",
                help=f"Delete {escaped(search.name)}",
                key=f"forget search {search.id}",
                disabled=me.name != search.created_by and me.role < Role.ADMIN,
                on_click=_forget,
                args=(search,),
            )


def _proposed(asked: Question) -> str:
    """Propose a name: the words, or which row; a vector has none."""
    given = asked.given if asked.by == "Text" else f"row {asked.given}" if asked.by == "Row id" else ""
    return " ".join(given.split())[:LONGEST_NAME]


def _save(column: ColumnInfo, asked: Question, answer: Answer) -> None:
    name = state.value(f"{_NAME} {answer.token}") or ""
    with told_to_the_reader():
        query = answer.exact.request.query
        me = current_principal()
        saved_searches.save(state.database(), me, column, name, question=asked, query=query)
        state.remember(_TOLD, f"Saved as {name}.")


def _open(search: SavedSearch) -> None:
    search_bar.put(saved_searches.from_document(search.question))


def _forget(search: SavedSearch) -> None:
    with told_to_the_reader():
        saved_searches.forget(state.database(), current_principal(), search)
