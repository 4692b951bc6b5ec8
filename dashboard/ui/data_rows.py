"""The rows of a page, the way to other pages, and how many rows there are."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard.reading import StillReading
from dashboard.ui import data_address as address
from dashboard.ui import data_reads, data_selection, data_states, state
from dashboard.ui import data_tables as tables
from dashboard.ui.data_reads import Opened
from dashboard.ui.messages import cancelled, denied, escaped, locked
from dashboard.ui.search_tables import key_text, naming_columns
from dashboard.ui.still_reading import hold_the_place
from dashboard.ui.tables import number_column
from dashboard.ui.units import counted, duration
from dashboard.ui.waiting import waiting
from db.browse import Page, PageRequest, last_page
from db.catalog import ColumnInfo, PlainColumn
from db.columns import spelled
from db.conditions import EVERY_ROW, to_text
from db.counts import Count
from db.errors import (
    Cancelled,
    ConnectionFailed,
    DashboardError,
    DatabaseError,
    LockTimeout,
    PermissionDenied,
    RequestError,
    StatementTimeout,
)
from db.nearest import identity_names

ROW_PX = 34
_SHOWN_ROWS = 16
_INSISTED = "data insisted"


def read(request: PageRequest) -> Opened | None:
    """Read a page; what stands in the way is told in its place, with what may be done."""
    insisted = state.recall(_INSISTED) == token(request)
    try:
        with waiting("Reading the page", ROW_PX * _SHOWN_ROWS):
            opened = data_reads.opened(request, insisted=insisted)
    except ConnectionFailed:
        raise
    except StillReading as still:
        hold_the_place(still)
        return None
    except (RequestError, DatabaseError) as error:
        _tell(request, error, insisted=insisted)
        return None
    if opened.page is None:
        data_states.too_heavy(request, opened.preflight, insist=_insist)
        return None
    if not opened.page.rows and request.cursor is None:
        data_states.nothing(request)
        return None
    return opened


def _tell(request: PageRequest, error: DashboardError, *, insisted: bool) -> None:
    match error:
        case StatementTimeout():
            data_states.timed_out(request, error, insisted=insisted, insist=_insist)
        case PermissionDenied():
            denied(error)
        case LockTimeout():
            locked(error)
        case Cancelled():
            cancelled(error)
        case _:
            data_states.refused(request, error)


def _insist(request: PageRequest) -> None:
    state.remember(_INSISTED, token(request))


def token(request: PageRequest) -> str:
    """Tell requests apart in a widget's key: a selection is a position, and must not pass to other rows."""
    return hashlib.sha1(repr(request).encode(), usedforsecurity=False).hexdigest()[:12]


