"""The finding a reader goes on to verify or to apply: remembered from its card to the job that they start.

The way to a form is no decision.  What the form starts is one, where it is still what the finding asked for:
the job then carries the finding, and the session forgets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st
from sqlalchemy import Connection

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.decisions import Followed
from dashboard.identity import current_principal
from dashboard.indexing.request import BuildRequest
from dashboard.outcomes import APPLIED, VERIFIED
from dashboard.ui import progress, state
from dashboard.ui.messages import escaped

_KEY = "followed finding"


def follow(followed: Followed) -> None:
    """Remember the finding for the form that is opened next."""
    state.remember(_KEY, followed)


def of_run(plan: BenchmarkPlan) -> Followed | None:
    """Give the finding that this plan verifies: it measures the index, by its distance."""
    followed = _remembered(VERIFIED, plan.column)
    if followed is None or (build := followed.advice.said.remedy.weighed) is None:
        return None
    weighs = any(str(variant.index) == build.index for variant in plan.variants)
    return followed if weighs and plan.distance.stem == build.distance else None


def of_build(request: BuildRequest) -> Followed | None:
    """Give the finding that this build answers: it is the index, by its distance."""
    followed = _remembered(APPLIED, request.column)
    if followed is None or (build := followed.advice.said.remedy.build) is None:
        return None
    return followed if (request.index, request.distance) == (build.index, build.distance) else None


def of_change(kind: str, column: str, index: str) -> Followed | None:
    """Give the finding that this job answers: it drops or rebuilds the index that was found."""
    followed = _remembered(APPLIED, column)
    if followed is None:
        return None
    changes = followed.advice.said.remedy.changes
    return followed if any((change.kind, change.index) == (kind, index) for change in changes) else None


def note(followed: Followed | None) -> None:
    """Say above a form's button that what it starts is kept as a decision; nothing without a finding."""
    if followed is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f":material/lightbulb: Answers the advisor's finding **{escaped(followed.advice.rule.title)}** "
            f"on {escaped(str(followed.column))}: the job is kept with it as a decision.",
            width="content",
        )
        st.button(
            "Not for it",
            key=f"not for {followed.decided}",
            type="tertiary",
            help="Starts the job by itself, without a decision on the finding",
            on_click=state.remember,
            args=(_KEY, None),
        )


def begin(kind: str, params: Mapping[str, Any], followed: Followed | None) -> int:
    """Queue a job, with the decision where it answers a finding, and return the job's id."""
    if followed is None:
        return progress.begin(kind, params)
    job_id = progress.begin(kind, params, beside=partial(_keep, followed))
    state.remember(_KEY, None)
    return job_id


def _keep(followed: Followed, connection: Connection, job_id: int) -> None:
    followed.keep(connection, current_principal(), job_id)


def _remembered(decided: str, column: str) -> Followed | None:
    followed: Followed | None = state.recall(_KEY)
    return followed if followed and (followed.decided, str(followed.column)) == (decided, column) else None
