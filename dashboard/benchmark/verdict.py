"""What a run's trials say against a target: which setting is the cheapest that meets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from dashboard.benchmark.statistics import Difference
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import NEIGHBOURS
from db.runs import COPY, EXACT, LIVE, Trial

METHOD_LABELS = {EXACT: "Exact", "hnsw": "HNSW", "ivfflat": "IVFFlat"}


class Standing(Enum):
    """Where a trial stands against a target."""

    CHEAPEST = "cheapest in target"
    FIRST = "fastest, no real difference"
    TIED = "no real difference"
    IN_TARGET = "in target"
    MISSES_RECALL = "misses recall"
    TOO_SLOW = "too slow"
    REACHES_RECALL = "reaches recall"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Tie:
    """A trial whose p95 latency is not told apart from that of the fastest index in target.

    ``p95_ms`` is its latency less the other's, with the interval that the queries leave.  ``drift``: how
    many times as long exact search took beside it as beside the other; 1 where they took turns.
    """

    trial: Trial
    p95_ms: Difference
    drift: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """A run judged.

    ``cheapest`` is None where no trial meets the target.  The others are trials with an index: ``index``
    the fastest in target, ``surer`` the fastest whose recall meets it with its whole 95 % interval, and
    ``nearest`` the fastest of those that are accurate enough, else the most accurate.  ``ties`` are what is
    not told apart from ``index``, once the figures of every query have been weighed.
    """

    target: Target
    exact: Trial | None
    cheapest: Trial | None
    index: Trial | None
    surer: Trial | None
    nearest: Trial | None
    ties: tuple[Tie, ...] = ()

    def standing(self, trial: Trial) -> Standing:
        """Say where one of the run's trials stands."""
        if not trial.is_measured:
            return Standing.VOID
        if trial is self.cheapest:
            return Standing.FIRST if self.ties and trial is self.index else Standing.CHEAPEST
        if any(trial is tie.trial for tie in self.ties):
            return Standing.TIED
        if trial.measures["recall"] < self.target.recall:
            return Standing.MISSES_RECALL
        if trial.is_short:
            return Standing.REACHES_RECALL
        return Standing.TOO_SLOW if trial.measures["p95_ms"] > self.target.p95_ms else Standing.IN_TARGET


def judge(trials: Sequence[Trial], target: Target) -> Verdict:
    """Find the cheapest trial in target: exact search where it is quick enough, for it needs no index.

    Among indexes the fastest at p95 is the cheapest: by the figures alone, which ties.weighed then doubts.
    Short trials do not compete.
    """
    whole = (t for t in trials if t.is_measured and not t.is_short)
    measured = sorted(whole, key=lambda t: t.measures["p95_ms"])
    inside = [t for t in measured if _meets(t, target, "recall")]
    exact = next((t for t in measured if t.method == EXACT), None)
    indexed = [t for t in measured if t.method != EXACT]
    index = next((t for t in indexed if t in inside), None)
    accurate = (t for t in indexed if t.measures["recall"] >= target.recall)
    return Verdict(
        target=target,
        exact=exact,
        cheapest=exact if exact in inside else index,
        index=index,
        surer=next((t for t in indexed if _meets(t, target, "recall_low")), None),
        nearest=next(accurate, max(indexed, key=lambda t: t.measures["recall"], default=None)),
    )


def _meets(trial: Trial, target: Target, recall: str) -> bool:
    return trial.measures[recall] >= target.recall and trial.measures["p95_ms"] <= target.p95_ms


def alike(trials: Sequence[Trial], k: int | None = None, subset: str | None = None) -> list[Trial]:
    """Choose the trials that compare: on the largest copy, of one ``k`` and subset (the first's, else).

    Short trials do not: few queries had decided their recall.
    """
    copies = [trial for trial in trials if trial.arm == COPY and not trial.is_short]
    if k is None and copies:
        k, subset = copies[0].k, copies[0].subset
    same = [trial for trial in copies if (trial.k, trial.subset) == (k, subset)]
    most = max((trial.rows for trial in same if trial.rows), default=None)
    return [trial for trial in same if trial.rows in {None, most}]


class Setup(Protocol):
    """A trial, planned or carried out."""

    @property
    def method(self) -> str:
        """``exact``, or an index method."""
        ...

    @property
    def options(self) -> Mapping[str, int | str]:
        """What the index is built with."""
        ...

    @property
    def setting(self) -> Mapping[str, int | str]:
        """What it is searched with."""
        ...

    @property
    def k(self) -> int | None:
        """How many neighbours are asked for; None in runs of earlier releases."""
        ...

    @property
    def subset(self) -> str | None:
        """The rows its searches are limited to; None without a filter."""
        ...


def index_name(trial: Setup) -> str:
    """Name the index of a trial with its build options: ``HNSW m=16, ef_construction=64``, or ``Exact``."""
    options = ", ".join(f"{name}={value}" for name, value in trial.options.items())
    return f"{METHOD_LABELS[trial.method]} {options}".strip()


def full_name(trial: Setup) -> str:
    """Name a trial by its index and, where there is one, how it is searched."""
    return f"{index_name(trial)}, {setting_name(trial)}" if trial.setting else index_name(trial)


def place_name(trial: Trial) -> str:
    """Name where a trial searched, before its index's name: nothing of a copy."""
    return "live table: " if trial.arm == LIVE else ""


def setting_name(trial: Setup) -> str:
    """Name how a trial searched: ``ef_search=80, where 1 %``, ``no index``, or as the live table is today."""
    nothing = "no index" if trial.method == EXACT else "as it is today"
    named = [f"{name}={value}" for name, value in trial.setting.items()] or [nothing]
    named += [f"k={trial.k}"] if trial.k not in {None, NEIGHBOURS.default} else []
    named += [f"where {trial.subset}"] if trial.subset else []
    return ", ".join(named)
