"""From a finding to its rows: every check in one table, and for one of them its rows, its SQL, its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import streamlit as st

from dashboard.inspection.checks import CHECKS
from dashboard.inspection.finding import Check, Finding, Verdict, percent
from dashboard.inspection.report import Report
from dashboard.mapping.chosen import among, that_fit_an_address
from dashboard.ui import data_address
from dashboard.ui.messages import escaped
from dashboard.ui.pickers import COLUMN
from dashboard.ui.search_view import ROW_PX, card_title
from dashboard.ui.shell import go
from dashboard.ui.tables import chips, text
from db.catalog import ColumnInfo
from db.conditions import Condition, to_text
from db.facets import vector_filter
from db.filters import Filter

SIGNS = {
    Verdict.ACT: ("✕ act", "red"),
    Verdict.WATCH: ("! watch", "orange"),
    Verdict.GOOD: ("✓ good", "green"),
    Verdict.SILENT: ("○ not measured", "gray"),
}
"""Sign and word of every verdict, and the colour that goes with them; the worst first."""

LONG_SQL, SQL_PX = 800, 180
"""Characters from which on a statement is scrolled, and how high it is then."""

LISTED_KEYS = 12
"""Keys of a finding that are named beside its rows."""


def findings(report: Report, column: ColumnInfo) -> None:
    """Draw what every check found, in words; the one selected with its rows and the SQL that shows them."""
    worst = {verdict: place for place, verdict in enumerate(SIGNS)}
    checks = [check for check in CHECKS if check.key in report.findings]
    checks.sort(key=lambda check: worst[report.findings[check.key].verdict])
    with st.container(border=True):
        card_title("Findings", "select one for its rows and its SQL")
        place = _table(checks, report)
        if place is not None:
            _detail(checks[place], report, column)


def _table(checks: Sequence[Check], report: Report) -> int | None:
    found = [report.findings[check.key] for check in checks]
    frame = pd.DataFrame(
        {
            "verdict": [[SIGNS[finding.verdict][0]] for finding in found],
            "check": [check.label for check in checks],
            "value": [finding.shown for finding in found],
            "interval": [_interval(check, finding) for check, finding in zip(checks, found, strict=True)],
            "rests": [_rests_on(finding) for finding in found],
            "sentence": [finding.sentence for finding in found],
        }
    )
    if not frame["interval"].any():
        del frame["interval"]
    event = st.dataframe(
        frame,
        hide_index=True,
        key="findings",
        on_select="rerun",
        selection_mode="single-cell",
        height="content",
        row_height=ROW_PX,
        placeholder="—",
        alt="Every check with its verdict, value, interval, rows and sentence",
        column_config={
            "verdict": chips(
                "Verdict",
                options=[sign for sign, _ in SIGNS.values()],
                color=[colour for _, colour in SIGNS.values()],
                width=116,
            ),
            "check": text("Check", width=130),
            "value": text("Found", width=92),
            "interval": text("95 % interval", width=130, help="Empty where every row was counted"),
            "rests": text("Rests on", width=110),
            "sentence": text("What it says"),
        },
    )
    cells = event.selection.cells
    return cells[0][0] if cells else None


def _interval(check: Check, finding: Finding) -> str | None:
    if not (bounds := finding.interval):
        return None
    if check.unit == "share":
        return f"{percent(bounds.low)} to {percent(bounds.high)}"
    return f"{bounds.low:.3g} to {bounds.high:.3g}"


def _rests_on(finding: Finding) -> str | None:
    if not finding.n:
        return "the catalog" if finding.exact else None
    return f"{'all' if finding.exact else 'sample of'} {finding.n:,}"


def _detail(check: Check, report: Report, column: ColumnInfo) -> None:
    finding, limits = report.findings[check.key], check.limits
    st.markdown(f"**{check.label}.** {escaped(finding.sentence)}")
    worse = "below" if limits.falling else "above"
    st.caption(
        f"{check.meaning} Watched {worse} {_limit(check, limits.watch)}, to act on {worse} "
        f"{_limit(check, limits.act)}: {limits.reason}. The sample: {escaped(report.sample.method_in_words)}."
    )
    if finding.problem:
        rows = rows_of(column, finding)
        _way_to(column, check.label.lower(), finding.rows, rows, report.sql.get(check.key, ""))
    for named in finding.beside:
        rows, sql = of_keys(column, named.rows, named.total), report.sql.get(named.label, "")
        _way_to(column, named.label, named.rows, rows, sql)


def _way_to(column: ColumnInfo, label: str, keys: Sequence[str], rows: Rows | None, sql: str) -> None:
    """Draw the way to some rows, with the keys of the first of them and the SQL that shows them."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if rows:
            _button(column, label, rows, key=label)
        if keys:
            named = ", ".join(keys[:LISTED_KEYS]) + ("…" if len(keys) > LISTED_KEYS else "")
            st.caption(f"Key {escaped(named)}" if len(keys) == 1 else f"Keys {escaped(named)}")
    if sql:
        is_long = len(sql) >= LONG_SQL
        st.code(sql, language="sql", wrap_lines=True, height=SQL_PX if is_long else "content")


def _limit(check: Check, value: float) -> str:
    """Write a limit as it is compared: dimensions as a share of all."""
    return percent(value) if check.unit in {"share", "dimensions", "directions"} else f"{value:g}"


def show_rows(
    column: ColumnInfo,
    check: Check,
    finding: Finding,
    *,
    key: str,
    width: Literal["content", "stretch"] = "content",
) -> None:
    """Draw the button that opens a finding's rows on the Data page, where it can show them."""
    if rows := rows_of(column, finding):
        _button(column, check.label.lower(), rows, key=key, width=width)


def _button(
    column: ColumnInfo,
    label: str,
    rows: Rows,
    *,
    key: str,
    width: Literal["content", "stretch"] = "content",
) -> None:
    shown = f"Show the {rows.extent}" if rows.extent else "Show rows"
    if st.button(f"{shown}: {label}", icon=":material/table_rows:", key=f"show {key}", width=width):
        open_rows(column, rows.condition)


def open_rows(column: ColumnInfo, condition: Condition) -> None:
    """Open the Data page on the rows that meet a condition."""
    go("data.py", {COLUMN: str(column), data_address.FILTER: to_text(condition)})


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that the Data page can show: all there are, or, as ``extent`` says, the "first 100 of 250"."""

    condition: Condition
    extent: str = ""


def rows_of(column: ColumnInfo, finding: Finding) -> Rows | None:
    """Find the condition that shows a finding's rows; None where only SQL can."""
    match finding.problem:
        case "null" | "zero":
            return Rows(vector_filter(column, finding.problem))
        case "dimensions" if finding.usual is not None:
            return Rows(Filter(column.column, "!=", str(finding.usual), ("dimensions",)))
    return of_keys(column, finding.rows, finding.total)


def of_keys(column: ColumnInfo, keys: Sequence[str], total: int) -> Rows | None:
    """Show as many of ``keys``, which are the first of ``total``, as an address can name; None for none."""
    fitting = that_fit_an_address(column, keys)
    if not fitting:
        return None
    whole = fitting >= max(total, len(keys))
    extent = "" if whole else f"first {fitting:,} of {max(total, len(keys)):,}"
    return Rows(among(column, keys[:fitting]), extent)
