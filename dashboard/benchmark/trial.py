"""One trial: the plan asserted, the queries timed, what came back compared with the exact answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import Connection

from dashboard.benchmark.measures import Observed, measure, recalls
from dashboard.benchmark.plan import BenchmarkPlan, PlannedTrial
from dashboard.benchmark.rounds import Rounds, timed, warm_up
from dashboard.benchmark.sample import Sample
from dashboard.benchmark.truth import Truth, found_distances
from db.build import Built
from db.explain import Plan
from db.runs import Trial
from db.timing import MISSING, Asker, Search, asking

EXACT_SETTINGS = {"enable_indexscan": "off", "enable_seqscan": "on"}
PINNED_SETTINGS = {"enable_seqscan": "off"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished index on the scratch copy."""

    name: str
    built: Built


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trial with its figures per query; none when it is void."""

    trial: Trial
    latencies_ms: Sequence[float] = ()
    recalls: Sequence[float] = ()


def carry_out(
    connection: Connection,
    plan: BenchmarkPlan,
    trial: PlannedTrial,
    candidate: Candidate | None,
    *,
    search: Search,
    sample: Sample,
    truth: Truth,
    tell: Callable[[int], None],
) -> Outcome:
    """Ask every query with ``candidate`` in one transaction; without one, exactly.

    A trial whose plan is not the one to be measured is void: it has a reason and no figures.
    """
    queries = plan.asked(trial)
    settings = trial.index.setting(trial.value) if trial.index and trial.value else EXACT_SETTINGS
    with asking(connection, search, sample.texts, settings) as asker:
        pinned = candidate is not None and _pin(asker, candidate)
        used, rounds = asker.plan(), None
        if _is_expected(used, candidate):
            warm_up(asker, queries)
            rounds = timed(asker, queries, plan.repeats, controlled=candidate is not None, tell=tell)
            used = asker.plan()
    if rounds is None or not _is_expected(used, candidate):
        wanted = "the index" if candidate else "a sequential scan"
        reason = f"The planner chose {used.scan.node_type} although {wanted} was to be measured."
        return void(trial, queries, reason, candidate, used)
    observed = _observed(rounds, queries, search, sample, truth)
    remarks = [trial.note(plan.k), *(candidate.built.notices if candidate else ())]
    measured = replace(
        void(trial, queries, "", candidate, used).trial,
        state="measured",
        reason=" ".join(filter(None, remarks)) or None,
        pinned=pinned,
        measures=measure(observed, seed=plan.seed),
    )
    return Outcome(measured, observed.latencies_ms.ravel().tolist(), observed.recalls.tolist())


def void(
    trial: PlannedTrial,
    queries: int,
    reason: str,
    candidate: Candidate | None = None,
    used: Plan | None = None,
) -> Outcome:
    """Record that ``trial`` has no figures, and why."""
    return Outcome(
        Trial(
            position=trial.position,
            method=trial.method,
            options=trial.options,
            setting=trial.setting,
            state="void",
            reason=reason,
            plan_node=used.scan.node_type if used else "",
            plan=used.document if used else {},
            pinned=False,
            queries=queries,
            measures={},
            build_s=candidate.built.build_s if candidate else None,
            size_bytes=candidate.built.size_bytes if candidate else None,
        )
    )


def _pin(asker: Asker, candidate: Candidate) -> bool:
    """Disable sequential scans where the planner would rather have one; tell whether that was needed."""
    if asker.plan().uses_index(candidate.name):
        return False
    asker.prepare(PINNED_SETTINGS)
    return True


def _is_expected(used: Plan, candidate: Candidate | None) -> bool:
    if candidate:
        return used.uses_index(candidate.name)
    return used.scan.node_type == "Seq Scan"


def _observed(rounds: Rounds, queries: int, search: Search, sample: Sample, truth: Truth) -> Observed:
    """Compare what came back with the exact answers, by distances computed from our own vectors."""
    positions = rounds.answers.positions[:queries]
    found = found_distances(sample.rows, sample.queries, sample.indexes(positions), search.distance)
    return Observed(
        latencies_ms=rounds.answers.latencies_ms.reshape(-1, queries).T,
        recalls=recalls(found, truth.distances[:queries], search.distance),
        missing=np.asarray((positions == MISSING).mean(axis=1)),
        control_ms=rounds.control_ms,
    )
