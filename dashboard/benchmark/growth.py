"""How latency grows with the rows: a power law through the sizes measured, with a band.

Exact search reads every row, so its exponent is about 1; an index grows far slower.  The line is fitted by
least squares in log rows and log latency.  Its band comes from a parametric bootstrap: each point is drawn
again from its own interval and from the scatter about the line, and the line fitted anew.
Source: Efron & Tibshirani, An Introduction to the Bootstrap, 6.5 and 9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.benchmark.statistics import LEVEL, RESAMPLES
from db.runs import Trial

LEAST_SIZES = 3
"""Through two points there is always a line, and nothing tells whether it is the right one."""

_SIGMAS = 1.959964
"""Half the width of a normal's 95 % interval, in standard deviations."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Band:
    """A value with the interval that holds it in 95 of 100 cases."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Growth:
    """latency = exp(intercept) * rows ** exponent, and the lines that might be instead.

    ``lines`` has shape (resamples, 2): intercept and exponent; ``scatter`` is the standard deviation of
    log latency about the line; ``largest`` the most rows that were measured.
    """

    intercept: float
    exponent: Band
    lines: Floats
    scatter: float
    largest: int

    def at(self, rows: float) -> Band:
        """Forecast the latency, in ms, over ``rows`` rows."""
        spread = np.random.default_rng(0).standard_normal(len(self.lines)) * self.scatter
        logs = self.lines[:, 0] + self.lines[:, 1] * math.log(rows) + spread
        return _band(math.exp(self.intercept + self.exponent.value * math.log(rows)), np.exp(logs))

    def crossing(self, latency_ms: float) -> Band | None:
        """Forecast over how many rows the latency reaches ``latency_ms``; None where it does not grow.

        A bound may be infinite: some of the lines the points allow never get there.
        """
        if self.exponent.value <= 0:
            return None
        growing = self.lines[:, 1] > 0
        wanted = math.log(latency_ms)
        with np.errstate(divide="ignore", over="ignore"):
            reached = np.exp((wanted - self.lines[:, 0]) / self.lines[:, 1])
        reached = np.where(growing, reached, np.inf)
        return _band(math.exp(min((wanted - self.intercept) / self.exponent.value, 700)), reached)


def fit(trials: Sequence[Trial], measure: str = "p95_ms") -> Growth | None:
    """Fit one arm's ``measure`` over its sizes; None below LEAST_SIZES of them.

    ``trials`` are of one index and setting, measured on copies of different sizes.
    """
    measured = [(t.rows, t.measures) for t in trials if t.is_measured and t.rows]
    names = (measure, f"{measure}_low", f"{measure}_high")
    return fit_points([(rows, *(m[name] for name in names)) for rows, m in measured])  # type: ignore[misc]


def fit_points(points: Sequence[tuple[int, float, float, float]]) -> Growth | None:
    """Fit latencies in ms, each with the rows it was measured over and the ends of its 95 % interval.

    None below LEAST_SIZES different numbers of rows.
    """
    if len({rows for rows, *_ in points}) < LEAST_SIZES:
        return None
    logs = np.log([rows for rows, *_ in points])
    values = np.log([value for _, value, _, _ in points])
    bounds = np.log([[low, high] for _, _, low, high in points])
    errors = np.maximum((bounds[:, 1] - bounds[:, 0]) / (2 * _SIGMAS), 1e-9)

    intercept, exponent = _line(logs, values[None, :])[0]
    residuals = values - (intercept + exponent * logs)
    scatter = float(np.sqrt(np.square(residuals).sum() / max(1, len(values) - 2)))
    random = np.random.default_rng(0)
    spread = np.hypot(errors, scatter)
    drawn = values + random.standard_normal((RESAMPLES, len(values))) * spread
    lines = _line(logs, drawn)
    return Growth(
        float(intercept),
        _band(float(exponent), lines[:, 1]),
        lines,
        scatter,
        max(rows for rows, *_ in points),
    )


def growth_sizes(rows: int, steps: int = 5) -> tuple[int, ...]:
    """Choose sizes that halve from ``rows`` down, ascending.

    >>> growth_sizes(1000, 3)
    (250, 500, 1000)
    """
    return tuple(rows // 2**step for step in reversed(range(steps)))


def _line(logs: Floats, values: Floats) -> Floats:
    """Fit a line to each row of ``values`` (fits, points); shape (fits, 2), intercept first."""
    design = np.column_stack([np.ones_like(logs), logs])
    return np.asarray((np.linalg.pinv(design) @ values.T).T)


def _band(value: float, drawn: Floats) -> Band:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="nearest")
    return Band(value, float(low), float(high))
