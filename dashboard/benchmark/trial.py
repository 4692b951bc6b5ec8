"""Trials of one index: each plan asserted, the queries timed in turns, what came back compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sqlalchemy import Connection

from dashboard.benchmark.looks import First, begin, facts, look_into
from dashboard.benchmark.measures import Observed, measure, recalls
from dashboard.benchmark.noise import Quiet, noise, watched
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.rounds import Rounds, Turn, timed
from dashboard.benchmark.sample import Sample
from dashboard.benchmark.trials import PlannedTrial
from dashboard.benchmark.truth import Floats, Indexes, Truth, found_distances
from db.arms import MISSING, Arm, Search
from db.build import Built
from db.explain import Plan
from db.neighbours import Neighbours
from db.runs import Trial
from db.timing import Asker, asking

EXACT_SETTINGS = {"enable_indexscan": "off", "enable_seqscan": "on"}
PINNED_SETTINGS = {"enable_seqscan": "off"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished index on the scratch copy, and the WAL that its build would write on a logged table."""

    name: str
    built: Built
    wal_forecast_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trial with its figures per query, what each found and what it should have; none when it is void."""

    trial: Trial
    latencies_ms: Sequence[float] = ()
    recalls: Sequence[float] = ()
    found: Neighbours | None = None
    truth: Neighbours | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One trial, and how the server is asked it."""

    trial: PlannedTrial
    search: Search

    @property
    def arm(self) -> Arm:
        """The search under the trial's settings."""
        return Arm(self.search, self.trial.parameters if self.trial.index else EXACT_SETTINGS)


@dataclass(slots=True)
class _Asked:
    """What is known of a trial while it is asked."""

    question: Question
    used: Plan
    pinned: bool
    first: First | None = None
    looks: list[Plan] = field(default_factory=list)


def carry_out(
    connection: Connection,
    plan: BenchmarkPlan,
    questions: Sequence[Question],
    candidate: Candidate | None,
    *,
    sample: Sample,
    truths: Mapping[str | None, Truth],
    tell: Callable[[int], None],
) -> list[Outcome]:
    """Ask every query of every trial with ``candidate`` in one transaction; without one, exactly.

    ``truths`` are the exact answers by subset.  A trial whose plan is not the one to be measured, before its
    queries or after them, is void: it has a reason and no figures.
    """
    with asking(connection, [question.arm for question in questions], sample.texts) as asker:
        asked = [_begin(asker, number, q, candidate) for number, q in enumerate(questions)]
        turns = [
            Turn(number, plan.asked(one.question.trial), _group(one.question.trial))
            for number, one in enumerate(asked)
            if _is_expected(one.used, candidate)
        ]
        for turn in turns:
            asked[turn.number].first = begin(asker, turn)
        with watched() as quiet:
            rounds = timed(asker, turns, plan.repeats, tell) if turns else {}
        for turn in turns:
            one = asked[turn.number]
            one.looks = look_into(asker, turn)
            one.used = asker.plan(turn.number)
    return [
        _outcome(plan, one, rounds.get(number), quiet, candidate=candidate, sample=sample, truths=truths)
        for number, one in enumerate(asked)
    ]


def void(
    plan: BenchmarkPlan,
    trial: PlannedTrial,
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
            queries=plan.asked(trial),
            measures={},
            build_s=candidate.built.build_s if candidate else None,
            size_bytes=candidate.built.size_bytes if candidate else None,
            arm=trial.arm,
            k=trial.k,
            subset=trial.subset,
        )
    )


def went_over(before: str, after: str) -> str:
    """Say that a plan changed between the first query and the last."""
    return (
        f"The planner went over from {before} to {after} while the queries were asked: "
        "their figures are not of one plan."
    )


