"""Whether two windows of rows differ: how far their centres lie apart, and whether chance could do that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

MOST_ROWS = 1_000
"""Rows of each window whose distances are compared pair by pair."""

SHUFFLES = 200
"""Random splits of the same rows, to learn what chance does; the smallest p they can tell is 1/201."""

REAL = 0.05
"""Below this p the difference is called more than chance."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What lies between windows of ``rows`` rows each.

    ``shift`` is the distance between the means, in units of the pooled standard deviation: the root mean
    square distance of a row from its own window's mean.  ``energy`` is the energy distance as a share of
    its largest possible value, in [0, 1]; ``by_chance`` is what 95 of 100 random splits of the same rows
    stay below, and ``p`` how many of the splits reach ``energy``.  Both come from ``compared`` rows.
    """

    shift: float
    energy: float
    by_chance: float
    p: float
    rows: tuple[int, int]
    compared: tuple[int, int]

    @property
    def is_real(self) -> bool:
        """Whether chance alone would hardly bring it about."""
        return self.p < REAL


def drift(before: Matrix, after: Matrix, *, seed: int) -> Drift:
    """Compare two windows of vectors, shapes (n, dimensions) and (m, dimensions), neither empty.

    Energy distance and its test by permutation: Szekely and Rizzo, "Energy statistics" (2013), where the
    share is their coefficient H.
    """
    random = np.random.default_rng(seed)
    drawn = [_some(window, random) for window in (before, after)]
    away = _distances(np.concatenate(drawn))
    n, m = map(len, drawn)
    first = np.zeros((n + m, SHUFFLES + 1))
    first[:n, 0] = 1
    for split in range(1, SHUFFLES + 1):
        first[random.permutation(n + m)[:n], split] = 1
    found, *shuffled = _energy(away, first, n, m)
    p = (1 + sum(other >= found for other in shuffled)) / (1 + SHUFFLES)
    return Drift(
        shift=_shift(before, after),
        energy=float(found),
        by_chance=float(np.quantile(shuffled, 0.95)),
        p=float(p),
        rows=(len(before), len(after)),
        compared=(n, m),
    )


def _some(window: Matrix, random: np.random.Generator) -> Matrix:
    if len(window) <= MOST_ROWS:
        return window
    some: Matrix = window[random.choice(len(window), MOST_ROWS, replace=False)]
    return some


def _shift(before: Matrix, after: Matrix) -> float:
    windows = [window.astype(np.float64) for window in (before, after)]
    means = [window.mean(axis=0) for window in windows]
    apart = float(np.linalg.norm(means[1] - means[0]))
    squares = sum(float(((w - mean) ** 2).sum()) for w, mean in zip(windows, means, strict=True))
    pooled = np.sqrt(squares / max(1, len(before) + len(after) - 2))
    if not pooled:
        return 0.0 if not apart else float("inf")
    return float(apart / pooled)


def _distances(rows: Matrix) -> NDArray[np.float64]:
    """Straight-line distance of every pair, shape (n, n)."""
    exact = rows.astype(np.float64)
    squares = (exact**2).sum(axis=1)
    away = squares[:, None] + squares[None, :] - 2 * exact @ exact.T
    np.fill_diagonal(away, 0)
    apart: NDArray[np.float64] = np.sqrt(np.maximum(away, 0))
    return apart


def _energy(away: NDArray[np.float64], first: NDArray[np.float64], n: int, m: int) -> NDArray[np.float64]:
    """Energy distance as a share, for each split: the columns of ``first`` mark the rows of one window."""
    reach = away @ first
    within_first = (first * reach).sum(axis=0)
    between = reach.sum(axis=0) - within_first
    within_second = away.sum() - within_first - 2 * between
    across = 2 * between / (n * m)
    energy = across - within_first / n**2 - within_second / m**2
    share: NDArray[np.float64] = np.divide(energy, across, out=np.zeros_like(energy), where=across > 0)
    return share
