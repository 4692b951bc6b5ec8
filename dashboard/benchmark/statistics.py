"""Intervals by the bootstrap: what a figure might have been with other queries of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    block = max(1, BLOCK_VALUES // sum(arm.size for arm in arms))
    drawn = [
        reduce(*(_drawn(arm, min(block, RESAMPLES - start), random) for arm in arms))
        for start in range(0, RESAMPLES, block)
    ]
    low, high = np.quantile(np.concatenate(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _drawn(arm: Floats, times: int, random: np.random.Generator) -> Floats:
    queries = random.integers(len(arm), size=(times, len(arm)))
    return arm[queries].reshape(times, -1)
