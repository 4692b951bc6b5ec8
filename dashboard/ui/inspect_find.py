"""Can every row be found?  The share that is, by value and by setting; the rows that are not, and why."""

from __future__ import annotations

from datetime import UTC

import pandas as pd
import streamlit as st

from dashboard.inspection.findability import MOST_LISTED, Findability
from dashboard.inspection.finding import percent
from dashboard.ui import inspect_find_charts, inspect_looks
from dashboard.ui.charts import PLAIN, figure_of
from dashboard.ui.inspect_looks import Looks
from dashboard.ui.inspect_rows import of_keys, open_rows
from dashboard.ui.messages import escaped
from dashboard.ui.search_view import ROW_PX, card_title
from dashboard.ui.shell import go
from dashboard.ui.tables import text
from dashboard.ui.units import ago, counted
from db.catalog import ColumnInfo, default_distance
from db.inspections import Stored
from db.selffind import serving_indexes

CAVEAT = (
    ":material/info: A canary, not recall: a row that does not find itself is lost to every search, one that "
    "does may still be missing from other answers. Lists of an IVFFlat index that have drifted do not show "
    "here. Confirm with an exact benchmark."
)


def draw(column: ColumnInfo, known: Looks) -> None:
    """Draw findability: what is known of it, or how to come to know."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Can every row be found?", anchor=False, width="content")
        st.space("stretch")
        if known.found:
            _ask(column, known, "Ask again", ":material/refresh:")
    if not any(not index.predicate for index in serving_indexes(column, default_distance(column))):
        _no_index(column)
    elif not (known.found and known.probed):
        _never(column, known)
    if known.found and known.probed:
        _result(column, known.found, known.probed)


def _ask(column: ColumnInfo, known: Looks, label: str, icon: str, *, first: bool = False) -> None:
    job = known.jobs.get("findability")
    st.button(
        label,
        icon=icon,
        type="primary" if first else "secondary",
        on_click=inspect_looks.ask_to_find,
        args=(column,),
        disabled=job is not None and not job.is_finished,
    )


def _no_index(column: ColumnInfo) -> None:
    with st.container(border=True):
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.markdown(
            ":material/straighten: **No index holds every row, so that search is exact and finds every row "
            "that has a distance; under cosine a zero vector has none.** Findability is a question for "
            "columns with an index."
        )
        with right.container(horizontal=True, horizontal_alignment="right"):
            if st.button("Measure an index", icon=":material/speed:"):
                go("benchmarks.py", {"c": str(column)})


def _never(column: ColumnInfo, known: Looks) -> None:
    with st.container(border=True):
        st.markdown(
            "The index is asked for each of a sample of rows by the row's own vector. A row that does not "
            "come back is lost to every search; "
            f"the first {MOST_LISTED:,} are listed, each with the reason and what would help."
        )
        _ask(column, known, "Ask the index", ":material/radar:", first=True)
        st.caption(CAVEAT)


def _result(column: ColumnInfo, found: Findability, probed: Stored) -> None:
    st.caption(
        f"{escaped(found.index)} · {found.parameter} {found.setting}, in force · k = {found.k} · "
        f"{escaped(found.sample.in_words())} · {probed.created_at.astimezone(UTC):%d %b %H:%M} UTC, "
        f"{ago(probed.created_at)}"
    )
    left, right = st.columns([3, 2])
    if found.groups:
        with left.container(border=True, height="stretch"):
            _by_group(found)
        with right.container(border=True, height="stretch"):
            _lost(found)
        left, right = st.columns([3, 2])
    with left.container(border=True, height="stretch"):
        _by_setting(found)
    with right.container(border=True, height="stretch"):
        if not found.groups:
            _lost(found)
        _help(column, found)
    st.caption(CAVEAT)


def _by_group(found: Findability) -> None:
    card_title(f"Findability by {escaped(found.facet or '')}", f"{_overall(found)}; bars with 95 % intervals")
    st.plotly_chart(
        inspect_find_charts.lost_by_group(found),
        key="lost by group",
        config=PLAIN,
        alt=f"Share of rows that do not find themselves, by {found.facet}",
    )


def _overall(found: Findability) -> str:
    low, high = percent(found.interval.low), percent(found.interval.high)
    return f"{percent(found.share)} found, {low} to {high} at 95 %"


def _by_setting(found: Findability) -> None:
    note = "beside each point what a search took" if found.groups else _overall(found)
    card_title(f"Findability by {found.parameter}", note)
    st.plotly_chart(
        inspect_find_charts.found_by_setting(found),
        key="found by setting",
        config=PLAIN,
        alt=inspect_find_charts.in_words(found),
    )


def _lost(found: Findability) -> None:
    card_title("Lost rows", f"{found.lost_rows:,} of {found.probes:,} probes")
    if not found.lost:
        st.markdown(":green-badge[✓ none] Every row asked for came back.")
    else:
        _reasons(found)


def _help(column: ColumnInfo, found: Findability) -> None:
    card_title("What would help", "each setting was asked the same probes")
    st.markdown(remedy_in_words(found))
    if found.reasons and found.found < found.probes:
        word, rows, remedy = found.reasons[0]
        st.markdown(f"**Commonest reason:** {word}, {counted(rows, 'row')}. Remedy: {remedy or 'not known'}.")
    if not found.lost:
        return
    if shown := of_keys(column, [row.key for row in found.missing], found.lost_rows):
        which = f"the {shown.extent} lost rows" if shown.extent else "lost rows"
        if st.button(f"Show {which}", icon=":material/table_rows:", key="show lost"):
            open_rows(column, shown.condition)
    away = found.lost_rows + found.shadowed
    extent = f"The first {len(found.lost):,} of {away:,} rows" if len(found.lost) < away else "Each row"
    with st.expander(f"{extent} that did not come back", icon=":material/list:", key="lost rows"):
        _rows(found)


def _reasons(found: Findability) -> None:
    frame = pd.DataFrame(found.reasons, columns=["Why the row is lost", "Rows", "Remedy"])
    st.dataframe(
        frame,
        hide_index=True,
        key="reasons",
        height="content",
        row_height=ROW_PX,
        alt="Reasons why rows are lost, with their number and remedy",
        column_config={
            "Rows": st.column_config.ProgressColumn(
                min_value=0, max_value=int(frame["Rows"].sum()), format="%d", width=110
            ),
            "Remedy": text(width=110),
        },
    )
    if found.shadowed:
        st.caption(
            f"Beside them {counted(found.shadowed, 'row')} stood behind others exactly as near: such a row "
            "counts as found, though another one came back in its place."
        )


def remedy_in_words(found: Findability) -> str:
    """Say what the cheapest setting tried that finds most would bring, or that there is nothing to gain."""
    now = found.current
    if not (best := found.remedy):
        if found.found == found.probes:
            return f"Nothing to do: {found.parameter} {found.setting} finds every one."
        return f"No setting tried finds more than {found.parameter} {found.setting} does: see the reasons."
    return (
        f"**Cheapest remedy tried:** {found.parameter} {now.setting} → {best.setting} finds "
        f"{percent(best.found / found.probes)}; a search takes {figure_of(now.search_ms)} → "
        f"{figure_of(best.search_ms)} ms, as this machine is now."
    )


def _rows(found: Findability) -> None:
    frame = pd.DataFrame(
        [(row.key, row.reason, row.enough) for row in found.lost], columns=["Key", "Why", "Found from"]
    )
    st.dataframe(
        frame,
        hide_index=True,
        key="each lost row",
        placeholder="—",
        alt="Rows that did not come back, each with its reason and the setting that finds it",
        column_config={
            "Found from": st.column_config.NumberColumn(
                help=f"The smallest {found.parameter} tried that finds it", format="%d"
            )
        },
    )
