"""When exact search will be over its budget: at how many rows, and, where the pace is known, on what day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

Point = tuple[int, float, float, float]
"""A size at which exact search was timed: rows, p95 in ms, and the ends of its 95 % interval."""

Fit = Callable[[Sequence[Point], float], "tuple[float, float, float] | None"]
"""From points over several sizes and a latency in ms: the rows at which it is reached, with bounds."""

FARTHEST_DAYS = 3650
"""Beyond ten years a day is no forecast."""

LEAST_DAYS = 1.0
"""Two looks nearer to each other tell how a load went, not how a table grows."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """The rows at which the budget is reached; ``high`` may be infinite.  ``basis`` says what it rests on."""

    rows: float
    low: float
    high: float
    basis: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a table has grown since ``since``; ``basis`` says who counted."""

    rows_a_day: float
    since: datetime
    basis: str


@dataclass(frozen=True, slots=True)
class Due:
    """The day the budget is reached, and the band's ends; None beyond FARTHEST_DAYS."""

    day: date | None
    early: date | None
    late: date | None

    def __str__(self) -> str:
        ends = f"{self.early or 'not within ten years'} to {self.late or 'never'}"
        return f"{self.day or 'ten years from now'} ({ends})"


def in_proportion(  # noqa: PLR0917 - a size, its p95 and interval, as a Point has them
    rows: int, p95_ms: float, low_ms: float, high_ms: float, budget_ms: float, origin: str = "one size"
) -> Crossing:
    """Take the time of exact search to be proportional to the rows it reads.

    >>> in_proportion(1000, 10, 8, 12.5, 20).rows
    2000.0
    """
    scale = rows * budget_ms
    basis = f"{origin}, in proportion to the rows"
    return Crossing(scale / p95_ms, scale / high_ms, scale / low_ms, basis)


def along(points: Sequence[Point], budget_ms: float, fit: Fit) -> tuple[float, float, float] | None:
    """Follow the table's own line to the budget; None until it has doubled.

    A line through sizes that barely differ could point anywhere.
    """
    sizes = [rows for rows, *_ in points]
    if not sizes or max(sizes) < 2 * min(sizes):
        return None
    return fit(points, budget_ms)


def pace(looks: Sequence[tuple[datetime, int]], basis: str = "") -> Pace | None:
    """Tell how fast a table grew from its first look to its last; None within LEAST_DAYS."""
    if not looks:
        return None
    (since, before), (until, after) = min(looks), max(looks)
    days = (until - since) / timedelta(days=1)
    return None if days < LEAST_DAYS else Pace((after - before) / days, since, basis)


def due(crossing: Crossing, rows: int, growing: Pace, today: date) -> Due:
    """Tell on what day the crossing is reached at this pace."""
    return Due(*(_day(at, rows, growing, today) for at in (crossing.rows, crossing.low, crossing.high)))


def _day(at: float, rows: int, growing: Pace, today: date) -> date | None:
    if growing.rows_a_day <= 0:
        return None
    days = max(0.0, (at - rows) / growing.rows_a_day)
    return today + timedelta(days=round(days)) if days <= FARTHEST_DAYS else None
