"""Intervals by the bootstrap: what a figure might have been with other queries of the same kind.

Two arms differ where the interval of their difference leaves zero out; otherwise there is no real difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Reduce = Callable[..., Floats]
"""A figure drawn from the last axis of each arm: shapes (..., values) to shape (...)."""

LEVEL = 0.95
RESAMPLES = 1000
BLOCK_VALUES = 2_000_000
"""Values resampled at a time: bounds the memory at some tens of MB whatever the number of queries."""


def interval(arms: Sequence[Floats], reduce: Reduce, *, seed: int) -> tuple[float, float]:
    """Bound ``reduce(*arms)`` by the percentile bootstrap at LEVEL; the same seed gives the same bounds.

    Each arm has shape (queries,) or (queries, repeats).  Queries are drawn, each with all its repeats:
    asking one query ten times tells less than asking ten.  Arms are drawn independently.
    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 13.3 and, for repeats, 8.
    """
    random = np.random.default_rng(seed)

    def draw(times: int) -> Floats:
        return reduce(*(_resampled(arm, _chosen(arm, times, random)) for arm in arms))

    return _bounds(draw, sum(arm.size for arm in arms))


class Verdict(Enum):
    """What an interval lets one say of a second arm beside the first."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "no real difference"


@dataclass(frozen=True, slots=True)
class Difference:
    """The second arm's figure less the first's, with its interval at LEVEL, and what that says."""

    delta: float
    low: float
    high: float
    verdict: Verdict


def difference(
    a: Floats,
    b: Floats,
    reduce: Reduce,
    *,
    paired: bool,
    seed: int,
    better: Literal["higher", "lower"],
) -> Difference:
    """Take ``reduce(b) - reduce(a)`` with its interval, by the percentile bootstrap.

    Each arm has shape (queries,) or (queries, repeats).  ``paired``: both were asked the same queries in
    the same order, which are then drawn together; their common hardness cancels, and smaller differences
    show.  An interval tells how far the queries decide, and nothing of a machine that was busier once.
    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 8.3 (two samples) and 13.3.

    Raises ValueError for paired arms of different numbers of queries.
    """
    if paired and len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} queries do not pair")
    random = np.random.default_rng(seed)

    def draw(times: int) -> Floats:
        first = _chosen(a, times, random)
        second = first if paired else _chosen(b, times, random)
        return np.asarray(reduce(_resampled(b, second)) - reduce(_resampled(a, first)))

    low, high = _bounds(draw, a.size + b.size)
    delta = float(reduce(b.ravel())) - float(reduce(a.ravel()))
    return Difference(delta, low, high, _verdict(low, high, better))


def _verdict(low: float, high: float, better: Literal["higher", "lower"]) -> Verdict:
    if low <= 0 <= high:
        return Verdict.SAME
    return Verdict.BETTER if (low > 0) == (better == "higher") else Verdict.WORSE


def _bounds(draw: Callable[[int], Floats], values: int) -> tuple[float, float]:
    """Bound what ``draw`` makes of RESAMPLES resamples of so many ``values``, drawn block by block."""
    block = max(1, BLOCK_VALUES // values)
    drawn = [draw(min(block, RESAMPLES - start)) for start in range(0, RESAMPLES, block)]
    low, high = np.quantile(np.concatenate(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _chosen(arm: Floats, times: int, random: np.random.Generator) -> NDArray[np.int64]:
    return random.integers(len(arm), size=(times, len(arm)))


def _resampled(arm: Floats, queries: NDArray[np.int64]) -> Floats:
    return arm[queries].reshape(len(queries), -1)
