"""The Indexes page's frame: title, link, refresh, and the jobs at work."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from dashboard.ui import clipboard, index_progress, index_reads, state
from dashboard.ui.data_address import link
from dashboard.ui.pickers import job_in_address
from dashboard.ui.units import counted
from db.catalog import ColumnInfo


def header(column: ColumnInfo | None) -> None:
    """Draw the title, what was read, and the ways to share it and to read it again."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left.container(gap=None):
        st.title("Indexes", anchor=False)
        st.caption(_about() if column else "Every vector index, and what a new one would take")
    if column is None:
        return
    with right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if st.button("Copy link", icon=":material/link:", type="tertiary", shortcut="Shift+L"):
            clipboard.copy(link(column), "Link copied: it shows these indexes, and this column's form")
        st.button("Refresh", icon=":material/refresh:", key="refresh indexes", on_click=state.forget)


def _about() -> str:
    listed = index_reads.inventory()
    columns = len({str(one.column) for one in listed})
    read = f"catalog read {datetime.now(UTC):%H:%M} UTC"
    if not listed:
        return f"No vector index yet · {read}"
    count = f"{len(listed)} vector index{'' if len(listed) == 1 else 'es'}"
    return f"{count} on {counted(columns, 'column')} · {read}"


def jobs() -> None:
    """Draw the job the address names, and every other that is at work on an index."""
    shown = job_in_address()
    if shown is not None:
        index_progress.watch(shown)
    for job in index_reads.at_work():
        if job.id != shown:
            index_progress.watch(job.id)
