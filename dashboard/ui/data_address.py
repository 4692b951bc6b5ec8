"""Which rows of a table the Data page shows: condition, order and place, all of it in the address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlencode

import streamlit as st

from dashboard.ui import state
from dashboard.ui.pickers import COLUMN
from db.browse import Cursor, PageRequest, Sort, Sortable, cursor_from_text
from db.catalog import ColumnInfo
from db.columns import spelled
from db.conditions import EVERY_ROW, Condition, from_text, to_text
from db.errors import RequestError

T = TypeVar("T")

FILTER, ORDER, PLACE = "f", "s", "after"
"""Where each part stands in the address."""


def read(column: ColumnInfo, sortables: Sequence[Sortable]) -> tuple[PageRequest, tuple[RequestError, ...]]:
    """Read what the address asks for, and what of it cannot be read."""
    _forget_another_table(column)
    problems: list[RequestError] = []
    request = PageRequest(
        column,
        where=_part(FILTER, from_text, problems) or EVERY_ROW,
        sort=_part(ORDER, lambda given: _sort(given, sortables), problems),
        cursor=_part(PLACE, cursor_from_text, problems),
    )
    return request, tuple(problems)


def order_text(sort: Sort) -> str:
    """Write an order for the address: the column, after a minus where the highest come first.

    >>> order_text(Sort("Created at", descending=True))
    '-"Created at"'
    """
    return ("-" if sort.descending else "") + spelled(sort.column)


def show_where(where: Condition) -> None:
    """Show the rows that meet another condition, from their beginning; for an ``on_click``."""
    _write(FILTER, to_text(where))
    _write(PLACE, "")


def show_sorted(sort: Sort | None) -> None:
    """Show the rows in another order, from its beginning."""
    _write(ORDER, order_text(sort) if sort else "")
    _write(PLACE, "")


def show_place(cursor: Cursor | None) -> None:
    """Show another page of the same rows; None is the first."""
    _write(PLACE, cursor.to_text() if cursor else "")


def _write(name: str, text: str) -> None:
    if text:
        st.query_params[name] = text
    else:
        st.query_params.pop(name, None)


def _part(name: str, read_text: Callable[[str], T], problems: list[RequestError]) -> T | None:
    try:
        return read_text(st.query_params[name]) if name in st.query_params else None
    except RequestError as error:
        problems.append(error)
        return None


def _sort(given: str, sortables: Sequence[Sortable]) -> Sort:
    known = {sortable.column for sortable in sortables}
    for sort in (Sort(name, descending) for name in known for descending in (False, True)):
        if given == order_text(sort):
            return sort
    raise RequestError(f"Rows cannot be ordered by {given[:80]!r}.", "Choose another order.")


def _forget_another_table(column: ColumnInfo) -> None:
    """Drop what the address still says of the column that was shown before.

    The picker in the sidebar changes only the column's name; a link brings a whole new address.
    """
    now = {name: st.query_params.get(name) for name in (FILTER, ORDER, PLACE)}
    shown, before = state.recall("data address", (None, {}))
    if shown not in {None, str(column)} and now == before:
        for name in now:
            st.query_params.pop(name, None)


def remember(column: ColumnInfo) -> None:
    """Keep in mind what the address says of ``column``, to know it again; after the page is drawn."""
    now = {name: st.query_params.get(name) for name in (FILTER, ORDER, PLACE)}
    state.remember("data address", (str(column), now))


def link(column: ColumnInfo) -> str:
    """Write the whole address of what is shown."""
    query = st.query_params.to_dict() | {COLUMN: str(column)}
    return f"{st.context.url or ''}?{urlencode(query)}"
