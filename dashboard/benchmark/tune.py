"""The cheapest configuration that meets a target, found in a fraction of the time its grid would take.

Exact search first: where it is quick enough, no index is needed.  Then every candidate is built on a small
copy, its search setting found by bisection, and the candidates put in order; on the whole copy only the best
is built, and the next one where it fails (successive halving with one survivor).  A setting is asked few
queries at first, and more only while the interval of its recall holds the target.

Source: Jamieson & Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, 2016.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dashboard.benchmark.attempt import Attempt
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.steps import built, drop_unfinished, index_of, keep
from dashboard.benchmark.target import Target
from dashboard.benchmark.trial import Candidate, Outcome, carry_out
from dashboard.benchmark.trials import PlannedTrial
from db.build import drop_index
from db.distance import Distance
from db.errors import RequestError
from db.forms import IndexSpec, parse_spec
from db.runs import Trial, forget_trials
from db.words import counted

SCREENED_SHARE = 16
"""The small copy has a sixteenth of the rows: building HNSW on it takes less than that of the time."""

LEAST_SCREENED = 2_000
"""Rows below which settings on a small copy say nothing about those on the whole."""

FIRST_QUERIES = 50

CLOSE = 1.15
"""The bisection ends when a setting that meets the target is within this factor of one that does not."""

HOPELESS = 2
"""A candidate this many times slower than the target on the small copy is not built on the whole, where it
would not be quicker; nor is one that did not reach the recall even there."""

CANDIDATES = (
    "ivfflat",
    "hnsw:m=8,ef_construction=64",
    "hnsw:m=16,ef_construction=64",
    "hnsw:m=16,ef_construction=200",
    "hnsw:m=32,ef_construction=200",
    "hnsw:m=16,ef_construction=64,as=halfvec",
)
"""What is tried when nothing else is asked for; IVFFlat with as many lists as its README begins with."""


@dataclass(frozen=True, slots=True)
class Found:
    """The smallest setting of one candidate that meets the recall wanted, and what it cost there."""

    index: IndexSpec
    value: int
    p95_ms: float
    meets: bool
    """Both: recall, and latency at p95."""


def candidates(rows: int, vector_type: str, dimensions: int, distance: Distance) -> tuple[IndexSpec, ...]:
    """Choose the candidates that can be built on such a column."""
    lists = max(10, round(rows / 1000 if rows <= 1_000_000 else math.sqrt(rows)))
    specs = [parse_spec(f"ivfflat:lists={lists}" if c == "ivfflat" else c) for c in CANDIDATES]
    return tuple(spec for spec in specs if _fits(spec, vector_type, dimensions, distance))


def tune(plan: BenchmarkPlan, target: Target, rows: int, begin: Callable[[int | None], Attempt]) -> None:
    """Find the cheapest of the plan's candidates; ``begin`` makes the copy of so many rows, None for all.

    Every setting that was asked is kept as a trial.  After a crash the search begins anew on what is left.
    """
    screened = max(rows // SCREENED_SHARE, LEAST_SCREENED, 4 * plan.queries)
    order: Sequence[IndexSpec] = [variant.index for variant in plan.variants]
    search: _Search | None = None
    if len(order) > 1 and screened * 4 <= rows:
        search = _Search(begin(screened), target, forget=True)
        if search.exact_ms() * rows / screened > target.p95_ms:
            found = [(search.best_setting(spec), spec) for spec in order]
            search.tell_order(found)
            order = _hopeful(found, target)
    whole = _Search(begin(None), target, forget=search is None)
    whole.position = search.position if search else 0
    if whole.exact_ms() <= target.p95_ms:
        return
    for spec in order:
        best = whole.best_setting(spec)
        if best and best.meets:
            return


def _hopeful(found: Sequence[tuple[Found | None, IndexSpec]], target: Target) -> Sequence[IndexSpec]:
    """Put the candidates in order, without those that are far too slow already; one is left to be shown."""
    ranked = sorted(found, key=_rank)
    hopeful = [spec for best, spec in ranked if best and best.p95_ms <= HOPELESS * target.p95_ms]
    return hopeful or [spec for _, spec in ranked[:1]]


def _rank(found: tuple[Found | None, IndexSpec]) -> tuple[bool, float]:
    best, _ = found
    return (best is None, best.p95_ms if best else 0.0)


def _highest(spec: IndexSpec) -> int:
    """The widest search there is: of IVFFlat, every list."""
    return min(spec.method.search.high, spec.method.options.get("lists", spec.method.search.high))


def _fits(spec: IndexSpec, vector_type: str, dimensions: int, distance: Distance) -> bool:
    try:
        spec.check(vector_type, dimensions, distance)
    except RequestError:
        return False
    return True


class _Search:
    """The search on one copy: which settings were asked so far, and where the next trial goes."""

    def __init__(self, attempt: Attempt, target: Target, *, forget: bool) -> None:
        self.position = 0
        self._attempt = attempt
        self._target = target
        drop_unfinished(attempt)
        if forget:
            with attempt.connection.begin():
                forget_trials(attempt.connection, attempt.run_id)

    def exact_ms(self) -> float:
        """Ask exactly, and tell the latency at p95."""
        trial = self._ask(PlannedTrial(self.position, None, k=self._attempt.plan.k), None, None)
        return trial.measures.get("p95_ms", math.inf)

    def best_setting(self, spec: IndexSpec) -> Found | None:
        """Build a candidate and find its smallest setting that meets the recall; None where none does."""
        attempt = self._attempt
        first = PlannedTrial(self.position, spec, k=attempt.plan.k)
        index = index_of(attempt, spec, first)
        try:
            candidate = built(attempt, index, first)
            value = self._bisect(spec, candidate)
            if value is None:
                return None
            return self._confirmed(spec, value, candidate)
        except RequestError as refused:
            attempt.ledger.log(f"{spec}: {refused.message}")
            return None
        finally:
            with attempt.connection.begin():
                drop_index(attempt.connection, index)

    def _confirmed(self, spec: IndexSpec, value: int, candidate: Candidate) -> Found:
        """Ask every query, and more widely where the few that decided had been the easier ones."""
        while True:
            planned = PlannedTrial(self.position, spec, value, k=self._attempt.plan.k)
            trial = self._ask(planned, candidate, None)
            p95_ms = trial.measures.get("p95_ms", math.inf)
            enough = trial.measures.get("recall", 0) >= self._target.recall
            if enough or not trial.is_measured or value >= _highest(spec):
                return Found(spec, value, p95_ms, enough and p95_ms <= self._target.p95_ms)
            value = min(max(value + 1, round(value * CLOSE)), _highest(spec))

    def tell_order(self, found: Sequence[tuple[Found | None, IndexSpec]]) -> None:
        """Log what the small copy said of each candidate."""
        for best, spec in sorted(found, key=_rank):
            said = f"{best.p95_ms:.3g} ms at {best.value}" if best else "does not reach the recall"
            self._attempt.ledger.log(f"On {counted(len(self._attempt.sample.rows))} {spec}: {said}.")

    def _bisect(self, spec: IndexSpec, candidate: Candidate) -> int | None:
        high = _highest(spec)
        value = min(max(spec.method.search.default, 1), high)
        meets = self._meets(spec, candidate, value)
        misses, enough = (0, value) if meets else (value, 0)
        while not enough:
            if misses >= high:
                return None
            value = min(misses * 2, high)
            if self._meets(spec, candidate, value):
                enough = value
            else:
                misses = value
        while enough - misses > 1 and enough > misses * CLOSE:
            value = max(misses + 1, min(enough - 1, round(math.sqrt(max(misses, 1) * enough))))
            if self._meets(spec, candidate, value):
                enough = value
            else:
                misses = value
        return enough

    def _meets(self, spec: IndexSpec, candidate: Candidate, value: int) -> bool:
        """Ask more and more queries, until the interval of the recall leaves the target on one side."""
        plan, wanted = self._attempt.plan, self._target.recall
        queries = min(FIRST_QUERIES, plan.queries)
        while True:
            planned = PlannedTrial(self.position, spec, value, k=plan.k)
            measures = self._outcome(planned, candidate, queries).trial.measures
            if not measures:
                return False
            if queries == plan.queries:
                return measures["recall"] >= wanted
            if measures["recall_low"] >= wanted or measures["recall_high"] < wanted:
                return measures["recall_low"] >= wanted
            queries = min(queries * 2, plan.queries)

    def _ask(self, planned: PlannedTrial, candidate: Candidate | None, queries: int | None) -> Trial:
        """Ask a setting, with every query unless ``queries`` says otherwise, and keep the trial."""
        planned = replace(planned, position=self.position)
        outcome = self._outcome(planned, candidate, queries or self._attempt.plan.queries)
        keep(self._attempt, planned, outcome)
        self.position += 1
        return outcome.trial

    def _outcome(self, planned: PlannedTrial, candidate: Candidate | None, queries: int) -> Outcome:
        attempt = self._attempt
        return carry_out(
            attempt.connection,
            replace(attempt.plan, queries=queries),
            [attempt.question(planned)],
            candidate,
            sample=attempt.sample,
            truths=attempt.truths,
            tell=attempt.teller([planned]),
        )[0]
