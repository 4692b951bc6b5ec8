"""The ways to draw vectors on a map, as data: a new one is one entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.mapping import tsne
from dashboard.mapping.plane import Plane, check_mappable, principal_plane
from db.errors import RequestError

Vectors = NDArray[np.float32]
Tell = Callable[[int], None]

FEWEST_AT_ONCE, MOST_AT_ONCE = 250, 10_000
"""Rows that are drawn without a job, however long or short: names, colours and hover texts take time, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where vectors lie on a map.

    ``plane`` places other rows on it; None where the method knows only the rows it was given.
    """

    points: Vectors
    """Shape (n, 2)."""
    axes: tuple[str, str]
    plane: Plane | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A way to draw vectors on a map.

    ``reading`` says what the picture means and what not.  ``at_once_numbers`` is how many rows x dimensions
    are read and laid out within about a second; more are a job.  ``arrange`` tells how many of ``steps``
    are done.
    """

    key: str
    label: str
    about: str
    reading: str
    at_once_numbers: int
    most_rows: int
    steps: int
    arrange: Callable[[Vectors, int, float, Tell], Layout]

    def rows_at_once(self, dimensions: int) -> int:
        """Tell how many rows of so many dimensions need no job; 0 for a method that always is one."""
        fitting = self.at_once_numbers // max(1, dimensions)
        return min(MOST_AT_ONCE, max(FEWEST_AT_ONCE, fitting)) if self.at_once_numbers else 0


def _pca(vectors: Vectors, seed: int, perplexity: float, tell: Tell) -> Layout:
    plane = principal_plane(vectors)
    return Layout(plane.place(vectors), plane.titles, plane)


def _tsne(vectors: Vectors, seed: int, perplexity: float, tell: Tell) -> Layout:
    check_mappable(vectors)
    points = tsne.arrange(vectors, perplexity=perplexity, seed=seed, tell=tell)
    return Layout(points, ("t-SNE 1", "t-SNE 2"))


PROJECTIONS = {
    method.key: method
    for method in (
        Method(
            "pca",
            "PCA",
            "The two directions along which the rows differ most; the same every time. "
            "Some thousand rows are drawn at once, more as a job.",
            "Axes have no units. Far apart is different; near may still differ in what two axes cannot show.",
            at_once_numbers=4_000_000,
            most_rows=100_000,
            steps=0,
            arrange=_pca,
        ),
        Method(
            "tsne",
            "t-SNE",
            "Keeps neighbours together and gives up the rest: shows groups that PCA lays over each other. "
            "Takes a minute as a job; the map is stored.",
            "Axes have no units. Near is meaningful, far is not; sizes of groups and gaps mean nothing.",
            at_once_numbers=0,
            most_rows=20_000,
            steps=tsne.ITERATIONS,
            arrange=_tsne,
        ),
    )
}
"""Every way to draw a map, the quick one first."""


def method_named(key: str) -> Method:
    """Find a method.  Raises RequestError for an unknown one."""
    if key not in PROJECTIONS:
        raise RequestError(
            f"There is no way {key!r} to draw a map.", f"Choose one of {', '.join(PROJECTIONS)}."
        )
    return PROJECTIONS[key]
