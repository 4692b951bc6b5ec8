"""The measures: each a named number drawn from what a trial observed, with what a chart needs to show it.

Every measure reduces the values of each query, so that its interval comes from the same function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dashboard.benchmark.statistics import Floats, Reduce, interval
from dashboard.benchmark.target import WANTED_RECALL
from db.distance import Distance

RECALL_TOLERANCE = 1e-6
"""Slack on the k-th true distance: about what pgvector's sums in float32 may be off.
ann-benchmarks allows 1e-3, which counts rows as found that are plainly farther."""


ROUNDING = 1e-9
"""Nine of ten are a recall of 0.9, however the share is rounded."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What one index with one search setting answered, query by query."""

    latencies_ms: Floats
    """Shape (queries, repeats)."""
    recalls: Floats
    """Share of the k nearest that were found, for each query; shape (queries,)."""
    missing: Floats
    """Share of the k rows asked for that did not come back, for each query; shape (queries,)."""
    control_ms: Floats
    """Latencies of exact search in the same minutes; shape (control queries,)."""
    wanted_recall: float = WANTED_RECALL
    """What each query's recall should reach."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number with its unit and direction: ``reduce`` of the arms that ``sample`` takes."""

    key: str
    label: str
    unit: str
    better: Literal["higher", "lower"]
    sample: Callable[[Observed], tuple[Floats, ...]]
    reduce: Reduce

    def of(self, observed: Observed) -> float:
        """The measure's value."""
        return float(self.reduce(*(arm.ravel() for arm in self.sample(observed))))


def recalls(found: Floats, truth: Floats, distance: Distance) -> Floats:
    """Share of answers no farther than the k-th true neighbour, in [0, 1], for each query.

    ``found`` are true distances of what came back, inf where nothing did; ``truth`` those of the exact
    answer, ascending; both of shape (queries, k), the latter narrower where there are fewer rows than k.
    """
    threshold = truth[:, -1:]
    # A cosine distance is 1 less a product, and only as exact as that 1.
    scale = 1.0 if distance is Distance.COSINE else np.abs(truth).max(axis=1, keepdims=True)
    near = found <= threshold + RECALL_TOLERANCE * scale
    return np.asarray(near.sum(axis=1) / truth.shape[1])


def _latencies(observed: Observed) -> tuple[Floats]:
    return (observed.latencies_ms,)


def _recalls(observed: Observed) -> tuple[Floats]:
    return (observed.recalls,)


def _below(observed: Observed) -> tuple[Floats]:
    return (np.asarray(observed.recalls < observed.wanted_recall - ROUNDING, np.float64),)


def _missing(observed: Observed) -> tuple[Floats]:
    return (observed.missing,)


def _control_and_own(observed: Observed) -> tuple[Floats, Floats]:
    return observed.control_ms, observed.latencies_ms


def _ratio_of_medians(control_ms: Floats, own_ms: Floats) -> Floats:
    return np.asarray(np.median(control_ms, axis=-1) / np.median(own_ms, axis=-1))


def _mean(values: Floats) -> Floats:
    return np.asarray(values.mean(axis=-1))


def _percentile(percent: float) -> Reduce:
    return lambda values: np.asarray(np.percentile(values, percent, axis=-1))


def _per_second(latencies_ms: Floats) -> Floats:
    return np.asarray(1000 / latencies_ms.mean(axis=-1))


def _worst_decile(values: Floats) -> Floats:
    worst = max(1, values.shape[-1] // 10)
    return np.asarray(np.partition(values, worst - 1, axis=-1)[..., :worst].mean(axis=-1))


MEASURES = (
    Measure("recall", "Recall@k", "", "higher", _recalls, _mean),
    Measure("worst_decile", "Recall@k, worst tenth of queries", "", "higher", _recalls, _worst_decile),
    Measure("below_target", "Queries below target recall", "", "lower", _below, _mean),
    Measure("under_fill", "Rows missing", "", "lower", _missing, _mean),
    Measure("p50_ms", "Latency p50", "ms", "lower", _latencies, _percentile(50)),
    Measure("p95_ms", "Latency p95", "ms", "lower", _latencies, _percentile(95)),
    Measure("p99_ms", "Latency p99", "ms", "lower", _latencies, _percentile(99)),
    Measure("qps", "Queries per second, one client", "1/s", "higher", _latencies, _per_second),
    Measure("speedup", "Times as fast as exact, median", "x", "higher", _control_and_own, _ratio_of_medians),
)


def measure(observed: Observed, *, seed: int) -> dict[str, float]:
    """Take every measure, and its interval under the same key with ``_low`` and ``_high``."""
    measured: dict[str, float] = {}
    for each in MEASURES:
        low, high = interval(each.sample(observed), each.reduce, seed=seed)
        measured |= {each.key: each.of(observed), f"{each.key}_low": low, f"{each.key}_high": high}
    return measured
