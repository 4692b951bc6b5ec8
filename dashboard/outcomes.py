"""What came of a decision: read anew each time from the job, the run, the catalog and the rules of today."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from sqlalchemy import Connection

from dashboard.advisor.advice import Advised
from dashboard.advisor.evidence import sentence, worse
from dashboard.advisor.words import ms, size
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.benchmark.verdict import alike, full_name, judge
from dashboard.decisions import of_rule
from db import decisions, jobs
from db.decisions import DISMISSED, Built, Decision
from db.index_builds import BUILD, DROP, REINDEX
from db.jobs import Job
from db.runs import Run, Trial, load_run_of_job

VERIFIED, APPLIED = "verified", "applied"

_CHANGES = {"build_index": "build", "reindex": "rebuild", "drop_index": "drop"}
"""What each kind of job does to an index, as a sentence names it."""
_DONE = {BUILD: "built", REINDEX: "rebuilt"}


@dataclass(frozen=True, slots=True)
class Now:
    """What outcomes are read from: a connection, and what the rules say today, by column.

    A column that was not asked is not among ``said``.
    """

    connection: Connection
    said: Mapping[str, Advised]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a decision: a word to sort by, a sentence, and the run it can be read from."""

    state: str
    sentence: str
    run: int | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """One thing that can be decided on a finding; ``outcome`` reads what came of it."""

    key: str
    icon: str
    about: str
    outcome: Callable[[Decision, Now], Outcome]


def outcome_of(decision: Decision, now: Now) -> Outcome:
    """Read what came of a decision."""
    return DECIDED[decision.decided].outcome(decision, now)


def to_document(decision: Decision, outcome: Outcome) -> dict[str, Any]:
    """Make the JSON form of a decision."""
    return {
        "id": decision.id,
        "at": decision.created_at.isoformat(),
        "by": decision.created_by,
        "column": decision.subject,
        "rule": decision.rule,
        "decided": decision.decided,
        "reason": decision.reason,
        "finding": sentence(decision.evidence),
        "evidence": decision.evidence,
        "job": decision.job_id,
        "run": outcome.run,
        "state": outcome.state,
        "outcome": outcome.sentence,
    }


def _dismissed(decision: Decision, now: Now) -> Outcome:
    if decision.lifted_at:
        when = f"{decision.lifted_at.astimezone(UTC):%Y-%m-%d %H:%M}"
        return Outcome("lifted", f"Over since {when} UTC, by {decision.lifted_by}.")
    advised = now.said.get(decision.subject)
    if advised is None:
        return Outcome("unknown", "The column could not be asked today, or is gone.")
    if said := of_rule(advised.spoken, decision.rule):
        if because := worse(decision.evidence, said):
            return Outcome("shown again", f"Shown again. {because}")
        return Outcome("hidden", "The rule still speaks, and is hidden.")
    reason = next((quiet.reason for quiet in advised.silent if quiet.rule.key == decision.rule), "")
    return Outcome(
        "silent", f"The rule has gone silent. {reason}" if reason else "There is no such rule now."
    )


def _verified(decision: Decision, now: Now) -> Outcome:
    job = _job(decision, now)
    if isinstance(job, Outcome):
        return job
    run = load_run_of_job(now.connection, job.id)
    if job.state != "succeeded" or run is None:
        return _unfinished(job, "benchmark", run)
    return Outcome("succeeded", _verdict(run, decision.evidence["budget_ms"]), run.id)


def _verdict(run: Run, budget_ms: float) -> str:
    """Judge a run by the budget that the finding was about: which arm is the cheapest that keeps it."""
    plan = BenchmarkPlan.from_params(run.plan)
    target = plan.target or Target(p95_ms=budget_ms)
    verdict = judge(alike(run.trials), target)
    wanted = f"recall ≥ {target.recall:g} and p95 ≤ {target.p95_ms:g} ms"
    if verdict.exact is None and verdict.nearest is None:
        return f"Run {run.id} could measure nothing."
    if verdict.cheapest is None:
        nearest = verdict.nearest or verdict.exact
        assert nearest
        return f"Nothing keeps {wanted}; nearest is {_arm(nearest)} (run {run.id})."
    best = f"{_arm(verdict.cheapest)} is the cheapest that keeps {wanted}"
    beside = verdict.index if verdict.cheapest is verdict.exact else verdict.exact
    return f"{best}{f'; {_arm(beside)}' if beside else ''} (run {run.id})."


def _arm(trial: Trial) -> str:
    measures = trial.measures
    return f"{full_name(trial)} with recall {measures['recall']:.3f} and p95 {ms(measures['p95_ms'])}"


def _applied(decision: Decision, now: Now) -> Outcome:
    job = _job(decision, now)
    if isinstance(job, Outcome):
        return job
    built = decisions.built_by(now.connection, job.id)
    if job.state != "succeeded" or built is None:
        return _unfinished(job, _CHANGES[job.kind], None)
    return _dropped(built) if built.action == DROP else _stands(built)


def _dropped(built: Built) -> Outcome:
    if built.valid is None:
        return Outcome("dropped", f"{built.name} was dropped, and is gone.")
    return Outcome("back", f"{built.name} was dropped, and an index of that name is there again.")


def _stands(built: Built) -> Outcome:
    if built.valid is None:
        return Outcome("gone", f"{built.name} was {_DONE[built.action]}, and is gone.")
    if not built.valid:
        return Outcome("invalid", f"{built.name} was {_DONE[built.action]}, and is invalid now.")
    return Outcome("stands", f"{built.name} stands, {size(built.size_bytes or 0)}.")


def _job(decision: Decision, now: Now) -> Job | Outcome:
    if decision.job_id is None:
        return Outcome("unknown", "Its job is not kept any more.")
    return jobs.get(now.connection, decision.job_id)


def _unfinished(job: Job, what: str, run: Run | None) -> Outcome:
    said = {
        "queued": f"The {what} waits for its turn.",
        "running": f"The {what} is at {job.fraction:.0%}: {job.phase or 'it has begun'}.",
        "failed": f"The {what} failed: {job.error or 'it left no word'}",
        "cancelled": f"The {what} was cancelled.",
        "succeeded": f"The {what} is done, and its record is gone.",
    }
    return Outcome(job.state, said[job.state], run.id if run else None)


DECIDED: dict[str, Decided] = {
    one.key: one
    for one in (
        Decided(
            DISMISSED, ":material/visibility_off:", "Left as it is, for a reason that was given.", _dismissed
        ),
        Decided(VERIFIED, ":material/science:", "A benchmark of the index was started.", _verified),
        Decided(
            APPLIED, ":material/build:", "A job that builds, rebuilds or drops it was started.", _applied
        ),
    )
}
