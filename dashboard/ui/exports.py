"""The Export button: which rows, as what file, what will be in it, and the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import streamlit as st

from dashboard.exporting.delivery import (
    PACKED_BYTES,
    PAGE_BYTES,
    PAGE_ROWS,
    ROLE,
    Kept,
    check_owner,
    kept,
    pack,
    pack_kept,
)
from dashboard.exporting.formats import FORMATS, Format
from dashboard.exporting.request import SCOPES, ExportRequest
from dashboard.exporting.sidecar import ANY_ROWS
from dashboard.identity import current_principal, require
from dashboard.settings import settings
from dashboard.ui import state
from dashboard.ui.messages import escaped, told_to_the_reader
from dashboard.ui.progress import begin, follow
from dashboard.ui.units import counted, size
from db.browse import Sort
from db.catalog import ColumnInfo
from db.conditions import EVERY_ROW, Condition, in_words, to_text
from db.errors import NotPermitted
from db.export import count_up_to, psql_copy
from db.export_columns import ExportedColumn, exported_columns
from db.jobs import Job

_NARROW_PX = 460
_CODE_PX = 140


@dataclass(frozen=True, slots=True)
class Prospect:
    """What an export will hold; ``rows`` is None where counting took too long, and exact otherwise."""

    rows: int | None
    columns: tuple[ExportedColumn, ...]
    psql: str


def export_popover(
    column: ColumnInfo,
    where: Condition,
    *,
    sort: Sort | None = None,
    page_keys: Sequence[Any],
    selected_keys: Sequence[Any] = (),
) -> None:
    """Draw the button and, once it is opened, the choice of rows and format and the way to the file.

    Keys are as ``db.nearest.identity_names`` has them: a tuple where a key has several parts.  Another
    button opens it by putting True into the widget ``export {column}``.
    """
    _popover(column, where, sort, tuple(map(_parts, page_keys)), tuple(map(_parts, selected_keys)))


@st.fragment
def _popover(
    column: ColumnInfo,
    where: Condition,
    sort: Sort | None,
    page: tuple[tuple[str, ...], ...],
    selected: tuple[tuple[str, ...], ...],
) -> None:
    opened = st.popover("Export", icon=":material/download:", key=f"export {column}", on_change="rerun")
    if not opened.open:
        return
    with opened.container(width=_NARROW_PX), told_to_the_reader():
        require(current_principal(), ROLE, "export rows")
        if job_id := state.recall(_job_key(column)):
            _followed(column, job_id)
            return
        request = _ask(column, where, sort, {"page": page, "selected": selected})
        prospect = _look_ahead(column, request)
        _promise(column, request, prospect)
        _hand_over(column, request, prospect)


def _parts(key: Any) -> tuple[str, ...]:
    return tuple(map(str, key)) if isinstance(key, tuple) else (str(key),)


def _ask(
    column: ColumnInfo,
    where: Condition,
    sort: Sort | None,
    keys: dict[str, tuple[tuple[str, ...], ...]],
) -> ExportRequest:
    """Draw the choices that make an export."""
    offered = keys | {"filtered": where != EVERY_ROW, "all": True}
    scopes = {scope.label: scope for scope in SCOPES.values() if offered[scope.key]}
    scope = scopes[_choose("Rows", list(scopes))]
    formats = {entry.label: entry for entry in FORMATS.values()}
    chosen = formats[_choose("As", list(formats))]
    st.caption(f"{chosen.about[0].upper()}{chosen.about[1:]}.")
    rows, bom = None, False
    if not scope.by_key:
        rows = st.number_input("At most, rows", 1, None, None, placeholder="all of them", key="export rows")
    if chosen.has_bom:
        bom = st.toggle(
            "For Excel", key="export bom", help="A byte order mark, without which Excel takes UTF-8 for ANSI"
        )
    if scope.key == "page" and column.key:
        sort = sort or Sort(column.key[0], descending=True)  # as a page is read that nobody has sorted
    return ExportRequest(
        str(column),
        chosen.key,
        scope.key,
        # Rows that are named need no condition; and some were found without the page's filter.
        to_text(where) if scope.key == "filtered" else "",
        keys[scope.key] if scope.by_key else None,
        sort.column if sort else None,
        descending=bool(sort and sort.descending),
        rows=rows,
        bom=bom,
    )


def _choose(label: str, options: list[str]) -> str:
    chosen = st.segmented_control(
        label, options, default=options[0], required=True, key=f"export {label} {len(options)}"
    )
    return chosen or options[0]


@state.cached(ttl_s=30)
def _look_ahead(column: ColumnInfo, request: ExportRequest) -> Prospect:
    selection = request.selection(column)
    with state.database().reading("export") as connection:
        columns = exported_columns(connection, column)
        return Prospect(
            count_up_to(connection, selection, PAGE_ROWS + 1),
            columns,
            psql_copy(connection, selection, columns, f"{request.stem(datetime.now(UTC))}.csv"),
        )


def _promise(column: ColumnInfo, request: ExportRequest, prospect: Prospect) -> None:
    """Say what will be in the file, and in red what will not."""
    there, exact = _rows_there(column, request, prospect)
    rows = min(there, request.rows or there) if there is not None else request.rows
    number = counted(rows, "row") if rows is not None else "rows nobody has counted yet"
    about = "" if exact or rows == request.rows else "~"
    parts = [f"**{about}{number}**", counted(len(prospect.columns), "column")]
    if rows is not None:
        parts.append(f"~{size(_size_bytes(column, FORMATS[request.format], prospect, rows))}")
    st.markdown(" · ".join(parts))
    if request.scope == "filtered":
        st.caption(f"Where {escaped(in_words(request.selection(column).where))}")
    if request.rows is not None and (there is None or request.rows < there):
        of = f" of {'' if exact else '~'}{there:,}" if there is not None else ", if there are more"
        st.markdown(
            f":red[:material/content_cut: **Cut off after {counted(request.rows, 'row')}{of}.** "
            "The sidecar says so, too.]"
        )
        if not (request.sort or column.key):
            st.caption(f"Kept are {ANY_ROWS}.")
    if request.keys is not None and prospect.rows is not None and prospect.rows < len(request.keys):
        gone = len(request.keys) - prospect.rows
        st.markdown(f":orange[:material/warning: {counted(gone, 'row')} of them can no longer be found.]")


def _rows_there(column: ColumnInfo, request: ExportRequest, prospect: Prospect) -> tuple[int | None, bool]:
    """Tell how many rows there are without the limit, and whether that is exact."""
    if prospect.rows is not None and prospect.rows <= PAGE_ROWS:
        return prospect.rows, True
    return (column.rows, column.rows_exact) if request.scope == "all" else (None, False)


def _size_bytes(column: ColumnInfo, chosen: Format, prospect: Prospect, rows: int) -> float:
    """Estimate the file: its vectors by their numbers, the rest by what it takes in the table."""
    numbers = sum(c.numbers for c in prospect.columns)
    stored = column.size_bytes / column.rows if column.rows else 0
    # Where vectors differ in length, all that is known is what they take in the table, 4 bytes a number.
    beside = max(stored - 4 * numbers, 0) if numbers else stored * max(1, chosen.bytes_per_number / 4)
    return rows * (numbers * chosen.bytes_per_number + max(beside, 8 * len(prospect.columns)))


def _hand_over(column: ColumnInfo, request: ExportRequest, prospect: Prospect) -> None:
    """Draw the button: the file at once where it is small, else a job that writes it."""
    there = prospect.rows
    rows = there if there is None or request.rows is None else min(there, request.rows)
    small = rows is not None and rows <= PAGE_ROWS
    if small and _size_bytes(column, FORMATS[request.format], prospect, rows or 0) <= PAGE_BYTES:
        st.download_button(
            "Download",
            partial(pack, state.database(), current_principal(), request),
            f"{request.stem(datetime.now(UTC))}.zip",
            "application/zip",
            icon=":material/download:",
            type="primary",
            on_click="ignore",
            disabled=rows == 0,
            key="export download",
            help="A ZIP: the file, and a sidecar with its SQL, parameters, versions and checksum",
        )
    elif st.button("Start the export", icon=":material/play_arrow:", type="primary", key="export start"):
        job_id = begin("export", request.to_params())
        state.remember(_job_key(column), job_id)
        st.rerun(scope="fragment")
    else:
        st.caption("Too much for a click: a job writes it, and the file is fetched here when it is done.")
    with st.expander("By hand, with psql", icon=":material/terminal:", key="export psql"):
        st.code(prospect.psql, language="sql", wrap_lines=True, height=_CODE_PX)
        st.caption("On your own machine: the same rows as CSV, formulas not neutralised, no sidecar.")


def _followed(column: ColumnInfo, job_id: int) -> None:
    """Draw the job that writes the file, and the file when it is there."""
    job = follow(job_id)
    if job.result:
        result(job)
    if job.is_finished and st.button("Export something else", icon=":material/add:", key="export again"):
        state.remember(_job_key(column), None)
        st.rerun(scope="fragment")


def result(job: Job) -> None:
    """Draw what a finished export left, and the way to it."""
    told = job.result or {}
    parts = [f"**{counted(told['rows'], 'row')}**", size(told["size_bytes"])]
    if told["neutralised_cells"]:
        parts.append(f"{counted(told['neutralised_cells'], 'cell')} neutralised")
    st.markdown(" · ".join(parts))
    if told["truncated"]:
        st.markdown(
            f":red[:material/content_cut: **Cut off after {told['rows']:,} of "
            f"{counted(told['of_rows'], 'row')},** as was asked for.]"
        )
    file = kept(settings().home, told)
    try:
        check_owner(current_principal(), job)
    except NotPermitted as error:
        st.caption(escaped(error.message))
        return
    if file is None:
        st.caption(f"The file was removed: exports are kept for {settings().export_keep_days} days.")
    elif file.size_bytes > PACKED_BYTES:
        _links(file)
    else:
        st.download_button(
            "Download",
            partial(pack_kept, state.database(), current_principal(), job, file),
            f"{file.path.stem}.zip",
            "application/zip",
            icon=":material/download:",
            type="primary",
            on_click="ignore",
            key=f"export of job {job.id}",
        )


def _links(file: Kept) -> None:
    """Draw the ways to a file that is too large to be packed: it is sent as it lies."""
    address, sidecar = file.addresses
    with st.container(horizontal=True):
        st.link_button("Download the file", address, icon=":material/download:", type="primary")
        st.link_button("Its sidecar", sidecar, icon=":material/description:")


def _job_key(column: ColumnInfo) -> str:
    return f"export job {column}"
