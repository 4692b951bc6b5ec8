"""Results as data frames and drawn tables: units in the labels, a sign beside every colour."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.jobs.kinds import kind_named
from dashboard.ui.data_tables import cells, number_width
from dashboard.ui.pickers import rows
from dashboard.ui.summary import HEALTHS, health
from dashboard.ui.units import duration
from db.audit import AuditRow
from db.catalog import ColumnInfo, PlainColumn
from db.index_catalog import IndexInfo
from db.jobs import Job

MB = 2**20

text, number, chips = (
    st.column_config.TextColumn,
    st.column_config.NumberColumn,
    st.column_config.MultiselectColumn,
)


_TEXT_PX = 170
"""The most that numbers take which a browser shows only as texts: those are cut on the right."""


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job's state looks: sign and colour in tables, icon in badges."""

    sign: str
    colour: str
    icon: str


JOB_STATES = {
    "queued": JobState("○", "gray", ":material/schedule:"),
    "running": JobState("▶", "primary", ":material/progress_activity:"),
    "succeeded": JobState("✓", "green", ":material/check_circle:"),
    "failed": JobState("✕", "red", ":material/error:"),
    "cancelled": JobState("⊘", "orange", ":material/block:"),
}


def facts(pairs: Mapping[str, object], alt: str) -> None:
    """Draw names and values as a quiet two-column table."""
    frame = pd.DataFrame({"name": list(pairs), "value": [str(value) for value in pairs.values()]})
    st.table(frame, border="horizontal", hide_index=True, hide_header=True, alt=alt)


def number_column(column: PlainColumn, values: Sequence[object], *, is_key: bool = False) -> Any:
    """Configure a column of numbers: in thousands but for keys, with as many decimals as its type has."""
    scale = re.fullmatch(r"numeric\(\d+,(\d+)\)", column.type)
    form = "%d" if is_key else f"%,.{scale[1]}f" if scale else "localized"
    fits, pinned = number_width(values, form), is_key or None
    if any(isinstance(cell, str) for cell in cells(values)):
        return text(width=min(fits, _TEXT_PX), pinned=pinned, alignment="right")
    return number(width=fits, pinned=pinned, format=form)


def column_table(columns: Sequence[ColumnInfo]) -> ColumnInfo | None:
    """Draw the vector columns with their health; hand back the selected one."""
    frame = pd.DataFrame(
        {
            "state": [[health(column).chip] for column in columns],
            "column": [str(column) for column in columns],
            "type": [column.type for column in columns],
            "dimensions": [column.dimensions for column in columns],
            "rows": [rows(column).removesuffix("s").removesuffix(" row") for column in columns],
            "size": [column.size_bytes / MB for column in columns],
            "indexes": [[_index(index) for index in column.indexes] or None for column in columns],
        }
    )
    event = st.dataframe(
        frame,
        hide_index=True,
        key="vector columns",
        on_select="rerun",
        selection_mode="single-row",
        placeholder="—",
        alt="Vector columns with their state, type, dimensions, rows, size and indexes",
        column_config={
            "state": chips(
                "State", options=[h.chip for h in HEALTHS], color=[h.colour for h in HEALTHS], width=120
            ),
            "column": text("Column"),
            "type": text("Type", width=76),
            "dimensions": number("Dimensions", width=88, help="Empty: the column takes any"),
            "rows": text("Rows", width=92, alignment="right", help="~ is an estimate of the planner's"),
            "size": number("Size, MB", width=80, format="%.1f", help="The table and its TOAST, no indexes"),
            "indexes": chips("Indexes", color="gray"),
        },
    )
    chosen = event["selection"]["rows"]
    return columns[chosen[0]] if chosen else None


def _index(index: IndexInfo) -> str:
    distance = index.distance.stem if index.distance else index.operator_class
    return f"{'' if index.valid else '✕ '}{index.name} · {index.method} {distance}"


def job_table(jobs: Sequence[Job], selected: int | None) -> int | None:
    """Draw the jobs; hand back the id of the selected one."""
    ids = [job.id for job in jobs]
    frame = pd.DataFrame(
        {
            "state": [[chip(job)] for job in jobs],
            "id": ids,
            "kind": [kind_named(job.kind).label for job in jobs],
            "what": [kind_named(job.kind).subject(job.params) for job in jobs],
            "progress": [job.reached for job in jobs],
            "started": [job.started_at for job in jobs],
            "took": [None if job.running_s is None else duration(job.running_s) for job in jobs],
            "by": [job.created_by for job in jobs],
        }
    )
    event = st.dataframe(
        frame,
        hide_index=True,
        # The order is part of the key: a selection is a row's position, and must not pass to another job.
        key=f"jobs {ids}",
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [ids.index(selected)] if selected in ids else []}},
        placeholder="—",
        alt="Jobs with their state, kind, subject, progress, start, duration and owner",
        column_config={
            "state": chips(
                "State",
                options=[f"{look.sign} {state}" for state, look in JOB_STATES.items()],
                color=[look.colour for look in JOB_STATES.values()],
                width=112,
            ),
            "id": number("Job", width=56),
            "kind": text("Kind", width=92),
            "what": text("What"),
            "progress": st.column_config.ProgressColumn("Progress", format="percent", width=140),
            "started": st.column_config.DatetimeColumn(
                "Started, UTC", format="YYYY-MM-DD HH:mm:ss", timezone="UTC", width=152
            ),
            "took": text("Took", width=92, alignment="right"),
            "by": text("By", width=80),
        },
    )
    chosen = event["selection"]["rows"]
    return ids[chosen[0]] if chosen else None


def chip(job: Job) -> str:
    """Write a job's state with its sign."""
    return f"{JOB_STATES[job.state].sign} {job.state}"


def audit_table(changes: Iterable[AuditRow]) -> None:
    """Draw the audit log, newest first."""
    frame = pd.DataFrame(
        [
            (
                change.at,
                change.subject,
                change.role,
                change.action,
                change.object,
                change.detail,
                change.job_id,
            )
            for change in changes
        ],
        columns=["at", "who", "role", "action", "object", "detail", "job"],
    )
    st.dataframe(
        frame,
        hide_index=True,
        key="audit",
        placeholder="—",
        alt="Audit log: when, who, in which role, did what to which object",
        column_config={
            "at": st.column_config.DatetimeColumn(
                "When, UTC", format="YYYY-MM-DD HH:mm:ss", timezone="UTC", width=152
            ),
            "who": text("Who", width=80),
            "role": text("Role", width=76),
            "action": text("Action", width=140),
            "object": text("Object", width=220),
            "detail": st.column_config.JsonColumn("Detail"),
            "job": number("Job", width=56),
        },
    )
