"""The arms of a run over several sizes: how each index and setting grows, and where it crosses the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dashboard.benchmark.growth import LEAST_SIZES, Band, Growth, fit
from dashboard.benchmark.target import Target
from dashboard.benchmark.verdict import full_name
from db.runs import COPY, EXACT, Trial

FAR = 100
"""A crossing beyond this many times the rows measured is not told as a number: too little is known there."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One index and setting over all sizes, the smallest first; ``growth`` None with too few of them."""

    name: str
    trials: tuple[Trial, ...]
    growth: Growth | None

    @property
    def is_exact(self) -> bool:
        """Whether it is exact search."""
        return self.trials[0].method == EXACT


def arms(trials: Sequence[Trial]) -> tuple[Arm, ...]:
    """Group the trials of one k and filter by index and setting."""
    grouped: dict[str, list[Trial]] = {}
    for trial in sorted(trials, key=lambda t: t.rows or 0):
        if trial.is_measured and trial.rows:
            grouped.setdefault(full_name(trial), []).append(trial)
    found = [Arm(name, tuple(group), fit(group)) for name, group in grouped.items()]
    return tuple(sorted(found, key=lambda arm: not arm.is_exact))


def grown(trials: Sequence[Trial]) -> tuple[Arm, ...]:
    """Choose the arms of trials of one k and filter that were measured on copies of several sizes, if any.

    Of an index that was built several times, the first build.
    """
    copies = [trial for trial in trials if trial.arm == COPY and "build" not in trial.options]
    return arms(copies) if len({trial.rows for trial in copies if trial.rows}) > 1 else ()


def to_document(arm: Arm, target: Target) -> dict[str, Any]:
    """Put an arm's growth together: latency = exp(``intercept``) * rows ** ``exponent``, null when unknown.

    ``crossing_rows`` is over how many rows p95 reaches the target's latency; a bound that is null is beyond
    all numbers.  ``forecast`` is the latency at twice the rows that were measured.
    """
    growth, first = arm.growth, arm.trials[0]
    crossing = growth.crossing(target.p95_ms) if growth else None
    return {
        "arm": arm.name,
        "index": first.method,
        "options": first.options,
        "setting": first.setting,
        "k": first.k,
        "subset": first.subset,
        "sizes": [_size(trial) for trial in arm.trials],
        "exponent": asdict(growth.exponent) if growth else None,
        "intercept": growth.intercept if growth else None,
        "scatter": growth.scatter if growth else None,
        "forecast": {"rows": 2 * growth.largest, **asdict(growth.at(2 * growth.largest))} if growth else None,
        "budget_ms": target.p95_ms,
        "crossing_rows": {end: _finite(rows) for end, rows in asdict(crossing).items()} if crossing else None,
        "said": growth_in_words(arm, target),
    }


def _size(trial: Trial) -> dict[str, Any]:
    figures = {name: trial.measures[name] for name in ("p95_ms", "p95_ms_low", "p95_ms_high")}
    return {"position": trial.position, "rows": trial.rows, **figures}


def _finite(rows: float) -> float | None:
    return rows if math.isfinite(rows) else None


def growth_in_words(arm: Arm, target: Target) -> str:
    """Say where an arm crosses the target's latency, and by which power of the rows it grows."""
    if arm.growth is None:
        return crossing_in_words(arm, target)
    power = arm.growth.exponent
    grows = f"p95 ~ rows ** {power.value:.2f} [{power.low:.2f}, {power.high:.2f}]."
    return f"{crossing_in_words(arm, target)} {grows}"


def crossing_in_words(arm: Arm, target: Target) -> str:
    """Say over how many rows an arm reaches the target's latency, or why that is not known."""
    name = "Exact search" if arm.is_exact else arm.name
    wanted, sizes = f"{target.p95_ms:g} ms", sorted({t.rows or 0 for t in arm.trials})
    if arm.growth is None:
        return (
            f"{name}: measured on {len(sizes)} sizes; a line needs {LEAST_SIZES}, so its growth is unknown."
        )
    band = arm.growth.crossing(target.p95_ms)
    if band is None:
        return (
            f"{name} does not grow measurably up to {sizes[-1]:,} rows; where it reaches {wanted} is unknown."
        )
    if band.value < sizes[0]:
        return f"{name} is past {wanted} on every size measured, from {sizes[0]:,} rows on."
    if band.value > sizes[-1] * FAR:
        return (
            f"{name} stays below {wanted} far beyond the {sizes[-1]:,} rows measured; "
            f"a number for more than {FAR} times these would be a guess."
        )
    rows = f"~{_round(band.value)} rows {_interval(band, sizes[-1])}"
    return f"{name} reaches {wanted} at {rows}{_beyond(band, sizes)}."


def _beyond(band: Band, sizes: Sequence[int]) -> str:
    times = band.value / sizes[-1]
    return f", an estimate {times:.1f} times beyond what was measured" if times > 1.5 else ""


def _interval(band: Band, largest: int) -> str:
    if band.high > largest * FAR:
        return f"[from {_round(band.low)}; how far up is unknown]"
    return f"[{_round(band.low)} to {_round(band.high)}]"


def _round(rows: float) -> str:
    """Write an estimate of rows with the two digits that it may have.

    >>> _round(312_345.0), _round(7.3)
    ('310,000', '7')
    """
    digits = max(0, math.floor(math.log10(max(rows, 1))) - 1)
    return f"{round(rows, -digits):,.0f}"
