"""What is known of a column: its last inspection, its last findability, earlier ones, and jobs at work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st

from dashboard.inspection import findability, run
from dashboard.inspection.findability import Findability, FindRequest
from dashboard.inspection.report import Report
from dashboard.inspection.run import InspectRequest
from dashboard.ui import state
from dashboard.ui.messages import check_choices, problem
from dashboard.ui.progress import begin
from db import inspections
from db.catalog import ColumnInfo
from db.errors import DashboardError
from db.inspections import Figures, Stored
from db.jobs import Job

ROWS, SEED, PROBES, FACET = "rows", "seed", "asks", "facet"
"""Widgets that stand in the address."""

CHOSEN, NONE = "chosen for you", "by no column"
"""In the place of a facet's name."""

MAX_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Looks:
    """What the page shows.  ``jobs`` are the newest of each kind where it is at work or came to nothing."""

    report: Report | None
    reported: Stored | None
    earlier: tuple[Figures, ...]
    found: Findability | None
    probed: Stored | None
    jobs: Mapping[str, Job]


def looks(column: ColumnInfo) -> Looks:
    """Read what is known of a column, as it is now."""
    with state.database().reading("inspect") as connection:
        reported = inspections.latest(connection, column, run.KIND)
        earlier = inspections.history(connection, column, run.KIND)
        probed = inspections.latest(connection, column, findability.KIND)
    return Looks(
        Report.from_document(reported.result) if reported else None,
        reported,
        earlier,
        Findability.from_document(probed.result) if probed else None,
        probed,
        _jobs(column, {run.KIND: reported, findability.KIND: probed}),
    )


def _jobs(column: ColumnInfo, kept: Mapping[str, Stored | None]) -> dict[str, Job]:
    """Find the newest job of each kind on the column, unless what it found is there."""
    newest: dict[str, Job] = {}
    for job in sorted(state.latest_jobs(), key=lambda job: job.id):
        if job.kind in kept and job.params.get("column") == str(column):
            newest[job.kind] = job
    return {
        kind: job
        for kind, job in newest.items()
        if job.state != "succeeded" and not _is_older(job, kept[kind])
    }


def _is_older(job: Job, stored: Stored | None) -> bool:
    return job.is_finished and stored is not None and _ended(job) < stored.created_at


def _ended(job: Job) -> datetime:
    return job.finished_at or job.created_at


def ask_to_inspect(column: ColumnInfo) -> None:
    """Queue an inspection with the sample the reader asked for; as a button's ``on_click``."""
    request = InspectRequest(str(column), state.value(ROWS) or run.ROWS, _seed())
    _submit(run.KIND, request.to_params())


def ask_to_find(column: ColumnInfo) -> None:
    """Queue a look at findability; as a button's ``on_click``."""
    facet = {None: None, CHOSEN: None, NONE: ""}.get(chosen := state.value(FACET), chosen)
    probes = state.value(PROBES) or findability.PROBES
    request = FindRequest(str(column), probes, _seed(), facet=facet)
    _submit(findability.KIND, request.to_params())


def _seed() -> int:
    seed = state.value(SEED)
    return run.SEED if seed is None else seed


def _submit(kind: str, params: dict[str, Any]) -> None:
    try:
        begin(kind, params)
    except DashboardError as error:
        problem(error)


def pick_sample(column: ColumnInfo) -> None:
    """Let the reader say how many rows to look at, which, and by what to tell apart those that are lost."""
    state.drop_beyond(ROWS, 1, run.MOST_ROWS)
    state.drop_beyond(PROBES, 1, findability.MOST_PROBES)
    state.drop_beyond(SEED, 0, MAX_SEED)
    st.number_input(
        "Rows to look at, at most", 1, run.MOST_ROWS, run.ROWS, 1000, key=ROWS, bind="query-params"
    )
    st.number_input(
        "Rows to ask the index for",
        1,
        findability.MOST_PROBES,
        findability.PROBES,
        500,
        key=PROBES,
        bind="query-params",
    )
    others = [c.name for c in state.other_columns(column) if c.category != "json"]
    facets = [CHOSEN, *(name for name in others if name not in column.key), NONE]
    check_choices({FACET: facets})
    st.selectbox(
        "Findability by",
        facets,
        key=FACET,
        bind="query-params",
        help="The column whose values are told apart; left to itself, the first that has a few values",
    )
    st.number_input(
        "Seed",
        0,
        MAX_SEED,
        run.SEED,
        key=SEED,
        bind="query-params",
        help="The same seed draws the same rows as long as the table is the same",
    )