def _begin(asker: Asker, number: int, question: Question, candidate: Candidate | None) -> _Asked:
    """Look which plan a trial gets; disable sequential scans where the planner would rather have one."""
    used = asker.plan(number)
    if candidate is None or used.uses_index(candidate.name):
        return _Asked(question, used, pinned=False)
    asker.require(number, PINNED_SETTINGS)
    return _Asked(question, asker.plan(number), pinned=True)


def _group(trial: PlannedTrial) -> str | None:
    return f"{trial.k} of {trial.subset}" if trial.index else None


def _is_expected(used: Plan, candidate: Candidate | None) -> bool:
    if candidate:
        return used.uses_index(candidate.name)
    return used.scan.node_type == "Seq Scan"


def _outcome(
    plan: BenchmarkPlan,
    asked: _Asked,
    rounds: Rounds | None,
    quiet: Sequence[Quiet],
    *,
    candidate: Candidate | None,
    sample: Sample,
    truths: Mapping[str | None, Truth],
) -> Outcome:
    trial, used = asked.question.trial, asked.used
    if rounds is None or not _is_expected(used, candidate):
        wanted, chosen = "the index" if candidate else "a sequential scan", used.scan.node_type
        reason = f"The planner chose {chosen} although {wanted} was to be measured."
        return void(plan, trial, went_over(wanted, chosen) if rounds else reason, candidate, used)
    assert asked.first is not None
    truth = truths[trial.subset]
    found = _found(rounds, plan, asked.question, sample)
    observed = _observed(rounds, plan, asked.question, found, truth)
    remarks = [trial.note(), *(candidate.built.notices if candidate else ())]
    measured = replace(
        void(plan, trial, "", candidate, used).trial,
        state="measured",
        reason=" ".join(filter(None, remarks)) or None,
        pinned=asked.pinned,
        measures=measure(observed, seed=plan.seed),
        rows=len(sample.members[trial.subset] if trial.subset else sample.rows),
        facts=facts(asked.first, asked.looks)
        | _built(candidate)
        | {"noise": noise(rounds.control_ms, quiet)},
    )
    return Outcome(
        measured,
        observed.latencies_ms.ravel().tolist(),
        observed.recalls.tolist(),
        _neighbours(*found),
        _exact(truth, sample, trial.subset),
    )


def _neighbours(positions: Indexes, distances: Floats) -> Neighbours:
    return Neighbours(distances.astype(np.float32), positions.astype(np.int32))


def _exact(truth: Truth, sample: Sample, subset: str | None) -> Neighbours:
    rows = sample.members[subset][truth.indexes] if subset else truth.indexes
    return _neighbours(sample.positions(rows), truth.distances)


def _built(candidate: Candidate | None) -> dict[str, object]:
    if candidate is None:
        return {}
    built = candidate.built
    return {
        "workers": built.workers,
        "spilled": built.spilled,
        "notices": list(built.notices),
        "wal_forecast_bytes": candidate.wal_forecast_bytes,
    }


def _found(rounds: Rounds, plan: BenchmarkPlan, question: Question, sample: Sample) -> tuple[Indexes, Floats]:
    """Tell the positions that came back, and their distances, computed from our own vectors."""
    positions = rounds.answers.found[: plan.asked(question.trial)].astype(np.int64)
    places = sample.indexes(positions)
    return positions, found_distances(sample.rows, sample.queries, places, question.search.distance)


def _observed(
    rounds: Rounds, plan: BenchmarkPlan, question: Question, found: tuple[Indexes, Floats], truth: Truth
) -> Observed:
    """Compare what came back with the exact answers."""
    queries, k = plan.asked(question.trial), question.trial.k
    positions, distances = found
    exact = truth.distances[:queries, :k]
    return Observed(
        latencies_ms=rounds.answers.latencies_ms.reshape(-1, queries).T,
        recalls=recalls(distances, exact, question.search.distance),
        missing=np.asarray((positions[:, : exact.shape[1]] == MISSING).mean(axis=1)),
        control_ms=rounds.control_ms,
        wanted_recall=plan.wanted_recall,
    )
