"""The search on one copy: which settings of a candidate are asked, by how many queries, and what is kept.

A setting is asked few queries at first, and more only while the interval of its recall holds the target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Index

from dashboard.benchmark.attempt import Attempt
from dashboard.benchmark.steps import built, drop_unfinished, index_of, keep
from dashboard.benchmark.target import Target
from dashboard.benchmark.trial import Outcome, carry_out, void
from dashboard.benchmark.trials import PlannedTrial, Variant
from db.build import drop_index
from db.errors import RequestError
from db.forms import IndexSpec
from db.runs import Trial, load_run
from db.words import counted

FIRST_QUERIES = 50

CLOSE = 1.15
"""The bisection ends when a setting that meets the target is within this factor of one that does not."""


@dataclass(frozen=True, slots=True)
class Found:
    """The smallest setting of one candidate that meets the recall wanted, and what it cost there."""

    value: int
    p95_ms: float
    low_ms: float
    high_ms: float
    """The 95 % interval of the latency."""
    control_ms: float
    """What exact search took beside it."""
    build_s: float
    meets: bool
    """Both: recall, and latency at p95."""


class Search:
    """The search on one copy; what an earlier attempt kept of it is not asked again."""

    def __init__(self, attempt: Attempt, target: Target) -> None:
        self._attempt = attempt
        self._target = target
        self._subset = next(iter(attempt.plan.filters), None)
        members = attempt.sample.members[self._subset] if self._subset else attempt.sample.rows
        self._rows = len(members)
        with attempt.connection.begin():
            stored = load_run(attempt.connection, attempt.run_id).trials
        self._position = len(stored)
        self._kept = [trial for trial in stored if trial.rows == self._rows]

    def exact_ms(self) -> float:
        """Ask exactly, and tell the latency at p95."""
        planned = PlannedTrial(self._position, None, k=self._attempt.plan.k, subset=self._subset)
        trial = self._known(planned) or self._ask_all(planned, None)
        return trial.measures.get("p95_ms", math.inf)

    def best_setting(self, variant: Variant, fastest: Found | None = None) -> Found | None:
        """Find the smallest setting of a candidate that meets the recall; None where none does.

        None also once it is known to be slower than the ``fastest`` so far, where there is one.  The index
        is built where something is left to be asked, and dropped in any case.
        """
        attempt, spec = self._attempt, variant.index
        known = [t for t in self._kept if (t.method, t.options) == (spec.method.name, spec.options)]
        if any(trial.build_s is None for trial in known):
            return None  # the server had refused to build it
        # An index that a killed attempt had finished is found again by its name.
        position = known[0].position if known else self._position
        index = index_of(attempt, spec, PlannedTrial(position, spec))
        found = None
        try:
            if value := self._bisect(variant, index, fastest):
                found = self._confirmed(variant, value, index)
        except RequestError as refused:
            attempt.ledger.log(f"{spec}: {refused.message}")
            planned = self._planned(variant, _first(spec))
            self._keep(planned, void(attempt.plan, planned, refused.message))
        with attempt.connection.begin():
            drop_index(attempt.connection, index)
        return found

    def tell(self, variant: Variant, best: Found | None) -> None:
        """Log what this copy said of a candidate."""
        said = f"{best.p95_ms:.3g} ms at {best.value}" if best else "does not reach the recall"
        self._attempt.ledger.log(f"On {counted(len(self._attempt.sample.rows))} {variant.index}: {said}.")

    def remember(self, known: dict[str, Any]) -> None:
        """Make what the search on this copy came to durable."""
        with self._attempt.connection.begin():
            self._attempt.save(self._position, "put the candidates in order", known)

    def _confirmed(self, variant: Variant, value: int, index: Index) -> Found:
        """Ask every query, and more widely where the few that decided had been the easier ones."""
        while True:
            planned = self._planned(variant, value)
            trial = self._known(planned, whole=True) or self._ask_all(planned, index)
            p95_ms = trial.measures.get("p95_ms", math.inf)
            enough = _reaches(trial, self._target.recall)
            if enough or not trial.is_measured or value >= _highest(variant.index):
                return Found(
                    value,
                    p95_ms,
                    trial.measures.get("p95_ms_low", math.inf),
                    trial.measures.get("p95_ms_high", math.inf),
                    _control_ms(trial),
                    trial.build_s or 0.0,
                    enough and p95_ms <= self._target.p95_ms,
                )
            value = min(max(value + 1, round(value * CLOSE)), _highest(variant.index))

    def _bisect(self, variant: Variant, index: Index, fastest: Found | None) -> int | None:
        high = _highest(variant.index)
        misses, enough, value = 0, high + 1, _first(variant.index)
        while True:
            trial = self._asked(variant, value, index)
            if _reaches(trial, self._target.recall):
                enough = value
            elif value >= high or (fastest and is_slower(trial, fastest)):
                return None  # a wider search takes longer still
            else:
                misses = value
            if enough > high:
                value = min(misses * 2, high)
            elif enough - misses > 1 and enough > misses * CLOSE:
                value = max(misses + 1, min(enough - 1, round(math.sqrt(max(misses, 1) * enough))))
            else:
                return enough

    def _asked(self, variant: Variant, value: int, index: Index) -> Trial:
        planned = self._planned(variant, value)
        return self._known(planned) or self._decide(planned, index)

    def _decide(self, planned: PlannedTrial, index: Index) -> Trial:
        """Ask more and more queries, until the interval of the recall leaves the target on one side."""
        plan, wanted = self._attempt.plan, self._target.recall
        queries = min(FIRST_QUERIES, plan.queries)
        while True:
            outcome = self._outcome(planned, index, queries)
            found = outcome.trial.measures
            if not found or queries == plan.queries:
                return self._keep(planned, outcome)
            if found["recall_low"] >= wanted or found["recall_high"] < wanted:
                facts = {**outcome.trial.facts, "of_queries": plan.queries}
                return self._keep(planned, replace(outcome, trial=replace(outcome.trial, facts=facts)))
            queries = min(queries * 2, plan.queries)

    def _planned(self, variant: Variant, value: int) -> PlannedTrial:
        return PlannedTrial(
            self._position,
            variant.index,
            value,
            variant.scans[0],
            variant.tuples[0],
            k=self._attempt.plan.k,
            subset=self._subset,
        )

    def _known(self, planned: PlannedTrial, *, whole: bool = False) -> Trial | None:
        """Find what was kept of such a trial, on this copy; ``whole``: asked every query."""
        asked = (planned.method, planned.options, planned.setting)
        same = (trial for trial in self._kept if (trial.method, trial.options, trial.setting) == asked)
        return next((trial for trial in same if not (whole and trial.is_short)), None)

    def _ask_all(self, planned: PlannedTrial, index: Index | None) -> Trial:
        return self._keep(planned, self._outcome(planned, index, self._attempt.plan.queries))

    def _outcome(self, planned: PlannedTrial, index: Index | None, queries: int) -> Outcome:
        attempt = self._attempt
        if index is not None and attempt.ledger.checkpoint.get("index") != index.name:
            drop_unfinished(attempt)
        return carry_out(
            attempt.connection,
            replace(attempt.plan, queries=queries),
            [attempt.question(planned)],
            built(attempt, index, planned) if index is not None else None,
            sample=attempt.sample,
            truths=attempt.truths,
            tell=attempt.teller([planned]),
        )[0]

    def _keep(self, planned: PlannedTrial, outcome: Outcome) -> Trial:
        # A void trial has no rows of its own, and yet belongs to this copy.
        trial = replace(outcome.trial, rows=self._rows)
        keep(self._attempt, planned, replace(outcome, trial=trial))
        self._kept.append(trial)
        self._position += 1
        return trial


def _reaches(trial: Trial, recall: float) -> bool:
    """Tell whether a trial decided for the recall: by its interval where it was asked few queries."""
    return trial.is_measured and trial.measures["recall_low" if trial.is_short else "recall"] >= recall


def is_slower(trial: Trial, fastest: Found) -> bool:
    """Tell whether a trial is slower for sure: by its interval, and by more than exact search beside it."""
    drift = _control_ms(trial) / fastest.control_ms if fastest.control_ms else 1.0
    return trial.measures.get("p95_ms_low", 0.0) > fastest.high_ms * max(1.0, drift)


def _control_ms(trial: Trial) -> float:
    return float(trial.facts.get("noise", {}).get("control_ms", 0.0))


def _first(spec: IndexSpec) -> int:
    return min(max(spec.method.search.default, 1), _highest(spec))


def _highest(spec: IndexSpec) -> int:
    """The widest search there is: of IVFFlat, every list."""
    return min(spec.method.search.high, spec.method.options.get("lists", spec.method.search.high))
