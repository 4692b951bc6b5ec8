"""The cheapest configuration that meets a target, found in a fraction of the time its grid would take.

Exact search first: where it is quick enough, no index is needed.  Then every candidate is built on a small
copy, its search setting found by bisection, and the candidates put in order; on the whole copy only the best
are built, until two or three of them meet the target (successive halving): the fastest is the answer.  Where
no small copy says anything, each is built on the whole.  A search there is given up once an interval has
decided that its candidate is not the fastest.

The trials kept are the search's memory: after a crash it goes through the same choices, and asks only what
it does not know yet.

Source: Jamieson & Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, 2016.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from dashboard.benchmark.attempt import Attempt
from dashboard.benchmark.bisection import Found, Search
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.screening import (
    BUILT_SHARE,
    MOST_SURVIVORS,
    SURVIVORS,
    screened_rows,
    share_known,
)
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import Variant
from db.distance import Distance
from db.errors import RequestError
from db.forms import IndexSpec, parse_spec
from db.progress import Ledger

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
    """
    order, wanted = plan.variants, len(plan.variants)
    share = ledger.checkpoint.get("share_met", share_known(plan))
    screened = screened_rows(plan, rows, share)
    if screened and "order" not in ledger.checkpoint:
        small = Search(begin(screened), target)
        chosen, wanted = _chosen(small, target, order, rows / screened)
        small.remember({"order": [order.index(variant) for variant in chosen], "survivors": wanted})
    if "order" in ledger.checkpoint:
        order = tuple(plan.variants[number] for number in ledger.checkpoint["order"])
        wanted = ledger.checkpoint.get("survivors", SURVIVORS)
    whole = Search(begin(None), target)
    if whole.exact_ms() <= target.p95_ms:
        return
    fastest: Found | None = None
    for variant in order:
        best = whole.best_setting(variant, fastest)
        if best and best.meets:
            fastest = min(fastest or best, best, key=lambda found: found.p95_ms)
            wanted -= 1
        if not wanted:
            return


def _chosen(
    small: Search, target: Target, order: Sequence[Variant], times: float
) -> tuple[Sequence[Variant], int]:
    """Put the candidates in order by a small copy, and say how many are to be compared on the whole.

    The whole has so many ``times`` its rows.
    """
    exact_ms = small.exact_ms()
    if exact_ms * times <= target.p95_ms:
        return order, len(order)  # not looked at, so not in any order
    found = [(small.best_setting(variant), variant) for variant in order]
    ranked = sorted(found, key=lambda pair: _rank(pair, exact_ms, times))
    for best, variant in ranked:
        small.tell(variant, best)
    hopeful = [(b, v) for b, v in ranked if b and b.p95_ms <= HOPELESS * target.p95_ms]
    if not hopeful:
        return [variant for _, variant in ranked[:1]], 1  # to be shown
    carried = [_carried(best, variant.index, exact_ms, times) for best, variant in hopeful]
    return [variant for _, variant in hopeful], survivors(carried, sum(b.build_s for b, _ in found if b))


def survivors(ranked: Sequence[Found], all_built_s: float) -> int:
    """Count the candidates to be compared on the whole, of those ``ranked`` by what they promise there.

    ``all_built_s`` is what building all that there were took on the small copy.
    """
    for number in range(SURVIVORS, min(MOST_SURVIVORS, len(ranked))):
        built_s = sum(found.build_s for found in ranked[: number + 1])
        if ranked[number].low_ms > ranked[number - 1].high_ms or built_s > BUILT_SHARE * all_built_s:
            return number
    return min(MOST_SURVIVORS, len(ranked))


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


def _carried(best: Found, spec: IndexSpec, exact_ms: float, times: float) -> Found:
    """Carry a latency over with its interval."""
    more_ms = expected_ms(best, spec, exact_ms, times) - best.p95_ms
    return replace(
        best, p95_ms=best.p95_ms + more_ms, low_ms=best.low_ms + more_ms, high_ms=best.high_ms + more_ms
    )


def _fits(spec: IndexSpec, vector_type: str, dimensions: int, distance: Distance) -> bool:
    try:
        spec.check(vector_type, dimensions, distance)
    except RequestError:
        return False
    return True
