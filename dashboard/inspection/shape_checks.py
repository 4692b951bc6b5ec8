"""Checks of the cloud as a whole: its dimensions, its directions, and who is everybody's neighbour."""

from __future__ import annotations

import numpy as np

from dashboard.inspection.evidence import (
    PARTS,
    Evidence,
    Floats,
    K,
    lengths,
    mean_cosine,
    participation_ratio,
    skewness,
    skewness_error,
)
from dashboard.inspection.finding import Finding, Limits, Named, Verdict, percent, silent
from dashboard.inspection.statistics import Interval, Z, around
from db.quality import MOST_ROWS
from db.words import counted

DEAD = 1e-6
"""A dimension is dead below this share of the usual standard deviation: it tells no two rows apart."""

HEAVY, FAIR_TIMES = 0.10, 3.0
"""A dimension dominates from this share of the mean squared length, and this many times its fair share.
Source of the matter: Timkey & van Schijndel, All Bark and No Bite (2021); the limits are ours."""

HUB_TIMES = 10
"""A hub is in this many times as many lists as the average row."""

FEWEST = 2 * PARTS
"""Distinct rows from which on a figure of the whole cloud means something."""


def spread(evidence: Evidence) -> Floats:
    """Standard deviation of each dimension over the sample; shape (dimensions,)."""
    mean = evidence.sample.vectors.mean(axis=0, dtype=np.float64)
    squares = mean_squares(evidence)
    deviation: Floats = np.sqrt(np.maximum(squares - mean**2, 0))
    # What rounding leaves of two large equal numbers is not spread.
    deviation[squares - mean**2 <= 1e-12 * squares] = 0
    return deviation


def mean_squares(evidence: Evidence) -> Floats:
    """Mean square of each dimension over the sample; shape (dimensions,)."""
    vectors = evidence.sample.vectors
    summed: Floats = np.einsum("rd,rd->d", vectors, vectors, dtype=np.float64)
    return summed / max(1, len(vectors))


def dead_dimensions(evidence: Evidence, limits: Limits) -> Finding:
    """Dimensions in which all rows are the same."""
    if len(evidence.points) < 2:
        return silent("There are fewer than two distinct vectors.")
    deviation = spread(evidence)
    dead = np.flatnonzero(deviation <= DEAD * np.sqrt((deviation**2).mean()))
    share = len(dead) / evidence.dimensions
    named = ", ".join(str(place + 1) for place in dead[:3]) + ("…" if len(dead) > 3 else "")
    return Finding(
        f"{len(dead):,} of {evidence.dimensions:,}",
        limits.judge(share),
        f"{counted(len(dead), 'dimension')} of {evidence.dimensions:,} never vary ({named}): they cost space "
        "and tell no two rows apart."
        if len(dead)
        else "Every dimension varies.",
        value=float(len(dead)),
        note=named or "all vary",
        n=evidence.sample.n,
        exact=evidence.sample.is_whole,
    )


def dominated_dimensions(evidence: Evidence, limits: Limits) -> Finding:
    """Dimensions that carry far more of the length than their share."""
    squares = mean_squares(evidence)
    if not squares.any():
        return silent("No vector has a length.")
    shares = squares / squares.sum()
    limit = max(HEAVY, FAIR_TIMES / evidence.dimensions)
    heavy = np.flatnonzero(shares > limit)
    heavy = heavy[np.argsort(-shares[heavy], kind="stable")]
    carried = float(shares[heavy].sum())
    named = ", ".join(str(place + 1) for place in heavy[:3])
    return Finding(
        f"{len(heavy):,} of {evidence.dimensions:,}",
        limits.judge(carried),
        f"{counted(len(heavy), 'dimension')} ({named}) carry {percent(carried)} of the squared length: "
        "distances are mostly theirs."
        if len(heavy)
        else f"No dimension carries over {percent(limit)} of the squared length; the largest has "
        f"{percent(float(shares.max()))}.",
        value=float(len(heavy)),
        note=f"most {percent(float(shares.max()))}",
        n=evidence.sample.n,
        exact=evidence.sample.is_whole,
    )


def effective_dimension(evidence: Evidence, limits: Limits) -> Finding:
    """How many directions carry the data."""
    if len(evidence.points) < FEWEST:
        return silent("There are too few distinct vectors.")
    value, error = participation_ratio(evidence.points)
    few = len(evidence.points) <= evidence.dimensions
    return Finding(
        f"{value:.1f}",
        limits.judge(value / evidence.dimensions),
        f"As much variance as {value:.1f} equal directions would carry, of {evidence.dimensions:,}"
        + ("; from fewer rows than dimensions, so it is at least that." if few else "."),
        value=value,
        note=_plus_minus(evidence, error, f"of {evidence.dimensions:,}"),
        n=len(evidence.points),
        exact=evidence.sample.is_whole,
        interval=_interval(evidence, value, error),
    )


def anisotropy(evidence: Evidence, limits: Limits) -> Finding:
    """Mean cosine between two rows: how far all point the same way."""
    if len(evidence.points) < FEWEST:
        return silent("There are too few distinct vectors.")
    value, error = mean_cosine(evidence.points, lengths(evidence.points))
    return Finding(
        f"{value:.3f}",
        limits.judge(abs(value)),
        f"Two rows drawn at random have a cosine of {value:.3f} on average; 0 uses the space best.",
        value=value,
        note=_plus_minus(evidence, error, "mean cosine"),
        n=len(evidence.points),
        exact=evidence.sample.is_whole,
        interval=_interval(evidence, value, error),
    )


def hubness(evidence: Evidence, limits: Limits) -> Finding:
    """Whether a few rows are among everybody's neighbours."""
    if not evidence.has_neighbours or len(evidence.points) < FEWEST:
        return silent("There are too few distinct vectors.")
    times = evidence.occurrences
    value, error = skewness(times), skewness_error(times)
    order = np.argsort(-times, kind="stable")
    hubs = order[times[order] >= HUB_TIMES * K]
    never = np.flatnonzero(times == 0)
    verdict = limits.judge(value)
    # Where none is a hub and the tail is long all the same, the rows at its end are what there is to see.
    shown = hubs if len(hubs) or verdict is Verdict.GOOD else order[:MOST_ROWS]
    return Finding(
        f"{value:.2f}",
        verdict,
        f"{counted(len(hubs), 'hub')}: each among the {K} nearest of {HUB_TIMES * K} other rows or more; "
        f"{counted(len(never), 'anti-hub')} ({percent(len(never) / len(times))}) in nobody's list.",
        value=value,
        note=_plus_minus(evidence, error, counted(len(hubs), "hub")),
        n=len(times),
        exact=evidence.sample.is_whole,
        interval=_interval(evidence, value, error),
        rows=evidence.keys(shown[:MOST_ROWS]),
        problem="keys" if len(shown) else "",
        total=len(shown),
        beside=(Named("anti-hubs", evidence.keys(never[:MOST_ROWS]), len(never)),) if len(never) else (),
    )


def _interval(evidence: Evidence, value: float, error: float | None) -> Interval | None:
    """Bound a figure; one drawn from every row needs no bounds."""
    return None if error is None or evidence.sample.is_whole else around(value, error)


def _plus_minus(evidence: Evidence, error: float | None, otherwise: str) -> str:
    return otherwise if error is None or evidence.sample.is_whole else f"± {Z * error:.2g}"
