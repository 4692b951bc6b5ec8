"""What many clients at once got: the points of a throughput curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dashboard.benchmark.statistics import Floats, interval
from db.arms import Arm
from db.engine import Database
from db.load import Load, offer
from db.words import counted

SLICES = 20
"""Parts of the time whose rates are resampled for the interval of the whole."""


SETTLING_S = 1.5
"""What it takes, about, until so many clients are started, connected and warm."""


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """``clients`` asking together: by a closed loop where ``rate`` is 0, else by an open one at that rate.

    ``qps`` counts the queries answered within ``seconds``; its bounds come from how it varied in between.
    """

    clients: int
    rate: float
    seconds: float
    queries: int
    errors: int
    qps: float
    qps_low: float
    qps_high: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


def measure_load(
    database: Database,
    arm: Arm,
    queries: Sequence[bytes],
    *,
    clients: Sequence[int],
    seconds: int,
    rate: int,
    seed: int,
    tell: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Ask with each number of clients by a closed loop, and with the most by an open one at ``rate``.

    ``tell`` hears what is going on, a few times a second; what it raises ends the measuring.
    """
    levels = [(number, 0.0) for number in clients] + ([(max(clients), float(rate))] if rate else [])
    points = []
    for number, offered in levels:
        how = counted(number, "client") + (f" at {offered:,.0f}/s" if offered else "")
        load = offer(
            database,
            arm,
            queries,
            clients=number,
            seconds=seconds,
            rate=offered,
            watch=lambda how=how: tell(how),  # type: ignore[misc]
        )
        points.append(asdict(summarise(load, seed=seed)))
    return points


def summarise(load: Load, *, seed: int) -> LoadPoint:
    """Draw the figures from what was observed.

    Percentiles are of every query that was asked; those of an open loop count the waiting, too.
    """
    inside = load.finished_s[load.finished_s <= load.seconds]
    counts, _ = np.histogram(inside, SLICES, (0, load.seconds))
    qps = counts * (SLICES / load.seconds)
    low, high = interval((qps.astype(np.float64),), _mean, seed=seed)
    asked = load.latencies_ms if len(load.latencies_ms) else np.array([np.nan])
    p50, p95, p99 = np.percentile(asked, [50, 95, 99]).tolist()
    return LoadPoint(
        clients=load.clients,
        rate=load.rate,
        seconds=load.seconds,
        queries=len(load.latencies_ms),
        errors=load.errors,
        qps=float(qps.mean()),
        qps_low=low,
        qps_high=high,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
    )


def _mean(values: Floats) -> Floats:
    return np.asarray(values.mean(axis=-1))
