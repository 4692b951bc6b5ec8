"""One widget each, handing back a value of the domain."""

import streamlit as st

from dashboard.ui import state
from db.catalog import ColumnInfo
from db.errors import RequestError

COLUMN = "c"
"""The query parameter that names the column, the same on every page."""


def pick_column() -> ColumnInfo | None:
    """Draw the column picker in the sidebar; None when there is no vector column.

    The address names the column, so that a link reproduces the page.  Where it does not, the column
    chosen last in this session stays chosen: the choice follows the reader from page to page.
    """
    known = {str(column): column for column in state.columns()}
    if not known:
        return None
    wanted = st.query_params.get(COLUMN) or state.recall("column", "")
    if wanted and wanted not in known:
        state.columns.clear()  # it may be newer than what is cached
        known = {str(column): column for column in state.columns()} or known
    if wanted and wanted not in known:
        st.sidebar.warning(f"There is no column `{wanted}` any more.", icon=":material/link_off:")
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
    given = st.query_params.get("job", "")
    if given and not given.isdecimal():
        raise RequestError(f"{given!r} is not the number of a job.", "Choose one on the page Jobs.")
    return int(given) if given else None
