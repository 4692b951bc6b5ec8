"""Who is nearest to whom within a sample, exactly, by matrix products in blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

BLOCK, GROUP = 256, 32
"""Rows multiplied at a time, and columns whose best is looked at first.  Measured on two cores."""

DIFFERENCE_VALUES = 4_000_000
"""Values of differences held at a time: some 16 MB."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The k nearest of each row, nearest first, itself left out."""

    places: NDArray[np.int64]
    """Shape (rows, k)."""
    distances: NDArray[np.float64]
    """Euclidean distances; shape (rows, k)."""


def neighbours(vectors: Vectors, k: int, *, tell: Callable[[int], None] = lambda done: None) -> Neighbours:
    """Find the ``k`` nearest rows of each row of ``vectors`` by Euclidean distance.

    ``vectors`` has shape (rows, dimensions); ``k`` is cut where there are fewer rows.  ``tell`` is called
    with the rows done.  Distances come from the differences themselves: what is left of two large products
    would drown those of near duplicates.
    """
    rows = len(vectors)
    k = max(0, min(k, rows - 1))
    places = np.empty((rows, k), np.int64)
    if k:
        _rank(vectors, places, tell)
    distances = _distances(vectors, places)
    order = np.argsort(distances, axis=1, kind="stable")
    return Neighbours(np.take_along_axis(places, order, 1), np.take_along_axis(distances, order, 1))


def _rank(vectors: Vectors, places: NDArray[np.int64], tell: Callable[[int], None]) -> None:
    """Fill ``places`` with the rows of the greatest ``x . y - y . y / 2``: the least distance."""
    rows, padding = len(vectors), -len(vectors) % GROUP
    columns = np.pad(np.ascontiguousarray(vectors.T), ((0, 0), (0, padding)))
    penalty = np.pad((vectors * vectors).sum(axis=1) / 2, (0, padding), constant_values=np.inf)
    products = np.empty((min(BLOCK, rows), rows + padding), np.float32)
    for start in range(0, rows, BLOCK):
        block = np.arange(start, min(rows, start + BLOCK))
        scores = np.matmul(vectors[block], columns, out=products[: len(block)])
        scores -= penalty
        scores[block - start, block] = -np.inf
        places[block] = _best(scores, places.shape[1])
        tell(int(block[-1]) + 1)


def _best(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Find the ``k`` greatest of each line: they lie in the k groups whose own best are the greatest."""
    lines, groups = len(scores), scores.shape[1] // GROUP
    grouped = scores.reshape(lines, groups, GROUP)
    chosen = _largest(grouped.max(axis=2), min(k, groups))
    candidates = np.take_along_axis(grouped, chosen[:, :, None], axis=1).reshape(lines, -1)
    inside = _largest(candidates, k)
    found: NDArray[np.int64] = np.take_along_axis(chosen, inside // GROUP, axis=1) * GROUP + inside % GROUP
    return found


def _largest(values: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    return np.argpartition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]


def _distances(vectors: Vectors, places: NDArray[np.int64]) -> NDArray[np.float64]:
    rows, k = places.shape
    distances = np.empty((rows, k), np.float64)
    step = max(1, DIFFERENCE_VALUES // max(1, k * vectors.shape[1]))
    for start in range(0, rows, step):
        part = slice(start, start + step)
        apart = vectors[places[part]] - vectors[part, None, :]
        distances[part] = np.sqrt(np.einsum("rkd,rkd->rk", apart, apart, dtype=np.float64))
    return distances
