"""What can be done about a finding from its card: verified by a run, applied by a job, or why neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.advisor.advice import Advice
from dashboard.advisor.facts import Facts
from dashboard.advisor.remedy import DROP, Build, Change
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.trials import sweep
from dashboard.decisions import Followed
from dashboard.identity import Role, current_principal
from dashboard.outcomes import APPLIED, VERIFIED, Now, outcome_of
from dashboard.ui import benchmark_cost, benchmark_fill, decision_view, followed, progress, state
from dashboard.ui.index_given import BUILD, CHANGE, DISTANCE, INDEX
from dashboard.ui.messages import escaped, remedy, told_to_the_reader
from dashboard.ui.pickers import COLUMN
from dashboard.ui.runs import NEW
from dashboard.ui.shell import go, link
from dashboard.ui.units import ago, duration, size
from db import decisions
from db.catalog import ColumnInfo
from db.decisions import Decision
from db.distance import distance_named
from db.errors import RequestError
from db.forms import parse_spec

_TRIED = {"hnsw": (40, 80, 160), "ivfflat": (1, 5, 10, 20)}
"""Settings of the search that a verification tries."""

_VERBS = {DROP: "Drop"}

Key = tuple[str, str, str]
"""Column, rule, and what of the column the finding is about."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The last run that was started for a finding: its job, and the decision where one is kept."""

    job_id: int
    decision: Decision | None = None


def verified(columns: Sequence[ColumnInfo]) -> Mapping[Key, Verified]:
    """Find the last run for each finding that was verified, in this session or by a decision."""
    found: dict[Key, Verified] = {}
    with state.database().reading("decisions") as connection:
        if decisions.are_kept(connection):
            one = columns[0] if len(columns) == 1 else None
            for made in reversed(decisions.decisions(connection, one)):
                if made.decided == VERIFIED and made.job_id:
                    about = made.evidence["said"][0]["about"]
                    found[made.subject, made.rule, about] = Verified(made.job_id, made)
    started: Mapping[Key, int] = state.recall(_STARTED, {})
    return {key: Verified(job_id) for key, job_id in started.items()} | found


_STARTED = "verifying"


def key_of(advice: Advice) -> Key:
    """Tell a finding from every other."""
    return advice.column, advice.rule.key, advice.said.about


def buttons(number: int, advice: Advice, facts: Facts) -> None:
    """Draw what can be done about a finding."""
    remedy_, column = advice.said.remedy, facts.column
    if weighed := remedy_.weighed:
        _verify(number, advice, facts, _plan(weighed, column))
    if build := remedy_.build:
        query = {COLUMN: str(column), BUILD: build.index, DISTANCE: build.distance}
        about = "Opens the build with its forecast: nothing is built before you say so there"
        _apply(f"apply {number}", "Apply…", about, advice, facts, query)
    for place, change in enumerate(remedy_.changes):
        label = "Apply…" if len(remedy_.changes) == 1 else f"{_verb(change)} {change.index}…"
        query = {COLUMN: str(column), INDEX: change.index, CHANGE: change.kind}
        about = (
            f"Opens {change.index} to {_verb(change).lower()} it: nothing is done before you type its name"
        )
        _apply(f"apply {number} {place}", label, about, advice, facts, query)


def note(advice: Advice, facts: Facts) -> None:
    """Say what a verification takes, and of what no job carries out why."""
    if by_hand := advice.said.remedy.by_hand:
        st.caption(f":material/back_hand: {by_hand}")
    elif weighed := advice.said.remedy.weighed:
        said, hindrance = _takes(_plan(weighed, facts.column), facts.column)
        st.caption(f":material/science: {hindrance or said}")
    else:
        st.caption(
            ":material/science: Not verified in a click: the index holds an expression or part of the rows. "
            "Measure such searches on Benchmarks."
        )


