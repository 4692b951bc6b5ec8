"""What a check says: a figure with its interval, a verdict, a sentence, and the rows behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from dashboard.inspection.evidence import Evidence
from dashboard.inspection.statistics import Interval
from db.columns import VECTOR_TYPES


class Verdict(Enum):
    """How a figure is judged; ``SILENT`` where the check does not apply or there was too little to see."""

    GOOD = "good"
    WATCH = "watch"
    ACT = "act"
    SILENT = "not measured"


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a figure is to be watched, and from where on acted on; beyond is worse.

    ``falling`` where less is worse.  ``reason`` says why these, or where they come from.
    """

    watch: float
    act: float
    reason: str
    falling: bool = False

    def judge(self, value: float) -> Verdict:
        """Judge a figure; a limit itself is still on the better side."""
        sign = -1 if self.falling else 1
        if sign * value > sign * self.act:
            return Verdict.ACT
        return Verdict.WATCH if sign * value > sign * self.watch else Verdict.GOOD


@dataclass(frozen=True, slots=True)
class Named:
    """Rows of another kind that a check comes upon: the first 100 of ``total`` by key."""

    label: str
    rows: tuple[str, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    ``value`` is the figure: a share in [0, 1], a count or a measure, as the check's unit says; None where
    nothing was measured.  ``n`` is how many rows it rests on, and ``exact`` that these were all.  ``rows``
    names the first 100 of ``total`` rows; ``problem`` is what ``db.quality.rows_sql`` calls them, "" where
    there are none.  ``usual`` is what most vectors of a column of any dimensions have.
    """

    shown: str
    verdict: Verdict
    sentence: str
    value: float | None = None
    note: str = ""
    n: int = 0
    exact: bool = False
    interval: Interval | None = None
    rows: tuple[str, ...] = ()
    problem: str = ""
    total: int = 0
    usual: int | None = None
    beside: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One question put to a column's vectors.

    ``unit`` is "share", "dimensions", "cosine", "directions" or "skew"; ``types`` are the vector types it
    makes sense for.
    """

    key: str
    label: str
    icon: str
    unit: str
    meaning: str
    limits: Limits
    of: Callable[[Evidence, Limits], Finding]
    types: frozenset[str] = frozenset(VECTOR_TYPES)

    def find(self, evidence: Evidence) -> Finding:
        """Look at the evidence; SILENT where the check does not apply to the column's type."""
        if evidence.column.type not in self.types:
            return silent(f"Does not apply to {evidence.column.type}.")
        return self.of(evidence, self.limits)


def silent(sentence: str) -> Finding:
    """Make the finding of a check that had nothing to say."""
    return Finding("—", Verdict.SILENT, sentence)


def percent(share: float) -> str:
    """Write a share as a percentage, with as many digits as tell something.

    >>> percent(0.9982), percent(0.00153), percent(0), percent(1), percent(0.00001)
    ('99.82 %', '0.15 %', '0 %', '100 %', '<0.01 %')
    """
    if share in {0, 1}:
        return f"{share:.0%}".replace("%", " %")
    if share < 0.0001:
        return "<0.01 %"
    return f"{min(100 * share, 99.99):.2f}".rstrip("0").rstrip(".") + " %"
