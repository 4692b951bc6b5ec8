"""The cheapest configuration that meets a target, found in a fraction of the time its grid would take.

Exact search first: where it is quick enough, no index is needed.  Then every candidate is built on a small
copy, its search setting found by bisection, and the candidates put in order; on the whole copy only the best
are built, until SURVIVORS of them meet the target (successive halving): the faster is the answer.

The trials kept are the search's memory: after a crash it goes through the same choices, and asks only what
it does not know yet.

Source: Jamieson & Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, 2016.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from dashboard.benchmark.attempt import Attempt
from dashboard.benchmark.bisection import Found, Search
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import Variant
from db.distance import Distance
from db.errors import RequestError
from db.forms import IndexSpec, parse_spec
from db.progress import Ledger

SCREENED_SHARE = 16
"""The small copy has a sixteenth of the rows: building HNSW on it takes less than that of the time."""

LEAST_SCREENED = 2_000
"""Rows below which settings on a small copy say nothing about those on the whole."""

HOPELESS = 2
"""A candidate this many times slower than the target on the small copy is not built on the whole, where it
would not be quicker; nor is one that did not reach the recall even there."""

SURVIVORS = 2
"""Candidates that are compared on the whole, where what a small copy said of them need not hold: measured on
50,000 rows, its first alone had half of what the grid's best gains over exact search."""

CANDIDATES = (
    "ivfflat",
    "hnsw:m=8,ef_construction=64",
    "hnsw:m=16,ef_construction=64",
    "hnsw:m=16,ef_construction=200",
    "hnsw:m=32,ef_construction=200",
    "hnsw:m=16,ef_construction=64,as=halfvec",
)
"""What is tried when nothing else is asked for; IVFFlat with as many lists as its README begins with."""


def candidates(rows: int, vector_type: str, dimensions: int, distance: Distance) -> tuple[IndexSpec, ...]:
    """Choose the candidates that can be built on such a column."""
    lists = max(10, round(rows / 1000 if rows <= 1_000_000 else math.sqrt(rows)))
    specs = [parse_spec(f"ivfflat:lists={lists}" if c == "ivfflat" else c) for c in CANDIDATES]
    return tuple(spec for spec in specs if _fits(spec, vector_type, dimensions, distance))


def tune(
    plan: BenchmarkPlan, target: Target, rows: int, ledger: Ledger, begin: Callable[[int | None], Attempt]
) -> None:
    """Find the cheapest of the plan's candidates; ``begin`` makes the copy of so many rows, None for all.

    Every setting that was asked is kept as a trial, and the order of the candidates in the checkpoint.
    Where no small copy says anything they are taken in the order of the plan, up to the first that meets it.
    """
    screened = max(rows // SCREENED_SHARE, LEAST_SCREENED, 4 * plan.queries)
    order: Sequence[Variant] = plan.variants
    wanted = 1
    # Of the rows that meet a filter, a small copy may have hardly any.
    if len(order) > 1 and screened * 4 <= rows and not plan.filters:
        if "order" not in ledger.checkpoint:
            small = Search(begin(screened), target)
            chosen = _chosen(small, target, order, rows / screened)
            small.remember({"order": [order.index(variant) for variant in chosen]})
        order = [plan.variants[number] for number in ledger.checkpoint["order"]]
        wanted = SURVIVORS
    whole = Search(begin(None), target)
    if whole.exact_ms() <= target.p95_ms:
        return
    for variant in order:
        best = whole.best_setting(variant)
        wanted -= bool(best and best.meets)
        if not wanted:
            return


def _chosen(small: Search, target: Target, order: Sequence[Variant], times: float) -> Sequence[Variant]:
    """Put the candidates in order by a small copy; the whole has so many ``times`` its rows."""
    exact_ms = small.exact_ms()
    if exact_ms * times <= target.p95_ms:
        return order
    found = [(small.best_setting(variant), variant) for variant in order]
    ranked = sorted(found, key=lambda pair: _rank(pair, exact_ms, times))
    for best, variant in ranked:
        small.tell(variant, best)
    return _hopeful(ranked, target)


def _hopeful(ranked: Sequence[tuple[Found | None, Variant]], target: Target) -> Sequence[Variant]:
    """Leave out the candidates that are far too slow already; one is left to be shown."""
    hopeful = [variant for best, variant in ranked if best and best.p95_ms <= HOPELESS * target.p95_ms]
    return hopeful or [variant for _, variant in ranked[:1]]


def _rank(found: tuple[Found | None, Variant], exact_ms: float, times: float) -> tuple[bool, float]:
    best, variant = found
    return (best is None, expected_ms(best, variant.index, exact_ms, times) if best else 0.0)


def expected_ms(best: Found, spec: IndexSpec, exact_ms: float, times: float) -> float:
    """Carry a latency at p95 over to ``times`` as many rows, where exact search took ``exact_ms``.

    The lists that IVFFlat probes grow with the table, and are read as exact search reads; what HNSW visits
    grows by the logarithm of the rows, which puts hardly anything on top.
    Source: pgvector README, "IVFFlat"; Malkov and Yashunin (2018), 4.2.1.
    """
    lists = spec.method.options.get("lists")
    return best.p95_ms + (best.value / lists * exact_ms * (times - 1) if lists else 0.0)


def _fits(spec: IndexSpec, vector_type: str, dimensions: int, distance: Distance) -> bool:
    try:
        spec.check(vector_type, dimensions, distance)
    except RequestError:
        return False
    return True
