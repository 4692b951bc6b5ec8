"""How far a map can be believed: what it keeps of each row's neighbourhood, measured on its own points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Places = NDArray[np.intp]

NEIGHBOURS = 15
"""Neighbours looked at: as many as one sees as a point's surroundings; UMAP's default."""

MOST_ROWS = 2_000
"""Rows the measures are taken on: every pair is compared, and more would change the third digit."""

BLOCK_ROWS = 500


@dataclass(frozen=True, slots=True)
class Quality:
    """What a map keeps, over ``n`` of its rows and their ``neighbours`` nearest among these.

    ``trustworthiness`` in [0, 1]: 1 where nobody is shown near who is far.  ``kept`` is how many of the
    nearest neighbours are still among the nearest on the map, on average.
    """

    trustworthiness: float
    kept: float
    neighbours: int
    n: int


def quality(vectors: Matrix, points: Matrix, *, seed: int, most_rows: int = MOST_ROWS) -> Quality:
    """Compare vectors of shape (n, dimensions) with their places on the map, shape (n, 2).

    Trustworthiness after Venna and Kaski, "Neighborhood preservation in nonlinear projection methods"
    (ICANN 2001), as scikit-learn computes it.  Needs at least four rows.
    """
    if len(vectors) > most_rows:
        chosen = np.random.default_rng(seed).choice(len(vectors), most_rows, replace=False)
        vectors, points = vectors[chosen], points[chosen]
    n = len(vectors)
    k = min(NEIGHBOURS, (n - 1) // 2)  # beyond half of the rows the measure is not defined
    intruding, kept = 0, 0
    for far, near in zip(_orders(vectors), _orders(points), strict=True):
        rank = np.empty_like(far)
        np.put_along_axis(rank, far, np.arange(n)[None, :], axis=1)  # itself has rank 0
        shown = np.take_along_axis(rank, near[:, 1 : k + 1], axis=1)
        intruding += int(np.maximum(shown - k, 0).sum())
        kept += int((shown <= k).sum())
    worst = n * k * (2 * n - 3 * k - 1) / 2
    return Quality(1 - intruding / worst, kept / n, k, n)


def _orders(rows: Matrix) -> Iterator[Places]:
    """Give for each block of rows all rows in order of distance, each row itself first."""
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    squares = (centred**2).sum(axis=1)
    for start in range(0, len(centred), BLOCK_ROWS):
        block = centred[start : start + BLOCK_ROWS]
        away = squares[None, :] - 2 * block @ centred.T
        away[np.arange(len(block)), start + np.arange(len(block))] = -np.inf
        yield np.argsort(away, axis=1, kind="stable")
