"""Sources of bare vectors: easy, hard, and full of what real data does wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.source import PIECE, Rows, embedding, generated, generator
from db.binary import BIGINT, TEXT, Field, Values

Vectors = NDArray[np.float32]


def open_uniform(request: PopulateRequest) -> Rows:
    """Open vectors spread evenly over a cube, where everything is about equally far from everything."""
    dims = _dims(request)

    def columns(random: np.random.Generator, ids: NDArray[np.int64]) -> tuple[Values, ...]:
        return (random.random((len(ids), dims), np.float32) * 2 - 1,)

    return generated(request, (embedding(dims),), columns)


def open_clusters(request: PopulateRequest) -> Rows:
    """Open a Gaussian mixture: some clusters large and most small, each flat in all but a few directions.

    A row is ``centre + z @ basis``, with z of ``intrinsic`` dimensions.  The clusters share one
    basis, with signs of their own: each spans another subspace, and no cluster needs a matrix of its own.
    """
    dims = _dims(request)
    clusters, intrinsic = int(request.parameters["clusters"]), int(request.parameters["intrinsic"])
    spread, skew = request.parameters["spread"], request.parameters["skew"]

    shared = generator(request.seed)
    centres = _normal(shared, clusters, dims)
    signs = shared.integers(0, 2, (clusters, dims), np.int8) * 2 - 1
    basis = _normal(shared, intrinsic, dims) * np.float32(spread / np.sqrt(intrinsic))
    sizes = np.cumsum(1 / np.arange(1, clusters + 1) ** skew)

    def columns(random: np.random.Generator, ids: NDArray[np.int64]) -> tuple[Values, ...]:
        cluster = np.searchsorted(sizes, random.random(len(ids)) * sizes[-1], side="right")
        # In pieces too small for BLAS to start its threads: on a busy machine they wait for each other.
        pieces = _normal(random, len(ids), intrinsic).reshape(-1, PIECE, intrinsic) @ basis
        return cluster, centres[cluster] + signs[cluster] * pieces.reshape(-1, dims)

    return generated(request, (Field("cluster", BIGINT), embedding(dims)), columns)


ORDERED_CLUSTERS = 50

KINDS_OF_FIFTY = ("null", "zero", *["duplicate"] * 4, *["near duplicate"] * 4)
"""What the first rows of every fifty are; the other forty are ``ordered``, then ``huge``."""

ORDERED_SHARE = 0.5


def open_nasty(request: PopulateRequest) -> Rows:
    """Open vectors as bad as found in the wild, with a column ``kind`` that says what is wrong.

    null, zero; duplicate (three vectors over and over) and near duplicate (the same, off by 1e-4);
    ordered (clusters stored in the order of the id); huge (one tight group, the later half of the rest).
    """
    dims, rows = _dims(request), request.rows or 0
    shared = generator(request.seed)
    copied, centres, middle = (
        _normal(shared, 3, dims),
        _normal(shared, ORDERED_CLUSTERS, dims),
        _normal(shared, 1, dims),
    )
    names = np.array([*KINDS_OF_FIFTY, *["ordered"] * 40])

    def columns(random: np.random.Generator, ids: NDArray[np.int64]) -> tuple[Values, ...]:
        place = (ids - 1) / (rows * ORDERED_SHARE)
        kinds = names[(ids - 1) % 50].astype(object)
        kinds[(kinds == "ordered") & (place >= 1)] = "huge"
        noise, copy = _normal(random, len(ids), dims), copied[random.integers(0, 3, len(ids))]
        in_order = centres[np.minimum(place * ORDERED_CLUSTERS, ORDERED_CLUSTERS - 1).astype(int)]
        vectors = {
            "null": noise,
            "zero": np.zeros_like(noise),
            "duplicate": copy,
            "near duplicate": copy + np.float32(1e-4) * noise,
            "ordered": in_order + np.float32(0.2) * noise,
            "huge": middle + np.float32(0.05) * noise,
        }
        chosen = np.select([(kinds == name)[:, None] for name in vectors], list(vectors.values()))
        embeddings = [None if kind == "null" else v for kind, v in zip(kinds, chosen, strict=True)]
        return kinds.tolist(), embeddings

    return generated(request, (Field("kind", TEXT), embedding(dims)), columns)


def _normal(random: np.random.Generator, rows: int, dims: int) -> Vectors:
    return random.standard_normal((rows, dims), np.float32)


def _dims(request: PopulateRequest) -> int:
    assert request.dims is not None
    return request.dims
