"""Scores in float32: numbers that order rows as their distance to a query does, up to a known error.

All distances but one come from a matrix product per block of rows.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from db.distance import Distance

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]

ROUNDOFF = float(np.finfo(np.float32).eps) / 2
"""A sum of n products in float32 is off by at most n times this, relative to the sum of their sizes.
Source: Higham, Accuracy and Stability of Numerical Algorithms, 3.1."""


class Scorer(Protocol):
    """Scores rows for the queries it was made with; a lower score is nearer."""

    def __init__(self, rows: Vectors, queries: Vectors) -> None: ...

    def scores(self, block: Vectors, which: slice) -> Vectors:
        """Score every row of ``block`` for the queries ``which``; shape (queries, rows)."""
        ...

    def ceiling(self, distances: Floats, which: slice) -> Floats:
        """The highest score that a row nearer than ``distances`` can have been given; shape (queries,)."""
        ...


class Euclidean:
    """|row|^2 - 2 query . row, which is the squared distance less |query|^2.

    Both are taken from the mean of the rows: far from the origin, the product would cancel.
    """

    def __init__(self, rows: Vectors, queries: Vectors) -> None:
        self._mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        moved = queries - self._mean
        self._squares = np.square(moved, dtype=np.float64).sum(axis=1)
        self._error = 2 * ROUNDOFF * (queries.shape[1] + 4)
        self._queries = np.column_stack([-2 * moved, np.ones(len(moved), np.float32)])

    def scores(self, block: Vectors, which: slice) -> Vectors:
        """Multiply by rows that carry their own square as a last element."""
        moved = np.empty((len(block), self._queries.shape[1]), np.float32)
        rows = np.subtract(block, self._mean, out=moved[:, :-1])
        moved[:, -1] = np.einsum("ij,ij->i", rows, rows)
        return np.asarray(self._queries[which] @ moved.T)

    def ceiling(self, distances: Floats, which: slice) -> Floats:
        """A row that near is no longer than the query and the distance together."""
        squares = self._squares[which]
        reach = 2 * np.sqrt(squares) + distances
        return np.asarray(distances**2 - squares + self._error * reach**2)


class InnerProduct:
    """The distance itself: - query . row."""

    def __init__(self, rows: Vectors, queries: Vectors) -> None:
        longest = np.sqrt(np.einsum("ij,ij->i", rows, rows).max())
        lengths = np.sqrt(np.square(queries, dtype=np.float64).sum(axis=1))
        self._error = 2 * ROUNDOFF * (queries.shape[1] + 2) * longest * lengths
        self._queries = -queries

    def scores(self, block: Vectors, which: slice) -> Vectors:
        """Multiply."""
        return np.asarray(self._queries[which] @ block.T)

    def ceiling(self, distances: Floats, which: slice) -> Floats:
        """Allow for the longest row."""
        return np.asarray(distances + self._error[which])


class Cosine:
    """The distance less 1: - query . row, both of unit length."""

    def __init__(self, rows: Vectors, queries: Vectors) -> None:
        self._error = 2 * ROUNDOFF * (queries.shape[1] + 6)
        self._queries = -_unit(queries)

    def scores(self, block: Vectors, which: slice) -> Vectors:
        """Multiply by rows made unit length."""
        return np.asarray(self._queries[which] @ _unit(block).T)

    def ceiling(self, distances: Floats, which: slice) -> Floats:
        """Allow for the rounding of lengths and product."""
        return np.asarray(distances - 1 + self._error)


class Taxicab:
    """The distance itself: the sum of absolute differences, a few rows and one query at a time."""

    _ROWS = 512  # 256 kB of 128 dimensions: a block that a core keeps to itself

    def __init__(self, rows: Vectors, queries: Vectors) -> None:
        self._error = 2 * ROUNDOFF * (queries.shape[1] + 2)
        self._queries = queries

    def scores(self, block: Vectors, which: slice) -> Vectors:
        """Sum by a product with ones: twice the speed of a sum along the last axis."""
        queries = self._queries[which]
        scores = np.empty((len(queries), len(block)), np.float32)
        ones = np.ones(block.shape[1], np.float32)
        for start in range(0, len(block), self._ROWS):
            part = block[start : start + self._ROWS]
            away = np.empty_like(part)
            for i, query in enumerate(queries):
                np.abs(np.subtract(part, query, out=away), out=away)
                np.dot(away, ones, out=scores[i, start : start + self._ROWS])
        return scores

    def ceiling(self, distances: Floats, which: slice) -> Floats:
        """Allow for the rounding of the sum."""
        return np.asarray(distances * (1 + self._error))


class Hamming:
    """|row| - 2 query . row, which is the bits that differ less |query|; whole numbers, so without error."""

    def __init__(self, rows: Vectors, queries: Vectors) -> None:
        self._sizes = queries.sum(axis=1, dtype=np.float64)
        self._queries = np.column_stack([-2 * queries, np.ones(len(queries), np.float32)])

    def scores(self, block: Vectors, which: slice) -> Vectors:
        """Multiply by rows that carry their own size as a last element."""
        return np.asarray(self._queries[which] @ np.column_stack([block, block.sum(axis=1)]).T)

    def ceiling(self, distances: Floats, which: slice) -> Floats:
        """Allow for nothing: float32 counts to 16 million."""
        return np.asarray(distances - self._sizes[which])


class Jaccard:
    """The distance itself: one less the bits in common over the bits in either."""

    def __init__(self, rows: Vectors, queries: Vectors) -> None:
        self._sizes = queries.sum(axis=1, keepdims=True)
        self._queries = queries

    def scores(self, block: Vectors, which: slice) -> Vectors:
        """Divide products; where neither has a bit, pgvector calls them as far as can be."""
        common = self._queries[which] @ block.T
        either = np.maximum(self._sizes[which] + block.sum(axis=1) - common, 1)
        return np.asarray(1 - common / either)

    def ceiling(self, distances: Floats, which: slice) -> Floats:
        """Allow for the rounding of a quotient and a difference of numbers up to 1."""
        return np.asarray(distances + 4 * ROUNDOFF)


SCORERS: dict[Distance, type[Scorer]] = {
    Distance.L2: Euclidean,
    Distance.INNER_PRODUCT: InnerProduct,
    Distance.COSINE: Cosine,
    Distance.L1: Taxicab,
    Distance.HAMMING: Hamming,
    Distance.JACCARD: Jaccard,
}


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return np.asarray(vectors / lengths[:, None])
