"""t-SNE by scikit-learn, with a voice: it tells how far it is, and stops when it is told to."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import redirect_stdout

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Vectors = NDArray[np.float32]
Tell = Callable[[int], None]

ITERATIONS = 1_000
"""scikit-learn's default; 250 of them pull the groups apart, the rest arrange them."""

MOST_DIMENSIONS = 50
"""Longer vectors are first brought down to as many principal components, as scikit-learn's guide advises."""

_ITERATION = re.compile(r"\[t-SNE\] Iteration (\d+): error")


def arrange(vectors: Vectors, *, perplexity: float, seed: int, tell: Tell) -> Vectors:
    """Lay vectors of shape (n, dimensions) out on a map of shape (n, 2), starting from their PCA.

    ``tell`` hears how many of ITERATIONS are done, every 50; what it raises ends the work.  Source: van
    der Maaten and Hinton, "Visualizing Data using t-SNE" (2008); Barnes-Hut, so n log n a step.
    """
    from sklearn.decomposition import PCA  # noqa: PLC0415 - takes a second, and not every process maps
    from sklearn.manifold import TSNE  # noqa: PLC0415

    parts = min(MOST_DIMENSIONS, *vectors.shape)
    shortened = PCA(parts, random_state=seed).fit_transform(vectors) if parts > 1 else _widened(vectors)
    # An init of our own: scikit-learn's divides by the spread along the first axis, whatever it is.
    start = shortened[:, :2] / np.std(shortened[:, 0]) * 1e-4
    work = TSNE(
        init=start.astype(np.float32),
        perplexity=min(perplexity, (len(vectors) - 1) / 3),
        max_iter=ITERATIONS,
        random_state=seed,
        verbose=2,
    )
    # It takes no callback, but says each fiftieth step aloud.  One thread: on a busy machine several of
    # OpenMP's wait for each other, awake, and take minutes for seconds.
    with redirect_stdout(_Listener(tell)), threadpool_limits(1, user_api="openmp"):
        points: Vectors = work.fit_transform(shortened).astype(np.float32)
    return points


def _widened(vectors: Vectors) -> Vectors:
    """Give vectors of one dimension a second one."""
    return np.pad(vectors - vectors.mean(), ((0, 0), (0, 1)))


class _Listener(io.TextIOBase):
    """The standard output of t-SNE, turned into calls of ``tell``."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def write(self, said: str) -> int:
        if match := _ITERATION.match(said):
            self._tell(int(match[1]))
        return len(said)
