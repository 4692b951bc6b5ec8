"""One widget each, handing back a value of the domain."""

import re
from typing import NoReturn

import streamlit as st

from dashboard.ui import grants, state
from dashboard.ui.messages import end, escaped, problem
from dashboard.ui.units import counted
from db.catalog import ColumnInfo, check_populated
from db.errors import PermissionDenied, RequestError, TableNotFound

COLUMN = "c"
"""The query parameter that names the column, the same on every page."""


def pick_column(*, must_exist: bool = True) -> ColumnInfo | None:
    """Draw the column picker in the sidebar; None when there is no vector column.

    The address names the column, so that a link reproduces the page.  Where it does not, the column
    chosen last in this session stays chosen: the choice follows the reader from page to page.  A link to
    a column that is gone ends the page, where it ``must_exist``: all else in the link was about it.
    Raises RequestError for a column that cannot be read now.
    """
    known = {str(column): column for column in state.columns()}
    if not known:
        return None
    linked = st.query_params.get(COLUMN, "")
    wanted = linked or state.recall("column", "")
    if wanted and wanted not in known:
        state.columns.clear()  # it may be newer than what is cached
        known = {str(column): column for column in state.columns()} or known
    is_gone = must_exist and linked != "" and linked not in known
    chosen = wanted if wanted in known else next(iter(known))
    state.put("column picker", None if is_gone else chosen)
    st.sidebar.selectbox(
        "Column",
        list(known),
        index=None if is_gone else 0,  # a box that may be empty has a cross to empty it
        placeholder="Choose a column",
        format_func=lambda name: label(known[name]),
        help=None if is_gone else escaped(label(known[chosen])),  # the box cuts what it has no room for
        key="column picker",
        on_change=_choose,
    )
    if is_gone:
        _end_without(linked)
    state.remember("column", chosen)
    check_populated(known[chosen])
    return known[chosen]


def pick_vector(column: ColumnInfo) -> None:
    """Draw the switch between the vectors of one table; nothing where ``column`` is its only one."""
    known = {str(other): other.column for other in state.columns() if _same_table(other, column)}
    if len(known) < 2:
        return
    state.put("vector picker", str(column))
    st.segmented_control(
        "Vector",
        list(known),
        format_func=lambda name: escaped(known[name]),
        required=True,
        key="vector picker",
        label_visibility="collapsed",
        width="content",
        on_change=lambda: st.query_params.update({COLUMN: state.value("vector picker")}),
    )


def _same_table(one: ColumnInfo, other: ColumnInfo) -> bool:
    return (one.schema, one.table) == (other.schema, other.table)


def _end_without(linked: str) -> NoReturn:
    if missing := grants.lacking(linked):
        st.title("No permission", anchor=False)
        problem(PermissionDenied(f"{grants.sentence(missing)}.", "Its owner can allow it:"))
        grants.offer(missing)
        end()
    st.title("No such column", anchor=False)
    problem(
        TableNotFound(
            f"There is no column {linked[:120]}, or this login may not read it.",
            "It may have been dropped or renamed: choose another in the sidebar.",
        )
    )
    end()


def label(column: ColumnInfo) -> str:
    """Name a column with what matters at a glance: ``products.embedding · 384 d · ~10,000 rows``."""
    name = str(column).removeprefix("public.")
    dimensions = f"{column.dimensions:,} d" if column.dimensions else "any d"
    return " · ".join((name, dimensions, rows(column)))


def rows(column: ColumnInfo) -> str:
    """Say how many rows the column's table has; estimates carry a ``~``."""
    if column.rows is None:
        return "rows unknown"
    return f"{'' if column.rows_exact else '~'}{counted(column.rows, 'row')}"


def _choose() -> None:
    if chosen := state.value("column picker"):
        st.query_params[COLUMN] = chosen


def job_in_address() -> int | None:
    """Read the job the address names, as ``?job=12``.  Raises RequestError when that is no number."""
    return number_in_address("job", "Choose one on the page Jobs.")


def number_in_address(name: str, remedy: str) -> int | None:
    """Read the number of a job or run from the address.  Raises RequestError when that is no number."""
    given = st.query_params.get(name, "")
    if given and whole_number(given) is None:
        raise RequestError(f"{given[:20]!r} is not the number of a {name}.", remedy)
    return whole_number(given)


def whole_number(given: str) -> int | None:
    """Read a number that a bigint can hold; None for anything else.

    >>> whole_number("12"), whole_number("9" * 19), whole_number("-1")
    (12, None, None)
    """
    return int(given) if re.fullmatch(r"\d{1,18}", given, re.ASCII) else None
