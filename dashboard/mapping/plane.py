"""Principal components: the flat view along which rows differ most, and where other rows fall on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db.distance import Distance
from db.errors import RequestError

Vectors = NDArray[np.float32]

FEWEST_ROWS = 10
"""Below, a table says more than a picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A plane through the vectors' centre.

    ``explained`` is the share of the variance along each axis, in [0, 1].
    """

    centre: Vectors
    """Shape (dimensions,)."""
    axes: Vectors
    """Shape (2, dimensions), of unit length; the second is zero where the vectors lie on one line."""
    explained: tuple[float, float]

    @property
    def titles(self) -> tuple[str, str]:
        """Name the axes, with what each shows."""
        first, second = self.explained
        return f"PC 1 · {first:.1%} of the variance", f"PC 2 · {second:.1%} of the variance"

    def place(self, vectors: Vectors) -> Vectors:
        """Put vectors of shape (n, dimensions) on the plane: shape (n, 2)."""
        points: Vectors = ((vectors - self.centre) @ self.axes.T).astype(np.float32)
        return points


def comparable(vectors: Vectors, distance: Distance) -> Vectors:
    """Scale vectors to unit length where their distance ignores length; a zero vector stays zero.

    Their straight-line distance then orders pairs as cosine distance does.
    """
    if distance is not Distance.COSINE:
        return vectors
    # In two steps: the square of a float32 can be beyond a float32.
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    scaled = np.divide(vectors, largest, out=np.zeros_like(vectors), where=largest > 0)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    unit: Vectors = np.divide(scaled, lengths, out=scaled, where=lengths > 0)
    return unit


def principal_plane(vectors: Vectors) -> Plane:
    """Fit the plane of the two largest principal components to vectors of shape (n, dimensions).

    The same vectors give the same plane: the largest loading of each axis is positive.  Raises
    RequestError where the vectors are fewer than FEWEST_ROWS, all equal, or too large to be squared.
    """
    from sklearn.decomposition import PCA  # noqa: PLC0415 - takes a second, and not every process maps

    check_mappable(vectors)
    parts = min(2, vectors.shape[1])
    fitted = PCA(parts, random_state=0).fit(vectors)
    axes, explained = np.zeros((2, vectors.shape[1]), np.float32), [0.0, 0.0]
    axes[:parts], explained[:parts] = fitted.components_, fitted.explained_variance_ratio_.tolist()
    return Plane(fitted.mean_.astype(np.float32), axes, (explained[0], explained[1]))


def check_mappable(vectors: Vectors) -> None:
    """Raise RequestError for vectors that no map can tell apart."""
    if len(vectors) < FEWEST_ROWS:
        raise RequestError(
            f"A map needs at least {FEWEST_ROWS} rows with a vector; there are {len(vectors)}.",
            "Add rows, or look at the table itself.",
        )
    if not vectors.shape[1]:
        raise RequestError("The vectors have no dimension that could be drawn.", "Choose another column.")
    spread = np.ptp(vectors, axis=0)
    if not spread.any():
        raise RequestError(
            f"All {len(vectors):,} vectors are equal: on a map they would be one point.",
            "Look for duplicates on the page Inspect.",
        )
    if spread.max() > LARGEST:
        raise RequestError(
            f"The vectors hold numbers that differ by {spread.max():.2g}: too large to be squared.",
            "Scale the vectors down, or search by cosine distance, which ignores their length.",
        )


LARGEST = 1e15
"""Sums of a million squares of it still fit a float32, whose largest is 3.4e38."""
