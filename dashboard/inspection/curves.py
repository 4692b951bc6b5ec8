"""The figures behind a report's charts, small enough to be stored and drawn at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.inspection.evidence import Evidence, K
from dashboard.inspection.row_checks import UNIT_SLACK, near_square
from dashboard.inspection.shape_checks import HUB_TIMES, spread

BINS = 60
POINTS = 120
MOST_DIMENSIONS = 512
"""Dimensions drawn one by one; of longer vectors neighbours are put together."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Rows per bin; ``edges`` has one more than ``rows``.

    ``is_unit`` where the column's vectors have length 1, so that others stand out.
    """

    edges: tuple[float, ...]
    rows: tuple[int, ...]
    zeros: int
    odd: int
    is_unit: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points, ``x`` ascending; ``mark`` is where the chart draws a line across."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    mark: float


@dataclass(frozen=True, slots=True)
class Ribbon:
    """Mean and standard deviation of each dimension, from the first; ``step`` of them make one point."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    step: int


@dataclass(frozen=True, slots=True)
class Curves:
    """What the charts of a report draw; None where there was nothing to draw.

    ``occurrences``: rows that are in at least x lists.  ``nearest``: share of the rows whose nearest other
    vector is no farther than x.
    """

    norms: Histogram | None
    occurrences: Curve | None
    nearest: Curve | None
    dimensions: Ribbon | None


def curves(evidence: Evidence) -> Curves:
    """Condense the evidence to what is drawn."""
    if not evidence.sample.n:
        return Curves(None, None, None, None)
    some = evidence.neighbours.places.shape[1] > 0
    return Curves(
        norms=_norms(evidence),
        occurrences=_occurrences(evidence) if evidence.has_neighbours else None,
        nearest=_nearest(evidence) if some else None,
        dimensions=_ribbon(evidence),
    )


def _norms(evidence: Evidence) -> Histogram:
    lengths = evidence.norms
    filled = lengths[lengths > 0]
    is_unit = abs(evidence.typical_length - 1) <= UNIT_SLACK
    odd = int((np.abs(filled - 1) > UNIT_SLACK).sum()) if is_unit else 0
    zeros = len(lengths) - len(filled)
    highest = float(lengths.max(initial=0)) or 1.0
    low = 0.0 if zeros or is_unit else float(filled.min())
    if highest - low < 1e-9 * highest:
        low, highest = 0.9 * low, 1.1 * highest
    # A length of 1 lies in the middle of a bin, so that rounding does not spread it over two.
    top = max(1.0, highest) * BINS / (BINS - 0.5) if is_unit else highest
    rows, edges = np.histogram(lengths, bins=BINS, range=(low, top))
    return Histogram(_rounded(edges), tuple(rows.tolist()), zeros, odd, is_unit)


def _occurrences(evidence: Evidence) -> Curve:
    times = np.sort(evidence.occurrences)
    steps = np.unique(np.logspace(0, np.log10(max(2, int(times[-1]))), POINTS // 3).astype(int))
    steps = np.unique([*steps[steps <= times[-1]], min(HUB_TIMES * K, times[-1]), times[-1]])
    rows = len(times) - np.searchsorted(times, steps, side="left")
    return Curve(tuple(steps.tolist()), tuple(rows.tolist()), float(times.mean()))


def _nearest(evidence: Evidence) -> Curve:
    apart = np.sort(evidence.in_units(evidence.neighbours.distances[:, 0]))
    places = np.unique(np.linspace(0, len(apart) - 1, POINTS).astype(int))
    mark = evidence.in_units(np.sqrt([near_square(evidence)]))
    return Curve(_rounded(apart[places]), _rounded((places + 1) / len(apart)), float(mark[0]))


def _ribbon(evidence: Evidence) -> Ribbon:
    mean = evidence.sample.vectors.mean(axis=0, dtype=np.float64)
    deviation = spread(evidence)
    step = -(-evidence.dimensions // MOST_DIMENSIONS)
    starts = np.arange(0, evidence.dimensions, step)
    sizes = np.diff(np.append(starts, evidence.dimensions))
    return Ribbon(
        _rounded(np.add.reduceat(mean, starts) / sizes),
        _rounded(np.add.reduceat(deviation, starts) / sizes),
        step,
    )


def _rounded(values: np.typing.ArrayLike) -> tuple[float, ...]:
    """Keep six digits that count: what is drawn needs no more, and the report stays small."""
    return tuple(float(f"{value:.6g}") for value in np.asarray(values, np.float64))
