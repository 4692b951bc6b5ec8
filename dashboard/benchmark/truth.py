"""The exact answer, computed beside the server: the k nearest of many vectors to many queries at once.

A first pass scores every pair in float32, block by block, and keeps a little more than k candidates per
query; a second computes pgvector's distances of those in float64.  Where the rounding of the first pass
might have hidden a neighbour, the query is answered again, wholly in float64.  Memory is bounded: no
array has the size queries x rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.benchmark.scores import SCORERS, Scorer
from db.arms import MISSING
from db.distance import Distance

Vectors = NDArray[np.float32]
Indexes = NDArray[np.int64]
Floats = NDArray[np.float64]

BLOCK_ROWS = 4096
BLOCK_QUERIES = 512
"""A block of scores takes 8 MB: near enough to the processor to be looked through at once."""

MARGIN, MARGIN_SHARE = 16, 4
"""Candidates kept beyond k: 16, or a quarter of k.  Fewer leave too small a gap to be sure of, and are
answered twice."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The exact answers."""

    indexes: Indexes
    """Rows of the searched array, nearest first; shape (queries, k)."""
    distances: Floats
    """Their distances, ascending, as pgvector defines them; shape (queries, k)."""


def ground_truth(
    rows: Vectors,
    queries: Vectors,
    distance: Distance,
    k: int,
    tell: Callable[[int], None] = lambda done: None,
) -> Truth:
    """Find the ``k`` nearest of ``rows`` (rows, dimensions) to each of ``queries`` (queries, dimensions).

    ``k`` is at most the number of rows.  ``tell`` is told how many queries are done.  Rows at equal
    distances come in no particular order.
    """
    scorer = SCORERS[distance](rows, queries)
    kept = min(k + max(MARGIN, k // MARGIN_SHARE), len(rows))
    indexes = np.empty((len(queries), k), np.int64)
    distances = np.empty((len(queries), k))
    for start in range(0, len(queries), BLOCK_QUERIES):
        block = slice(start, min(start + BLOCK_QUERIES, len(queries)))
        candidates, worst = _candidates(rows, scorer, block, kept)
        for i, chosen in zip(range(block.start, block.stop), candidates, strict=True):
            indexes[i], distances[i] = _nearest(rows, chosen, queries[i], distance, k)
        doubtful = scorer.ceiling(distances[block, -1], block) >= worst
        for i in np.flatnonzero(doubtful).tolist() if kept < len(rows) else ():
            redone = block.start + i
            indexes[redone], distances[redone] = _nearest(rows, None, queries[redone], distance, k)
        tell(block.stop)
    return Truth(indexes, distances)


def distances_to(query: Vectors, rows: Vectors, distance: Distance) -> Floats:
    """Compute pgvector's distance of ``query`` (dimensions,) to each of ``rows`` (rows, dimensions)."""
    many, one = rows.astype(np.float64), query.astype(np.float64)
    match distance:
        case Distance.L2:
            away = np.sqrt(np.square(many - one).sum(axis=1))
        case Distance.L1:
            away = np.abs(many - one).sum(axis=1)
        case Distance.INNER_PRODUCT:
            away = -_products(many, one)
        case Distance.COSINE:
            lengths = np.sqrt(_products(many, many) * _products(one, one))
            away = 1 - np.clip(_products(many, one) / lengths, -1, 1)
        case Distance.HAMMING:
            away = np.abs(many - one).sum(axis=1)
        case Distance.JACCARD:
            common = _products(many, one)
            away = 1 - common / np.maximum(many.sum(axis=1) + one.sum() - common, 1)
    return np.asarray(away)


def _products(many: Floats, one: Floats) -> Floats:
    """Multiply row by row: a matrix product would round a row differently in another company."""
    return np.asarray(np.einsum("...i,...i->...", many, one))


def found_distances(rows: Vectors, queries: Vectors, found: Indexes, distance: Distance) -> Floats:
    """Compute the true distances of the rows ``found`` (queries, k) for each query; inf for MISSING."""
    distances = np.full(found.shape, np.inf)
    for i, indexes in enumerate(found):
        there = indexes != MISSING
        distances[i, there] = distances_to(queries[i], rows[indexes[there]], distance)
    return distances


def _nearest(
    rows: Vectors, candidates: Indexes | None, query: Vectors, distance: Distance, k: int
) -> tuple[Indexes, Floats]:
    """Choose the ``k`` nearest among ``candidates``, or among all rows."""
    if candidates is None:
        blocks = range(0, len(rows), BLOCK_ROWS)
        away = np.concatenate([distances_to(query, rows[s : s + BLOCK_ROWS], distance) for s in blocks])
        candidates = np.arange(len(rows))
    else:
        away = distances_to(query, rows[candidates], distance)
    order = np.argsort(away, kind="stable")[:k]
    return candidates[order], away[order]


def _candidates(
    rows: Vectors, scorer: Scorer, block: slice, kept: int
) -> tuple[Indexes, NDArray[np.float32]]:
    """Keep the ``kept`` best-scored rows per query: their indexes, and the worst score among them."""
    queries = block.stop - block.start
    best = np.full((queries, kept), np.inf, np.float32)
    indexes = np.zeros((queries, kept), np.int64)
    for start in range(0, len(rows), BLOCK_ROWS):
        scores = scorer.scores(rows[start : start + BLOCK_ROWS], block)
        better, scored = _better(scores, best.max(axis=1), start)
        best = np.concatenate([best, scored], axis=1)
        chosen = np.argpartition(best, kept - 1, axis=1)[:, :kept]
        best = np.take_along_axis(best, chosen, axis=1)
        indexes = np.take_along_axis(np.concatenate([indexes, better], axis=1), chosen, axis=1)
    return indexes, best.max(axis=1)


def _better(
    scores: NDArray[np.float32], threshold: NDArray[np.float32], start: int
) -> tuple[Indexes, NDArray[np.float32]]:
    """Gather the scores below each query's threshold, in rows padded with inf: after few blocks, few."""
    queries, width = scores.shape
    hits = np.flatnonzero(scores < threshold[:, None])
    if len(hits) > scores.size // 4:
        return np.broadcast_to(np.arange(start, start + width), scores.shape), scores
    query, row = np.divmod(hits, width)
    counts = np.bincount(query, minlength=queries)
    slot = np.arange(len(hits)) - np.repeat(np.cumsum(counts) - counts, counts)
    padded = np.full((queries, counts.max(initial=0)), np.inf, np.float32)
    padded[query, slot] = scores.ravel()[hits]
    indexes = np.zeros(padded.shape, np.int64)
    indexes[query, slot] = start + row
    return indexes, padded
