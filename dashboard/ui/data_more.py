"""Below the rows: what each column holds, and the statement that reads this page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.ui import data_reads, state
from dashboard.ui.messages import escaped, told_to_the_reader
from dashboard.ui.units import cut
from db.browse import Page, PageRequest
from db.column_statistics import ColumnStatistics
from db.conditions import EVERY_ROW, to_text
from db.errors import StatementTimeout

_SQL_PX = 340

_NAME, _END = 14, 12
"""Characters that there is room for: of a name, and of the lowest and the highest value."""


def draw(page: Page) -> None:
    """Draw both, each in its tab."""
    with st.container(border=True):
        columns, sql = st.tabs([":material/view_column: Columns", ":material/database: SQL of this page"])
        with columns, told_to_the_reader():
            _columns(page.request)
        with sql:
            st.caption(
                "Runs as it stands, and gives the rows above with their keys whole and their texts cut."
            )
            st.code(page.sql, language="sql", wrap_lines=True, height=_SQL_PX)


def _columns(request: PageRequest) -> None:
    known = data_reads.statistics(request.column)
    lines = [_exact(request, line.column.name) or line for line in known]
    event = st.dataframe(
        frame(lines),
        hide_index=True,
        key=f"statistics {request.column}",
        placeholder="—",
        height="content" if len(lines) <= 12 else 440,
        row_height=32,
        alt="Columns with their type, share of nulls, distinct values, range, width and commonest values",
        on_select="rerun",
        selection_mode="single-cell",
        column_config=_config(),
    )
    cells = event["selection"]["cells"]
    if not cells or cells[0][0] >= len(lines):
        st.caption(
            "~ from the planner's statistics, as old as the last ANALYZE · "
            "select a line to read it whole, or to count it exactly"
        )
        return
    chosen = lines[cells[0][0]]
    st.caption(_whole(chosen))
    st.button(
        f"Count {escaped(chosen.column.name)} exactly"
        + (" in the filtered rows" if request.where != EVERY_ROW else ""),
        icon=":material/functions:",
        key="exact statistics",
        disabled=chosen.kind == "exact",
        on_click=state.remember,
        args=(_key(request, chosen.column.name), True),
    )


def _exact(request: PageRequest, name: str) -> ColumnStatistics | None:
    """Read what every row says, where that was asked for; None where it takes too long, which is told."""
    key = _key(request, name)
    if not state.recall(key):
        return None
    try:
        return data_reads.exact_statistics(request.column, name, request.where)
    except StatementTimeout:
        state.remember(key, None)
        st.toast(f"Counting took over {data_reads.PATIENCE_S} s and was given up.", icon=":material/timer:")
        return None


def _key(request: PageRequest, name: str) -> str:
    return f"exact statistics {request.column} {name} {to_text(request.where)}"


def frame(lines: Sequence[ColumnStatistics]) -> pd.DataFrame:
    """Make the table of what columns hold: one line per column, estimates after ``~``."""
    return pd.DataFrame([_line(line) for line in lines], columns=list(_config()))


def _line(line: ColumnStatistics) -> dict[str, Any]:
    about = "" if line.kind == "exact" else "~"
    return {
        "Column": cut(line.column.name, _NAME),
        "Type": cut(line.column.type, _NAME),
        "Known from": {"statistics": "statistics", "exact": "every row", "none": "never analyzed"}[line.kind],
        "Null": line.null_share,
        "Distinct": None if line.distinct is None else f"{about}{line.distinct:,}",
        "Lowest": line.low and cut(line.low, _END),
        "Highest": line.high and cut(line.high, _END),
        "Bytes": line.average_bytes,
        "Commonest": [f"{cut(value, _NAME)} {100 * share:.3g} %" for value, share in line.most_common[:3]]
        or None,
    }


def _whole(line: ColumnStatistics) -> str:
    """Write a line of the table with nothing cut."""
    ends = [f"from {escaped(line.low)} to {escaped(line.high)}"] if line.low and line.high else []
    common = [f"{escaped(value)} {100 * share:.3g} %" for value, share in line.most_common[:3]]
    return " · ".join([f"**{escaped(line.column.name)}** {escaped(line.column.type)}", *ends, *common])


def _config() -> dict[str, Any]:
    column = st.column_config
    return {
        "Column": column.TextColumn(width=100),
        "Type": column.TextColumn(width=112),
        "Known from": column.TextColumn(width=78),
        "Null": column.ProgressColumn(width=92, format="percent", min_value=0, max_value=1),
        "Distinct": column.TextColumn(width=66, alignment="right"),
        "Lowest": column.TextColumn(width=92),
        "Highest": column.TextColumn(width=92),
        "Bytes": column.NumberColumn(width=60, format="%.0f", help="Average width of a value"),
        "Commonest": column.MultiselectColumn(color="gray"),
    }
