"""A build as it goes: the step it is at, how fast, who is in its way, and what the server said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.identity import current_principal
from dashboard.indexing.change import DROP_KIND
from dashboard.indexing.steps import STEPS, step_of
from dashboard.jobs import queue
from dashboard.jobs.kinds import kind_named
from dashboard.ui import index_reads, state
from dashboard.ui.messages import escaped, problem, told_to_the_reader
from dashboard.ui.progress import POLL_S, follow, how_far
from dashboard.ui.units import duration
from db.errors import ConnectionFailed, DashboardError
from db.index_builds import IndexBuild
from db.jobs import Job


def watch(job_id: int) -> None:
    """Draw a job on an index, live while it is active; the page is drawn anew when it ends."""
    job, _ = state.job(job_id)
    if job.is_finished or job.kind not in index_reads.KINDS:
        follow(job_id)
        _remarks(index_reads.record_of(job))
    else:
        _poll(job_id)


def _remarks(record: IndexBuild | None) -> None:
    """Say what the server said, of a build that broke off as of one that was carried out."""
    for notice in record.notices if record else ():
        st.caption(f":material/campaign: The server remarked: {escaped(notice)}")


@st.fragment(run_every=POLL_S)
def _poll(job_id: int) -> None:
    with told_to_the_reader():
        try:
            job, _ = state.job(job_id)
            record = index_reads.record_of(job)
        except ConnectionFailed:
            st.warning(
                "The database does not answer. The job goes on when it is back, and so does this panel.",
                icon=":material/cloud_off:",
            )
            return
        if job.is_finished:
            state.forget()
            st.rerun()
        _panel(job, record)


def _panel(job: Job, record: IndexBuild | None) -> None:
    kind, seen = kind_named(job.kind), record.progress if record else {}
    with st.container(border=True, key=f"index-job-{job.id}"):
        left, right = st.columns([4, 1], vertical_alignment="center")
        with left.container(gap="xxsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                word, icon, colour = badge(job, seen)
                st.badge(word, icon=icon, color=colour)  # type: ignore[arg-type]
                st.caption(
                    f"{kind.label}, concurrently: reads and writes go on · job {job.id} · by "
                    f"{escaped(job.created_by)} · continues if you leave this page"
                )
            st.subheader(escaped(record.name if record else kind.subject(job.params)), anchor=False)
        with right.container(horizontal=True, horizontal_alignment="right"):
            _cancel(job)
        st.progress(job.fraction, text=how_far(job))
        if job.kind != DROP_KIND and record:
            _steps(seen)
        _blockers(seen)
        st.caption(_facts(job, record, seen))
        if job.kind != DROP_KIND:
            st.caption(
                "What the server remarks, such as a graph that outgrows its memory, is shown here and in the "
                "log once the statement ends or is cancelled: psycopg2 hands it over no earlier."
            )


def badge(job: Job, seen: Mapping[str, Any]) -> tuple[str, str, str]:
    """Choose the word, icon and colour that tell how a job stands."""
    if job.cancel_requested:
        return "stopping", ":material/stop_circle:", "orange"
    if seen.get("stalled"):
        return "stalled", ":material/hourglass_disabled:", "orange"
    if seen.get("blockers"):
        return "waiting", ":material/hourglass_top:", "orange"
    return job.state, ":material/progress_activity:", "primary"


def _cancel(job: Job) -> None:
    label = "Stopping" if job.cancel_requested else "Cancel"
    if st.button(
        label,
        icon=":material/stop_circle:",
        disabled=job.cancel_requested,
        key=f"cancel index {job.id}",
        help="What a build leaves is INVALID; the same job drops it",
    ):
        try:
            queue.cancel(state.database(), current_principal(), job.id)
        except DashboardError as error:
            problem(error)
        else:
            st.rerun(scope="fragment")


def _steps(seen: Mapping[str, Any]) -> None:
    now = step_of(str(seen.get("phase", "starting")))
    for place, (column, step) in enumerate(zip(st.columns(len(STEPS)), STEPS, strict=True)):
        with column.container(gap=None):
            if place < now:
                st.markdown(f":green[:material/check_circle:] **{step.label}**")
            elif place == now:
                st.markdown(f":primary[:material/progress_activity:] **{step.label}**")
            else:
                st.markdown(f":gray[:material/radio_button_unchecked: {step.label}]")
            st.caption(_far(seen) if place == now else step.about)


def _far(seen: Mapping[str, Any]) -> str:
    if seen.get("blockers"):
        return f"{len(seen['blockers'])} older, see below"
    if seen.get("total"):
        return f"{seen['done']:,} of {seen['total']:,} {seen['unit']}"
    return escaped(str(seen.get("phase", "starting")))


def _blockers(seen: Mapping[str, Any]) -> None:
    for blocker in seen.get("blockers", []):
        age = "" if blocker["open_s"] is None else f" · open for {duration(blocker['open_s'])}"
        st.warning(
            f"**Waiting for pid {blocker['pid']}**: {escaped(blocker['application'] or 'no name')} · "
            f"{escaped(blocker['user'] or '')} · {escaped(blocker['state'] or 'unknown')}{age}. It has to "
            f"end first; who may can end it: `SELECT pg_terminate_backend({blocker['pid']})`",
            icon=":material/hourglass_top:",
        )


def _facts(job: Job, record: IndexBuild | None, seen: Mapping[str, Any]) -> str:
    parts = [f":material/memory: {duration(job.running_s or 0)} so far"]
    if rate := seen.get("rate"):
        parts.append(f"{rate:,.0f} {seen['unit']}/s over the last seconds")
    if record and record.workers is not None:
        parts.append(f"{seen.get('workers', 0)} workers help now, {record.workers} at most")
    parts.append(f"attempt {job.attempt} of {job.max_attempts}")
    return " · ".join(parts)
