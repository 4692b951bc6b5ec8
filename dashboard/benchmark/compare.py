"""Two runs beside each other: the trials they share, what changed, and whether that is a real difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.benchmark.machine import SERVER_HERE
from dashboard.benchmark.measures import MEASURES, Measure
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.statistics import Difference, Floats, difference
from db.runs import EXACT, Figures, Run, Trial

COMPARED = tuple(m for m in MEASURES if m.key in {"recall", "p50_ms", "p95_ms", "qps"})
"""The measures that are compared, each drawn from the figures per query that a run keeps."""

_SAME_QUERIES = ("column", "distance", "seed", "queries", "query_source", "sample_rows", "sizes")
"""What of two plans must agree for both runs to have asked the same of a table that did not change."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One index and setting that both runs measured; ``differences`` by measure, ``after`` less ``before``.

    ``paired``: both asked the same queries, so that each query is compared with itself.
    """

    before: Trial
    after: Trial
    paired: bool
    differences: Mapping[str, Difference]


def asked_the_same(before: Run, after: Run) -> bool:
    """Tell whether two runs asked the same queries of the same rows."""
    same_rows = before.fingerprint_before == after.fingerprint_before and before.rows == after.rows
    first, second = BenchmarkPlan.from_params(before.plan), BenchmarkPlan.from_params(after.plan)
    return same_rows and all(getattr(first, name) == getattr(second, name) for name in _SAME_QUERIES)


def matched(before: Sequence[Trial], after: Sequence[Trial]) -> list[tuple[Trial, Trial]]:
    """Pair the measured trials of one arm, index and setting, on the most rows; of one k and filter both."""
    known = _by_setup(before)
    return [(known[setup], trial) for setup, trial in _by_setup(after).items() if setup in known]


def compare(
    before: Run,
    after: Run,
    pairs: Sequence[tuple[Trial, Trial]],
    figures_before: Mapping[int, Figures],
    figures_after: Mapping[int, Figures],
) -> list[Pair]:
    """Compare matched trials by the figures of every query; the same runs always give the same intervals."""
    same = asked_the_same(before, after)
    return [
        _pair(first, second, figures_before[first.position], figures_after[second.position], same=same)
        for first, second in pairs
    ]


def drift(pairs: Sequence[Pair]) -> float | None:
    """Tell how many times as long exact search took in the second run: the machine's part in latency."""
    exact = next((p for p in pairs if p.after.method == EXACT and p.after.arm == "copy"), None)
    return exact.after.measures["p50_ms"] / exact.before.measures["p50_ms"] if exact else None


def other_cpu(before: Run, after: Run) -> str | None:
    """Say that two runs were measured on processors of other models; None where that is not known.

    The server's own is known of a server on the client's machine.
    """
    was, now = before.environment or {}, after.environment or {}
    first, second = (known.get("client", {}).get("cpu") for known in (was, now))
    if not first or not second or first == second:
        return None
    if was.get("server") == now.get("server") == SERVER_HERE:
        told = f"The processor is another: {first} → {second}, of server and client."
    else:
        told = f"The client's processor is another: {first} → {second}; the server's is not known."
    return f"{told} Latencies and build times are the machine's as much as the index's."


def changed(before: Run, after: Run) -> list[str]:
    """Say what else is another than it was: versions, rows, machine, settings; of what both runs tell."""
    was, now = _circumstances(before), _circumstances(after)
    both = [name for name in was if name in now]
    return [f"{name} {was[name]} → {now[name]}" for name in both if was[name] != now[name]]


_VERSIONS = ("postgresql", "pgvector", "rows", "vectorscope", "server", "storage")
_MACHINE = {"cpus": "CPUs", "memory_bytes": "bytes of memory", "system": "system", "kernel": "kernel"}


def _circumstances(run: Run) -> dict[str, str]:
    """Name what a run depends on; its processor is told by ``other_cpu``."""
    return dict(_told(run.environment or {}))


def _told(known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    client, settings = known.get("client", {}), known.get("settings", {})
    facts = {name: known.get(name) for name in _VERSIONS}
    # "PostgreSQL 18.1 on x86_64-pc-linux-gnu, compiled by gcc ...": its version is told already.
    facts |= {"build": known.get("build", "").partition(" on ")[2] or None}
    facts |= {label: client.get(name) for name, label in _MACHINE.items()}
    facts |= {name: settings[name] for name in sorted(settings)}
    for name, value in facts.items():
        if value is not None:
            yield name, f"{value:,}" if isinstance(value, int) else str(value)


def _by_setup(trials: Sequence[Trial]) -> dict[object, Trial]:
    whole = [trial for trial in trials if trial.is_measured and not trial.is_short]
    largest = {_setup(trial): trial for trial in sorted(whole, key=lambda t: t.rows or 0)}
    return {_setup(trial): largest[_setup(trial)] for trial in whole}


def _setup(trial: Trial) -> object:
    options, setting = sorted(trial.options.items()), sorted(trial.setting.items())
    return (trial.arm, trial.method, str(options), str(setting))


def _pair(before: Trial, after: Trial, first: Figures, second: Figures, *, same: bool) -> Pair:
    paired = same and len(first.recalls) == len(second.recalls)
    return Pair(before, after, paired, {m.key: differ(m, first, second, paired=paired) for m in COMPARED})


def differ(measure: Measure, first: Figures, second: Figures, *, paired: bool) -> Difference:
    """Take one of COMPARED of the second trial less that of the first; always with the same interval."""
    return difference(
        _values(measure, first),
        _values(measure, second),
        measure.reduce,
        paired=paired,
        seed=0,
        better=measure.better,
    )


def _values(measure: Measure, figures: Figures) -> Floats:
    """Shape (queries,) or (queries, repeats)."""
    if measure.key == "recall":
        return np.asarray(figures.recalls, np.float64)
    return np.asarray(figures.latencies_ms, np.float64).reshape(len(figures.recalls), -1)
