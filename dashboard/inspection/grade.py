"""One letter for a column, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.inspection.checks import CHECKS
from dashboard.inspection.finding import Finding, Verdict


@dataclass(frozen=True, slots=True)
class Grade:
    """A letter from A to E, the sentence that goes with it, and the checks that hold the column back.

    ``worst`` names checks by key, the worst first: those to act on, else those to watch.
    """

    letter: str
    sentence: str
    worst: tuple[str, ...]


GRADES = {
    "A": "Fit for search.",
    "B": "Fit for search, with something to see to.",
    "C": "Searchable, but answers suffer.",
    "D": "Answers cannot be trusted yet.",
    "E": "Not fit for search.",
}
"""A: nothing to act on and at most two things to watch.  B: one thing to act on, or more to watch.
C, D: two, three things to act on.  E: more, or nothing there to search."""

WATCHED_FOR_A = 2


def grade(findings: Mapping[str, Finding]) -> Grade:
    """Grade a column by what its checks found, by their keys."""
    act, watch = (
        tuple(
            check.key for check in CHECKS if check.key in findings and findings[check.key].verdict is verdict
        )
        for verdict in (Verdict.ACT, Verdict.WATCH)
    )
    coverage = findings.get("coverage")
    if coverage is None or not coverage.value:
        return Grade("E", "There is no vector to search.", ("coverage",))
    letter = "BCDE"[min(len(act), 4) - 1] if act else "A" if len(watch) <= WATCHED_FOR_A else "B"
    worst = act or watch
    return Grade(letter, f"{GRADES[letter]}{_because(worst, acting=bool(act))}", worst)


def _because(worst: tuple[str, ...], *, acting: bool) -> str:
    if not worst:
        return " Every check is good."
    names = [f"**{check.label}**" for check in CHECKS if check.key in worst]
    named = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    verb = "holds it back" if len(names) == 1 and acting else "hold it back" if acting else "to watch"
    return f" {named} {verb}." if acting else f" Only {named} {verb}."
