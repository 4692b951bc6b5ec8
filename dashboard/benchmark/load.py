"""What many clients at once got: the points of a throughput curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


LIVE_ALONE = "Clients ask the copy alone: the live table, which others are using, is asked by one client."


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """``clients`` asking together: by a closed loop where ``rate`` is 0, else by an open one at that rate.

    ``qps`` counts the queries answered within ``seconds``; its bounds come from how it varied in between.
    Of the queries ``due``, ``unsent`` never got their turn: the rate was beyond the server.  They count
    among the percentiles with the time they had waited, which are then the least they can have been.
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
    due: int
    unsent: int


def sent_of_due(point: Mapping[str, Any]) -> str | None:
    """Say how many of the queries that an open loop owed were sent; None of a closed one.

    ``point`` is as it was stored, by an earlier release perhaps, which did not count them.

    >>> sent_of_due({"rate": 500.0, "due": 1_000, "unsent": 600})
    '400 of 1,000'
    """
    if not point["rate"] or "due" not in point:
        return None
    return f"{point['due'] - point['unsent']:,} of {point['due']:,}"


def overload(point: Mapping[str, Any]) -> str | None:
    """Say that the rate of a stored point was beyond the server; None where it was not."""
    if not point.get("unsent"):
        return None
    return (
        f"overloaded at {point['rate']:,.0f}/s: {sent_of_due(point)} queries due were sent; the others count "
        "with how long they had waited, so that the percentiles are the least they can be."
    )


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

    Percentiles are of every query that was asked; those of an open loop count the waiting, too, and also
    that of the queries it never came to (coordinated omission: Gil Tene, "How NOT to Measure Latency").
    """
    inside = load.finished_s[load.finished_s <= load.seconds]
    counts, _ = np.histogram(inside, SLICES, (0, load.seconds))
    qps = counts * (SLICES / load.seconds)
    low, high = interval((qps.astype(np.float64),), _mean, seed=seed)
    unsent = len(load.unsent_ms)
    waited = np.concatenate([load.latencies_ms, load.unsent_ms])
    p50, p95, p99 = np.percentile(waited if len(waited) else [np.nan], [50, 95, 99]).tolist()
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
        due=len(load.latencies_ms) + load.errors + unsent,
        unsent=unsent,
    )


def _mean(values: Floats) -> Floats:
    return np.asarray(values.mean(axis=-1))