def outcome(advice: Advice, facts: Facts, known: Mapping[Key, Verified], drawn: set[int]) -> None:
    """Draw the run that was last started for a finding; a job that is ``drawn`` already is left out."""
    last = known.get(key_of(advice))
    if last is None:
        return
    job, _ = state.job(last.job_id)
    run = state.run_of_job(job.id)
    if not job.is_finished or last.decision is None:
        if job.id not in drawn:
            drawn.add(job.id)
            progress.follow(job.id)
    else:
        with state.database().reading("decisions") as connection:
            came = outcome_of(last.decision, Now(connection, {}))
        said, way = st.columns([7, 1], vertical_alignment="center")
        said.markdown(
            f":material/science: **Measured {ago(last.decision.created_at)}.** {escaped(came.sentence)}"
        )
        if run:
            with way:
                link("benchmarks.py", f"Run {run.id}", {"run": str(run.id), "p95": f"{facts.budget_ms:g}"})


def _verify(number: int, advice: Advice, facts: Facts, plan: BenchmarkPlan) -> None:
    _, hindrance = _takes(plan, facts.column)
    allowed = current_principal().role >= Role.ENGINEER
    if st.button(
        "Adjust…",
        key=f"adjust {number}",
        icon=":material/tune:",
        type="tertiary",
        help="Opens the benchmark's form with this plan, to change it before it starts",
    ):
        _follow(advice, facts, VERIFIED)
        benchmark_fill.use(plan, facts.column)
        go("benchmarks.py", {COLUMN: str(facts.column), NEW: "1"})
    st.button(
        "Verify",
        key=f"verify {number}",
        icon=":material/science:",
        disabled=not allowed or bool(hindrance),
        help=hindrance or (None if allowed else "An engineer or administrator may"),
        on_click=_start,
        args=(advice, facts, plan),
    )


def _start(advice: Advice, facts: Facts, plan: BenchmarkPlan) -> None:
    with told_to_the_reader():
        job_id = followed.begin("benchmark", plan.to_params(), _followed(advice, facts, VERIFIED))
        state.remember(_STARTED, {**state.recall(_STARTED, {}), key_of(advice): job_id})


def _apply(  # noqa: PLR0917 - a button: its key, label and help, and where it leads
    key: str, label: str, about: str, advice: Advice, facts: Facts, query: dict[str, Any]
) -> None:
    if st.button(label, key=key, icon=":material/build:", help=about):
        _follow(advice, facts, APPLIED)
        go("indexes.py", query)


def _verb(change: Change) -> str:
    return _VERBS.get(change.kind, "Rebuild")


def _follow(advice: Advice, facts: Facts, decided: str) -> None:
    """Let the job that is started next be kept as a decision, where decisions are."""
    if made := _followed(advice, facts, decided):
        followed.follow(made)


def _followed(advice: Advice, facts: Facts, decided: str) -> Followed | None:
    if decision_view.why_not_kept():
        return None
    return Followed(advice, facts.column, decided, facts.budget_ms)


def _plan(build: Build, column: ColumnInfo) -> BenchmarkPlan:
    """Plan what weighs an index: it beside exact search on a copy, and the table as it stands."""
    spec = parse_spec(build.index)
    variants = sweep([spec], {spec.method.search.name: _TRIED[spec.method.name]})
    return BenchmarkPlan(str(column), distance_named(build.distance), variants, live=True)


def _takes(plan: BenchmarkPlan, column: ColumnInfo) -> tuple[str, str]:
    """Say what a run takes, and what stands in its way."""
    touches = "on a scratch copy of the rows; it changes nothing."
    found = benchmark_cost.survey(column)
    if found is None:
        return f"Verify measures the index {touches}", ""
    try:
        cost = benchmark_cost.expected(plan, column, found)
    except RequestError as error:
        return "", f"It cannot be verified. {escaped(error.message)} {remedy(error)}"
    takes = f"~{duration(cost.total_s)} and ~{size(cost.scratch_bytes)}"
    return f"Verify measures the index in {takes} {touches}", ""
