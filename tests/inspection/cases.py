"""Evidence made by hand: a sample of given vectors, of a column that is nobody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dashboard.inspection.evidence import Evidence, gather
from db.catalog import ColumnInfo
from db.distance import Distance
from db.quality import Counted
from db.sampling import ALL, BERNOULLI, Sample

Rows = Sequence[Sequence[float]] | np.ndarray[Any, Any]


def column(vector_type: str = "vector", dimensions: int | None = 3) -> ColumnInfo:
    return ColumnInfo(
        "public",
        "things",
        "embedding",
        vector_type,
        dimensions,
        ("id",),
        kind="table",
        rows=100,
        rows_exact=True,
        size_bytes=8192,
        total_bytes=8192,
        column_bytes=None,
        null_share=None,
        comment=None,
        table_comment=None,
        indexes=(),
    )


def sample(
    vectors: Rows, *, nulls: int = 0, whole: bool = True, mix: Mapping[int, int] | None = None
) -> Sample:
    array = np.asarray(vectors, np.float32)
    n, dimensions = array.shape
    return Sample(
        keys=tuple(str(place) for place in range(n)),
        vectors=array,
        labels={},
        nulls=nulls,
        mix=mix if mix is not None else {dimensions: n},
        of_rows=n + nulls if whole else 100 * (n + nulls),
        of_rows_exact=True,
        method=ALL if whole else BERNOULLI,
        seed=42,
    )


def evidence(
    vectors: Rows,
    *,
    distance: Distance = Distance.COSINE,
    vector_type: str = "vector",
    counted: Counted = Counted(),
    nulls: int = 0,
    whole: bool = True,
    untyped: bool = False,
    mix: Mapping[int, int] | None = None,
) -> Evidence:
    drawn = sample(vectors, nulls=nulls, whole=whole, mix=mix)
    of = column(vector_type, None if untyped else drawn.vectors.shape[1])
    return gather(of, distance, drawn, counted)


def cloud(rows: int, dimensions: int, seed: int = 1) -> np.ndarray[Any, Any]:
    """Normal vectors: no two alike, no direction favoured."""
    return np.random.default_rng(seed).standard_normal((rows, dimensions)).astype(np.float32)


def units(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    made: np.ndarray[Any, Any] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return made
