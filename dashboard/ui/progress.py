"""One job, watched: a fragment that polls it while it is active, and its last word when it is over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import streamlit as st
from sqlalchemy import Connection

from dashboard.identity import Principal, current_principal
from dashboard.jobs import queue
from dashboard.jobs.kinds import kind_named
from dashboard.settings import settings
from dashboard.ui import state
from dashboard.ui.messages import escaped, problem, told_to_the_reader
from dashboard.ui.shell import link
from dashboard.ui.tables import JOB_STATES
from dashboard.ui.units import duration
from db.engine import Database
from db.errors import ConnectionFailed, DashboardError
from db.jobs import Job, LogLine

POLL_S = 1.0
PACE_S = 2.0
"""How long a phase is watched before its pace is believed."""
UNCLAIMED_S = 15.0
"""A job nobody has taken for this long, while nothing else runs, says that there is no worker."""


def begin(
    kind: str, params: Mapping[str, Any], *, beside: Callable[[Connection, int], None] = lambda *_: None
) -> int:
    """Queue a job and return its id; where an equal one is at work it is that one, and its panel says so.

    ``beside`` writes what belongs to it, in the same transaction.

    Raises NotPermitted when the reader's role is too low for this kind.
    """
    return queue.submit(
        state.database(),
        current_principal(),
        kind,
        params,
        already=lambda twin: state.remember(_twin(twin), True),
        beside=beside,
    )


def _twin(job_id: int) -> str:
    return f"already {job_id}"


def follow(job_id: int) -> Job:
    """Draw a job, live while it is active, and hand it back as it is now.

    Raises RequestError for an unknown id.
    """
    job, lines = state.job(job_id)
    if job.is_finished:
        _panel(job, lines)
    else:
        _poll(job_id)
    return job


@st.fragment(run_every=POLL_S)
def _poll(job_id: int) -> None:
    with told_to_the_reader():
        try:
            job, lines = state.job(job_id)
        except ConnectionFailed:
            st.warning(
                "The database does not answer. The job goes on when it is back, and so does this panel.",
                icon=":material/cloud_off:",
            )
            return
        _panel(job, lines)
        if job.is_finished:
            state.forget()
            st.rerun()


def _panel(job: Job, lines: list[LogLine]) -> None:
    kind, look = kind_named(job.kind), JOB_STATES[job.state]
    with st.container(border=True, key=f"job-{job.id}"):
        left, right = st.columns([4, 1], vertical_alignment="center")
        with left.container(gap="xxsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.badge(job.state, icon=look.icon, color=look.colour)  # type: ignore[arg-type]
                st.caption(f"{kind.label} · job {job.id} · by {escaped(job.created_by)}{_leave(job)}")
            st.subheader(escaped(kind.subject(job.params)), anchor=False)
        with right.container(horizontal=True, horizontal_alignment="right"):
            _buttons(job)
        if state.recall(_twin(job.id)) and not job.is_finished:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(
                    f":blue-badge[:material/content_copy: Already queued as job {job.id}] &nbsp; "
                    "An equal one was asked for before, so nothing was queued twice.",
                    width="content",
                )
                link("jobs.py", f"Job {job.id}", {"job": str(job.id)})
        _outcome(job)
        if lines:
            with st.expander("Log", icon=":material/notes:", key=f"log {job.id}"):
                text = "\n".join(f"{line.at.astimezone(UTC):%H:%M:%S}  {line.message}" for line in lines)
                st.code(text, language=None, wrap_lines=True)


def _leave(job: Job) -> str:
    return "" if job.is_finished else " · continues if you leave this page"


def _buttons(job: Job) -> None:
    if job.is_finished:
        if job.state != "succeeded" and st.button("Retry", icon=":material/replay:", key=f"retry {job.id}"):
            _do(queue.retry, job)
        return
    label = "Stopping" if job.cancel_requested else "Cancel"
    if st.button(label, icon=":material/stop_circle:", disabled=job.cancel_requested, key=f"cancel {job.id}"):
        _do(queue.cancel, job)


def _do(action: Callable[[Database, Principal, int], None], job: Job) -> None:
    try:
        action(state.database(), current_principal(), job.id)
    except DashboardError as error:
        problem(error)
    else:
        st.rerun()


def _outcome(job: Job) -> None:
    match job.state:
        case "failed":
            problem(DashboardError(job.error or "The job failed.", job.remedy or ""))
            if job.phase:
                st.caption(stopped_at(job))
        case "cancelled":
            st.caption("Stopped on request; nothing half-done was left behind.")
        case "succeeded":
            st.caption(
                f"Done in {duration(job.running_s or 0)} · attempt {job.attempt} of {job.max_attempts}"
            )
        case _:
            st.progress(job.fraction, text=how_far(job))
            _worker(job)


def stopped_at(job: Job) -> str:
    """Say in one line where a job that failed had come to."""
    where = f"Stopped {'after' if job.fraction == 1 else 'while'} {escaped(job.phase)}"
    if not job.total:
        return where
    return f"{where} · {job.done:,} of {job.total:,} {job.unit}"


def how_far(job: Job) -> str:
    """Say in one line how far an active job is, and how long the rest will take at this pace."""
    if job.state == "queued":
        return "Waiting for its turn"
    parts = [f"**{job.fraction:.0%}**"] if job.total else []
    parts.append(escaped(job.phase) or "starting")
    if job.total:
        parts.append(f"{job.done:,} of {job.total:,} {job.unit}")
    if pace := _pace(job):
        parts += [f"{pace:,.3g} {job.unit}/s", f"~{duration((job.total - job.done) / pace)} left"]
    return " · ".join(parts)


def _worker(job: Job) -> None:
    if job.state == "queued":
        waited_s = (datetime.now(UTC) - job.created_at).total_seconds()
        if waited_s > UNCLAIMED_S and not any(other.state == "running" for other in state.latest_jobs()):
            st.warning(
                f"No worker has taken it for {duration(waited_s)}. Start one: `python -m dashboard worker`",
                icon=":material/person_off:",
            )
        return
    heard_s = job.heartbeat_age_s or 0.0
    if heard_s > settings().job_lease_s:
        st.warning(
            f"Its worker was last heard {duration(heard_s)} ago; the next free worker takes over.",
            icon=":material/heart_broken:",
        )
    st.caption(
        f"{duration(job.running_s or 0)} so far · attempt {job.attempt} of {job.max_attempts} · "
        f"worker {escaped(job.worker or '')}, heard {duration(heard_s)} ago"
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    phase: str
    attempt: int
    done: int
    at_s: float


def _pace(job: Job) -> float | None:
    """Units per second since this session first saw the job in this phase; None until that tells something.

    The job's own clock would not do: it includes earlier phases and attempts.
    """
    now = _Seen(job.phase, job.attempt, job.done, monotonic())
    first: _Seen | None = state.recall(f"pace {job.id}")
    if first is None or (first.phase, first.attempt) != (now.phase, now.attempt) or now.done < first.done:
        state.remember(f"pace {job.id}", now)
        return None
    watched_s = now.at_s - first.at_s
    return (now.done - first.done) / watched_s if watched_s >= PACE_S and now.done > first.done else None