def draw(opened: Opened, page: Page) -> None:
    """Draw count, pager and rows in one card."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            # On the left: the table's own toolbar appears over what is above its right end.
            _pager(page)
            _count(page.request)
        _table(page)
        _note(opened, page)
        _hidden(page.request.column)


def _count(request: PageRequest) -> None:
    """Say how many rows there are, and of those how many the condition leaves; more exactly on request."""
    count = _known(request)
    text = f"**{tables.count_text(count)}**{' (estimate)' if count.kind == 'estimate' else ''}"
    if request.where != EVERY_ROW:
        text += f" of {_known(replace(request, where=EVERY_ROW)).rows:,}"
    st.markdown(text, width="content")
    if count.kind != "exact" and not state.recall(_count_key(request)):
        forecast = f" (~{duration(count.forecast_ms / 1000)})" if count.forecast_ms else ""
        st.button(
            f"Count exactly{forecast}",
            type="tertiary",
            icon=":material/functions:",
            key="count exactly",
            on_click=state.remember,
            args=(_count_key(request), True),
        )


def _known(request: PageRequest) -> Count:
    return _counted(request) or data_reads.estimated(request.column, request.where)


def _count_key(request: PageRequest) -> str:
    return f"count {request.column} {to_text(request.where)}"


def _counted(request: PageRequest) -> Count | None:
    if not state.recall(_count_key(request)):
        return None
    try:
        return data_reads.counted(request.column, request.where)
    except StillReading as still:
        still.doing, still.height_px = "Counting", 0
        hold_the_place(still)
        return None
    except Cancelled as error:
        state.remember(_count_key(request), None)
        st.toast(escaped(error.message), icon=":material/stop_circle:")
        return None
    except StatementTimeout:
        state.remember(_count_key(request), None)
        st.toast(f"Counting took over {data_reads.PATIENCE_S} s and was given up.", icon=":material/timer:")
        return None


def _pager(page: Page) -> None:
    back = page.has_before
    for name, shortcut, there, able in (
        ("First", None, None, back),
        ("Previous", "Left", page.previous, back),
        ("Next", "Right", page.next, page.has_after),
        ("Last", None, last_page(page.request), page.has_after),
    ):
        st.button(
            name,
            key=f"page {name}",
            shortcut=shortcut,
            disabled=not able,
            on_click=address.show_place,
            args=(there.cursor if there else None,),
        )


def _where_we_are(page: Page) -> str:
    """Keyset pages have neighbours but no number: say where this one begins."""
    names = identity_names(page.request.column)
    first = key_text(page.rows[0].key) if page.rows else "nowhere"
    return escaped(f"{len(page.rows):,} from {', '.join(names)} {first}")


def _table(page: Page) -> None:
    names = identity_names(page.request.column)
    first = (*names, *naming_columns(page.columns, page.request.column.key))
    short = {facet.column.name for facet in data_reads.facetable(page.request.column)}
    frame = tables.row_table(page, first, short)
    key, chosen = data_selection.widget(page, token(page.request))
    event = st.dataframe(
        frame,
        hide_index=True,
        placeholder="—",
        key=key,
        height=ROW_PX * (min(len(page.rows), _SHOWN_ROWS) + 1) + 2,
        row_height=ROW_PX,
        alt=f"Rows of {page.request.column}, with the state, norm and shape of each vector",
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": chosen}},
        column_config=_columns(page, names, short),
    )
    data_selection.take(page, event["selection"]["rows"])


def _columns(page: Page, names: tuple[str, ...], short: Collection[str]) -> dict[str, Any]:
    config: dict[str, Any] = {
        column.name: _column(page, column, is_key=column.name in names, is_short=column.name in short)
        for column in page.columns
    }
    config |= {
        name: st.column_config.TextColumn(pinned=True, width=80) for name in names if name not in config
    }
    means = [0.0, *(value for row in page.rows for value in row.strip)]
    return config | {
        tables.VECTOR: st.column_config.MultiselectColumn(
            "Vector", width=70, options=list(tables.VECTOR_CHIPS.values()), color=list(tables.CHIP_COLOURS)
        ),
        tables.NORM: _norm(page),
        # A bar chart column draws the vector's shape from its means: a page never ships the vectors.
        tables.STRIP: st.column_config.BarChartColumn(
            "Strip, 32 bins", width=104, y_min=min(means), y_max=max(means) or 1.0, help=_about_strip(page)
        ),
    }


def _norm(page: Page) -> Any:
    if any(isinstance(cell, str) for cell in tables.norms(page)):
        return st.column_config.TextColumn("Norm", width=84, alignment="right")
    return st.column_config.NumberColumn("Norm", format="%,.3f", width=54)


def _about_strip(page: Page) -> str:
    dimensions = page.request.column.dimensions
    return f"{f'{dimensions:,} ' if dimensions else ''}dimensions, averaged in order into at most 32 bins"


_WIDTHS: Mapping[str, int] = {"D": 160, "B": 64, "S": 170, "E": 96, "json": 200, "U": 150}
"""Pixels, by the category of the type; what is longer is cut, and read whole on the item's page.
Numbers never are: cut on the left, one would read as another."""


def _column(page: Page, column: PlainColumn, *, is_key: bool, is_short: bool) -> Any:
    width = 84 if is_short and column.category == "S" else _WIDTHS.get(column.category, 140)
    if column.category == "N":
        return number_column(column, [row.values.get(column.name) for row in page.rows], is_key=is_key)
    if column.category == "B":
        return st.column_config.CheckboxColumn(width=width)
    return st.column_config.TextColumn(width=100 if is_key else width, pinned=is_key or None)


def _hidden(column: ColumnInfo) -> None:
    """Say which columns are left out, and what would show them."""
    if names := data_reads.hidden(column):
        listed = ", ".join(names)
        with st.expander(f"Hidden: {counted(len(names), 'column')}", icon=":material/lock:"):
            st.markdown(f"This login may not read {escaped(listed)}. The owner of the table can allow it:")
            st.code(
                f"GRANT SELECT ({', '.join(map(spelled, names))}) ON {spelled(column.schema, column.table)} "
                f"TO {spelled(state.server().role)};",
                language="sql",
                wrap_lines=True,
            )


def _note(opened: Opened, page: Page) -> None:
    """Say how and when the page was read, and offer to read it again."""
    ways = {
        "keyset": "by keyset, constant time at any depth",
        "blocks": "by place on disk, constant time at any depth",
        "offset": "by counting rows off: slower the deeper",
    }
    parts = (
        _where_we_are(page),
        f"{page.elapsed_ms:,.0f} ms",
        ways[page.request.paging],
        f"as of {opened.at:%H:%M} UTC",
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(" · ".join(parts), width="content")
        st.button("Refresh", icon=":material/refresh:", type="tertiary", key="refresh", on_click=state.forget)
        st.button(
            "Export",
            icon=":material/download:",
            type="tertiary",
            key="export open",
            shortcut="E",
            on_click=state.put,
            args=(f"export {page.request.column}", True),
        )
