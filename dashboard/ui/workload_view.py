"""The doctor's other patient: the vector searches that the server has counted, by the time they took."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.advisor.doctor.workload import Entry, WorkloadDiagnosis, diagnose_workload
from dashboard.ui import state
from dashboard.ui.messages import escaped, remedy
from dashboard.ui.search_view import ROW_PX, card_title
from dashboard.ui.tables import chips, number, text
from dashboard.ui.units import counted, duration
from dashboard.ui.waiting import waiting
from db.errors import PermissionDenied, SetupError

_USED, _NOT_USED, _UNKNOWN = "✓ yes", "✕ no", "○ unknown"


def draw() -> str | None:
    """Draw the workload; hand back the statement of the row that is selected."""
    chosen = None
    try:
        with waiting("Asking the planner about every statement", 240):
            found = _diagnosed()
    except (SetupError, PermissionDenied) as error:
        _without(error)
        return None
    with st.container(border=True):
        left, right = st.columns([5, 1], vertical_alignment="center")
        with left:
            card_title("Workload", _about(found))
        with right.container(horizontal=True, horizontal_alignment="right"):
            st.button("Look again", icon=":material/refresh:", on_click=state.forget)
        if found.entries:
            chosen = _table(found.entries)
        else:
            st.info(
                f"None of the {counted(found.workload.counted, 'statement')} counted searches a vector "
                "column that this login may read.",
                icon=":material/inbox:",
            )
        for note in found.notes:
            st.caption(escaped(note))
        st.caption(
            "Since the server's counters were last reset, this dashboard's own searches included. Constants "
            "are not kept: a vector is some row's, a LIMIT what a call returned."
        )
    return chosen


@state.cached(ttl_s=60, max_entries=1)
def _diagnosed() -> WorkloadDiagnosis:
    with state.database().reading("doctor", vectors=True) as connection:
        return diagnose_workload(connection)


def _about(found: WorkloadDiagnosis) -> str:
    took = duration(found.workload.total_ms / 1000)
    return f"vector searches of this database by their share of {took} · select a row to diagnose it"


def _without(error: SetupError | PermissionDenied) -> None:
    """Say what is missing; a statement can be pasted all the same."""
    with st.container(border=True):
        card_title("Workload", "what this server was asked")
        st.info(f"**{escaped(error.message)}** {remedy(error)}", icon=":material/extension_off:")


def _table(entries: Sequence[Entry]) -> str | None:
    reasons = [entry.reason for entry in entries]
    event = st.dataframe(
        pd.DataFrame(
            {
                "share": [100 * entry.share for entry in entries],
                "calls": [entry.called.calls for entry in entries],
                "mean": [entry.called.mean_ms for entry in entries],
                "used": [[_used(entry)] for entry in entries],
                "rules": [list(entry.rules) or None for entry in entries],
                "statement": [" ".join(entry.called.sql.split()) for entry in entries],
                "reason": reasons,
            }
        ),
        hide_index=True,
        # The order is part of the key: a selection is a row's position, and must not pass to another.
        key=f"workload {[entry.called.calls for entry in entries]}",
        height="content",
        row_height=ROW_PX,
        on_select="rerun",
        selection_mode="single-row",
        placeholder="—",
        alt="Vector searches by their share of the time, with calls, mean, index, rules and statement",
        column_config={
            "share": st.column_config.ProgressColumn(
                "Of time", format="%.1f%%", min_value=0, max_value=100, width=92
            ),
            "calls": number("Calls", format="localized", width=60),
            "mean": number("Mean, ms", format="%.2f", width=70),
            "used": chips(
                "Index",
                options=[_USED, _NOT_USED, _UNKNOWN],
                color=["green", "red", "gray"],
                width=92,
                help="Whether the plan of today walks a vector index",
            ),
            "rules": chips(
                "Rules",
                options=sorted({rule for entry in entries for rule in entry.rules}),
                color="orange",
                width=72,
                help="P: why no index is used; F: what the answer lacks",
            ),
            "statement": text("Statement", width=350 if any(reasons) else None),
            "reason": text("Not diagnosed, because", width=196) if any(reasons) else None,
        },
    )
    chosen = event["selection"]["rows"]
    return entries[chosen[0]].sql if chosen else None


def _used(entry: Entry) -> str:
    if entry.diagnosis is None:
        return _UNKNOWN
    return _USED if entry.diagnosis.uses_index else _NOT_USED
