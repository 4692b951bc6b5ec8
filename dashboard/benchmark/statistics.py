"""Intervals by the bootstrap: what a figure might have been with other queries of the same kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Reduce = Callable[[Floats], Floats]
"""A figure drawn from the last axis: shape (..., queries) to shape (...)."""

LEVEL = 0.95
RESAMPLES = 1000
BLOCK_VALUES = 2_000_000
"""Values resampled at a time: bounds the memory at some tens of MB whatever the number of queries."""


def interval(values: Floats, reduce: Reduce, *, seed: int) -> tuple[float, float]:
    """Bound ``reduce(values)`` by the percentile bootstrap at LEVEL; the same seed gives the same bounds.

    ``values`` has shape (queries,).  Source: Efron & Tibshirani, An Introduction to the Bootstrap, 13.3.
    """
    random = np.random.default_rng(seed)
    block = max(1, BLOCK_VALUES // len(values))
    drawn = [
        reduce(random.choice(values, (min(block, RESAMPLES - start), len(values))))
        for start in range(0, RESAMPLES, block)
    ]
    low, high = np.quantile(np.concatenate(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
