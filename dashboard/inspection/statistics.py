"""Intervals in closed form: what a figure of a sample says about all the rows it was drawn from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z = 1.96
"""Deviations that hold 95 % of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of a figure at 95 %."""

    low: float
    high: float


def wilson(hits: int, n: int) -> Interval:
    """Bound the share behind ``hits`` of ``n``; it stays inside [0, 1], also where no row was hit.

    Source: Wilson, Probable inference (1927); Brown, Cai & DasGupta (2001) recommend it.

    >>> wilson(0, 100)
    Interval(low=0.0, high=0.036995)
    """
    if n == 0:
        return Interval(0.0, 1.0)
    share, z2 = hits / n, Z * Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Interval(round(max(0.0, centre - half), 6), round(min(1.0, centre + half), 6))


def around(value: float, deviation: float) -> Interval:
    """Bound a figure whose standard error is known."""
    return Interval(value - Z * deviation, value + Z * deviation)


def jackknife(left_out: NDArray[np.float64]) -> float:
    """Standard error of a figure, from its values with each of some equal parts left out in turn.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 11.
    """
    parts = len(left_out)
    return math.sqrt((parts - 1) / parts * float(((left_out - left_out.mean()) ** 2).sum()))
