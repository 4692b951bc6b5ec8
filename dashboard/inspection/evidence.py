"""What the checks look at: a sample's lengths, distinct vectors, neighbours and dimensions, measured once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.inspection.neighbours import Neighbours, neighbours
from dashboard.inspection.statistics import jackknife
from db.catalog import ColumnInfo
from db.distance import Distance
from db.quality import Counted
from db.sampling import Sample

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]

K = 10
"""Neighbours looked at of every row: as many as a search returns unless told otherwise."""

PARTS = 20
"""Parts a sample is cut into to tell how far a figure depends on which rows were drawn."""

ANGULAR = frozenset({Distance.COSINE, Distance.INNER_PRODUCT})
"""Distances for which direction is what is compared; rows are then looked at as unit vectors."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a column's checks are drawn from.

    ``points`` are the ``distinct`` vectors of the sample that have a length, scaled: to length 1 where the
    distance looks at angles, else so that the typical length is 1; bits stay 0 and 1.  Copies and zero
    vectors are left out of them: each has a check of its own, and would drown the others.
    """

    column: ColumnInfo
    distance: Distance
    sample: Sample
    counted: Counted
    norms: Floats
    """Euclidean lengths; shape (n,)."""
    distinct: NDArray[np.int64]
    """Places in the sample; shape (distinct,)."""
    group_sizes: NDArray[np.int64]
    """How many rows of the sample share each distinct vector; shape (distinct,)."""
    points: Vectors
    """Shape (distinct, dimensions)."""
    neighbours: Neighbours

    @property
    def is_angular(self) -> bool:
        """Whether rows are compared by direction alone."""
        return self.distance in ANGULAR

    @property
    def dimensions(self) -> int:
        """How long the vectors looked at are."""
        return int(self.sample.vectors.shape[1])

    @property
    def typical_length(self) -> float:
        """Median length of the vectors that have one; 1 where there are none."""
        return _typical(self.norms)

    @property
    def has_neighbours(self) -> bool:
        """Whether there are enough distinct rows to speak of neighbourhoods."""
        return bool(self.neighbours.places.shape[1] == K)

    @property
    def occurrences(self) -> NDArray[np.int64]:
        """In how many of the others' K nearest each distinct row is; shape (distinct,)."""
        return np.bincount(self.neighbours.places.ravel(), minlength=len(self.points))

    def in_units(self, apart: Floats) -> Floats:
        """Turn Euclidean distances between ``points`` into those of the column."""
        if self.is_angular:
            return apart * apart / 2
        return apart * apart if self.column.type == "bit" else apart * self.typical_length

    def keys(self, places: NDArray[np.int64]) -> tuple[str, ...]:
        """Name the distinct rows at ``places`` of ``points``."""
        return tuple(self.sample.keys[place] for place in self.distinct[places])


def gather(
    column: ColumnInfo,
    distance: Distance,
    sample: Sample,
    counted: Counted,
    *,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Evidence:
    """Measure a sample; ``tell`` hears how many rows of how many have their neighbours."""
    norms = lengths(sample.vectors)
    distinct, group_sizes = _distinct(sample.vectors, norms)
    points = _scaled(sample.vectors[distinct], norms, distinct, column, distance)
    found = neighbours(points, K, tell=lambda done: tell(done, len(points)))
    return Evidence(column, distance, sample, counted, norms, distinct, group_sizes, points, found)


def lengths(vectors: Vectors) -> Floats:
    """Euclidean lengths, without overflow; shape (rows,)."""
    squares: Floats = np.einsum("rd,rd->r", vectors, vectors, dtype=np.float64)
    return np.sqrt(squares)


def _distinct(vectors: Vectors, norms: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the first row of each group of equal vectors that have a length, and the group's size."""
    filled = np.flatnonzero(norms > 0)
    if not len(filled):
        return filled, filled
    # Adding 0 turns -0 into 0: the two are equal, and their bytes must be too.
    rows = np.ascontiguousarray(vectors[filled] + np.float32(0))
    as_bytes = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()
    _, first, sizes = np.unique(as_bytes, return_index=True, return_counts=True)
    order = np.argsort(first)
    return filled[first[order]], sizes[order]


def _scaled(
    vectors: Vectors, norms: Floats, distinct: NDArray[np.int64], column: ColumnInfo, distance: Distance
) -> Vectors:
    if column.type == "bit" or not len(distinct):
        return vectors
    # As float64: divided by a float of Python's, 4-byte elements would divide by one of 4 bytes.
    length = norms[distinct][:, None] if distance in ANGULAR else np.float64(_typical(norms))
    return (vectors / length).astype(np.float32)


def _typical(norms: Floats) -> float:
    filled = norms[norms > 0]
    return float(np.median(filled)) if len(filled) else 1.0


def parts_of(rows: int) -> NDArray[np.int64]:
    """Say to which of PARTS parts each row belongs: by turns, so that order does not matter."""
    return np.arange(rows) % PARTS


def participation_ratio(points: Vectors) -> tuple[float, float | None]:
    """Count the directions that carry the data, and the standard error of that count.

    The ratio is (sum of eigenvalues)^2 over the sum of their squares, of the covariance: between 1 and
    the number of dimensions.  Trace and Frobenius norm give it without an eigenvalue.  Where there are
    fewer rows than dimensions the Gram matrix gives the same, without an error.
    Source: Gao et al., A theory of multineuronal dimensionality (2017).
    """
    rows, dimensions = points.shape
    if rows <= dimensions:
        centred = points - points.mean(axis=0)
        return _ratio(centred @ centred.T), None
    part = parts_of(rows)
    sums = np.stack([points[part == p].sum(axis=0, dtype=np.float64) for p in range(PARTS)])
    counts = np.bincount(part, minlength=PARTS)
    # A part's product is made twice rather than kept: each takes as much as the square of the dimensions.
    whole: Floats = np.zeros((dimensions, dimensions))
    for p in range(PARTS):
        whole += points[part == p].T @ points[part == p]

    def ratio(products: Floats, total: Floats, n: int) -> float:
        return _ratio(products - np.outer(total, total) / n)

    value = ratio(whole, sums.sum(axis=0), rows)
    left_out = [
        ratio(
            whole - points[part == p].T @ points[part == p],
            sums.sum(axis=0) - sums[p],
            rows - int(counts[p]),
        )
        for p in range(PARTS)
    ]
    return value, jackknife(np.array(left_out))


def _ratio(products: NDArray[np.floating]) -> float:
    square = float((products * products).sum(dtype=np.float64))
    return float(np.trace(products)) ** 2 / square if square else 0.0


def mean_cosine(vectors: Vectors, norms: Floats) -> tuple[float, float]:
    """Mean cosine of two different rows, over every pair, and its standard error.

    The error is that of a U-statistic: twice that of the mean of each row's own mean.
    Source: Hoeffding (1948).
    """
    units = vectors / norms[:, None].astype(np.float32)
    total = units.sum(axis=0, dtype=np.float64)
    rows = len(units)
    own = (units @ total - 1) / (rows - 1)
    return float(own.mean()), float(2 * own.std(ddof=1) / np.sqrt(rows))


def skewness(values: NDArray[np.int64]) -> float:
    """Third standardised moment; 0 where all are equal."""
    away = values - values.mean()
    spread = float((away**2).mean())
    return float((away**3).mean()) / spread**1.5 if spread else 0.0


def skewness_error(values: NDArray[np.int64]) -> float:
    """Standard error of the skewness, by the jackknife over parts."""
    part = parts_of(len(values))
    return jackknife(np.array([skewness(values[part != p]) for p in range(PARTS)]))
