"""What stands in the place of a read that takes longer: for how long, why, and a way to stop it."""

from __future__ import annotations

import streamlit as st

from dashboard.reading import Reading, StillReading
from db.errors import DashboardError

LOOK_S = 1.0
"""How often it is looked whether the result is there."""

EXPLAINED_S = 10.0
"""A wait of so long is worth its cause."""


def hold_the_place(still: StillReading) -> None:
    """Draw the place; once the result is there the page is drawn anew, and finds it."""
    _look(still.reading, still.doing)
    if still.height_px:
        st.skeleton(still.height_px)


@st.fragment(run_every=LOOK_S)
def _look(reading: Reading, doing: str) -> None:
    if reading.is_done:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        asked = st.button(
            "Stopping" if reading.is_stopped else "Cancel",
            icon=":material/stop_circle:",
            key=f"cancel {reading.tag}",
            disabled=reading.is_stopped,
        )
        waited = f"{doing} · {reading.running_s:.0f} s{_cause(reading)}"
        st.text(waited, width="content")
    if asked or reading.is_stopped:
        _stop(reading)


def _cause(reading: Reading) -> str:
    if reading.running_s < EXPLAINED_S:
        return ""
    try:
        cause = reading.waits_for()
    except DashboardError:  # the read will tell it, too
        return ""
    if cause is None:
        return ""
    return f" · waiting for {cause}" if cause else " · the server is computing"


def _stop(reading: Reading) -> None:
    try:
        reading.stop()
    except DashboardError as error:
        st.caption(error.message)
