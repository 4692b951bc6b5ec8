"""How quiet the machine was while a trial was timed: what else it did, what it lost, how it drifted.

One query at a time keeps one processor busy, here or at the server; whatever more is busy is somebody
else's.  Exact search is asked in between every trial's queries: where its own latencies differ widely,
so did the machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import psutil

from dashboard.benchmark.statistics import Floats
from db.runs import EXACT, Trial
from db.words import counted

STEAL = 0.02
"""Share of processor time that the host gave to other machines, from which on a trial is noisy."""

OTHERS = 0.5
"""Processors kept busy by others, from which on a trial is noisy."""

SPREAD = 0.5
"""Interquartile range of the control over its median, from which on a trial is noisy; quiet it is 0.2."""

DRIFT = 1.5
"""The slowest trial's control over the quickest's, from which on trials of a run do not compare."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """What this machine did beside the timing: shares of one or of all processors, and the load average."""

    others_cpus: float
    steal: float
    load_average: float


@contextmanager
def watched() -> Iterator[list[Quiet]]:
    """Watch this machine's processors; the list holds the one answer afterwards."""
    seen: list[Quiet] = []
    before = psutil.cpu_times()
    yield seen
    after = psutil.cpu_times()
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields}
    total = sum(spent.values()) - spent.get("guest", 0) - spent.get("guest_nice", 0)
    if total <= 0:
        return
    cpus = psutil.cpu_count() or 1
    idle = spent["idle"] + spent.get("iowait", 0)
    busy = cpus * (1 - idle / total)
    seen.append(Quiet(max(0.0, busy - 1), spent.get("steal", 0) / total, os.getloadavg()[0]))


def noise(control_ms: Floats, quiet: Sequence[Quiet]) -> dict[str, Any]:
    """Put a trial's noise together: its control in ms, what ``watched`` saw, and whether it is too much."""
    low, median, high = np.percentile(control_ms, [25, 50, 75]).tolist()
    spread = (high - low) / median
    seen = asdict(quiet[0]) if quiet else {}
    noisy = spread > SPREAD or seen.get("steal", 0) > STEAL or seen.get("others_cpus", 0) > OTHERS
    return {"control_ms": median, "control_spread": spread, **seen, "noisy": noisy}


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
    """Judge a run by the noise of its trials, with a sentence for whatever was too much."""
    heard = [trial.facts["noise"] for trial in trials if "noise" in trial.facts]
    found = {
        "noisy_trials": sum(each["noisy"] for each in heard),
        "steal": max((each.get("steal", 0.0) for each in heard), default=0.0),
        "others_cpus": max((each.get("others_cpus", 0.0) for each in heard), default=0.0),
        "drift": max((_drift(group) for group in _alike(trials)), default=1.0),
    }
    remarks = list(_remarks(found, len(heard)))
    return {**found, "noisy": bool(remarks), "remarks": remarks}


def _remarks(found: Mapping[str, Any], trials: int) -> Iterator[str]:
    if found["noisy_trials"]:
        yield f"The machine was not quiet during {found['noisy_trials']} of {counted(trials, 'trial')}."
    if found["steal"] > STEAL:
        yield f"The host took {found['steal']:.0%} of the processor's time away."
    if found["others_cpus"] > OTHERS:
        yield f"Others kept {found['others_cpus']:.1f} processors busy."
    if found["drift"] > DRIFT:
        yield f"Exact search took {found['drift']:.1f} times as long in some trials as in others."


def _alike(trials: Sequence[Trial]) -> list[list[float]]:
    """Gather the control's medians by what was searched: only the same search compares."""
    groups: dict[tuple[Any, ...], list[float]] = {}
    for trial in trials:
        if trial.method != EXACT and "noise" in trial.facts:
            key = (trial.arm, trial.rows, trial.k, trial.subset)
            groups.setdefault(key, []).append(trial.facts["noise"]["control_ms"])
    return list(groups.values())


def _drift(controls: Sequence[float]) -> float:
    return max(controls) / min(controls)
