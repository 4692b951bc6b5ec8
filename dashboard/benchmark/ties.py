"""Whether the fastest index in target really is: which trials its p95 latency is not told apart from.

Two things make a difference that is none.  Other queries might have turned it round: the interval over the
queries holds zero.  Or the machine did: settings of one index take turns, but indexes are measured one after
another, and exact search, asked beside each, slowed down by as much as the two differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from dashboard.benchmark.compare import COMPARED, differ
from dashboard.benchmark.statistics import Verdict as Told
from dashboard.benchmark.verdict import Standing, Tie, Verdict, full_name, index_name, setting_name
from db.runs import EXACT, Figures, Trial

MOST = 12
"""Trials that are compared with the fastest: more, all equally good, would be no answer."""

NAMED = 3

_P95 = next(measure for measure in COMPARED if measure.key == "p95_ms")


def rivals(verdict: Verdict, trials: Sequence[Trial]) -> list[Trial]:
    """Choose what might be a tie with the fastest index in target, the fastest first.

    Other trials with an index that meet the target; where exact search meets it, which needs no index, it
    alone.
    """
    best = verdict.index
    if best is None:
        return []
    exact_will_do = verdict.cheapest is not best
    found = [
        trial
        for trial in trials
        if trial is not best
        and (trial.method == EXACT) is exact_will_do
        and verdict.standing(trial) in {Standing.IN_TARGET, Standing.CHEAPEST}
        and _may_tie(best, trial)
    ]
    return sorted(found, key=lambda trial: trial.measures["p95_ms"])[:MOST]


def weighed(verdict: Verdict, trials: Sequence[Trial], figures: Mapping[int, Figures]) -> Verdict:
    """Add to a verdict what ties with its fastest index, by the ``figures`` of every query, by position."""
    return replace(verdict, ties=tuple(_ties(verdict, trials, figures)))


def doubt(verdict: Verdict) -> str | None:
    """Say what is not told apart from the fastest index, and why not; None where nothing is."""
    best = verdict.index
    if best is None or not verdict.ties:
        return None
    named = verdict.ties[:NAMED]
    name_of = setting_name if all(index_name(t.trial) == index_name(best) for t in named) else full_name
    told = [f"{_name(tie, name_of)} ({_told(tie)})" for tie in named]
    told += [f"{len(verdict.ties) - NAMED} more"] if len(verdict.ties) > NAMED else []
    return f"No real difference at p95 between {full_name(best)} and {', '.join(told)}."


def _ties(verdict: Verdict, trials: Sequence[Trial], figures: Mapping[int, Figures]) -> Iterator[Tie]:
    best = verdict.index
    for other in rivals(verdict, trials):
        if best is None or not {best.position, other.position} <= figures.keys():
            continue
        first, second = figures[best.position], figures[other.position]
        # Both were asked the same queries; exact search perhaps the first of them alone.
        found = differ(_P95, first, second, paired=len(first.recalls) == len(second.recalls))
        drift = _drift(best, other)
        if found.verdict is Told.SAME or _drifted(best, other, drift):
            yield Tie(other, found, drift)


def _may_tie(best: Trial, other: Trial) -> bool:
    ours, theirs = best.measures, other.measures
    overlap = ours["p95_ms_high"] >= theirs["p95_ms_low"] and theirs["p95_ms_high"] >= ours["p95_ms_low"]
    return overlap or _drifted(best, other, _drift(best, other))


def _drift(best: Trial, other: Trial) -> float:
    ours, theirs = (trial.facts.get("noise", {}).get("control_ms") for trial in (best, other))
    return float(theirs / ours) if ours and theirs else 1.0


def _drifted(best: Trial, other: Trial, drift: float) -> bool:
    """Whether exact search changed the same way, and by no less than the two differ."""
    ratio = other.measures["p95_ms"] / best.measures["p95_ms"]
    return drift >= ratio > 1 or drift <= ratio < 1


def _name(tie: Tie, name_of: Callable[[Trial], str]) -> str:
    return "exact search" if tie.trial.method == EXACT else name_of(tie.trial)


def _told(tie: Tie) -> str:
    found = tie.p95_ms
    told = f"{found.delta:+.3g} ms [{found.low:+.3g}, {found.high:+.3g}]"
    if found.verdict is Told.SAME:
        return told
    slower = "longer" if tie.drift > 1 else "shorter"
    return f"{told}, but exact search took {abs(tie.drift - 1):.0%} {slower} beside it"
