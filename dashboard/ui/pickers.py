"""One widget each, handing back a value of the domain."""

import re

import streamlit as st

from dashboard.ui import state
from dashboard.ui.messages import escaped
from db.catalog import ColumnInfo, check_populated
from db.errors import RequestError

COLUMN = "c"
"""The query parameter that names the column, the same on every page."""


def pick_column() -> ColumnInfo | None:
    """Draw the column picker in the sidebar; None when there is no vector column.

    The address names the column, so that a link reproduces the page.  Where it does not, the column
    chosen last in this session stays chosen: the choice follows the reader from page to page.
    Raises RequestError for a column that cannot be read now.
    """
    known = {str(column): column for column in state.columns()}
    if not known:
        return None
    wanted = st.query_params.get(COLUMN) or state.recall("column", "")
    if wanted and wanted not in known:
        state.columns.clear()  # it may be newer than what is cached
        known = {str(column): column for column in state.columns()} or known
    if wanted and wanted not in known:
        st.sidebar.warning(f"There is no column {escaped(wanted)} any more.", icon=":material/link_off:")
    chosen = wanted if wanted in known else next(iter(known))
    state.put("column picker", chosen)
    st.sidebar.selectbox(
        "Column",
        list(known),
        format_func=lambda name: label(known[name]),
        key="column picker",
        on_change=_choose,
    )
    state.remember("column", chosen)
    check_populated(known[chosen])
    return known[chosen]


def label(column: ColumnInfo) -> str:
    """Name a column with what matters at a glance: ``products.embedding · 384 d · ~10,000 rows``."""
    name = str(column).removeprefix("public.")
    dimensions = f"{column.dimensions:,} d" if column.dimensions else "any d"
    return " · ".join((name, dimensions, rows(column)))


def rows(column: ColumnInfo) -> str:
    """Say how many rows the column's table has; estimates carry a ``~``."""
    if column.rows is None:
        return "rows unknown"
    return f"{'' if column.rows_exact else '~'}{column.rows:,} rows"


def _choose() -> None:
    st.query_params[COLUMN] = state.value("column picker")


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
