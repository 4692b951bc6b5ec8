"""One letter for a column, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.inspection.checks import CHECKS
from dashboard.inspection.evidence import K
from dashboard.inspection.finding import Finding, Verdict, percent


@dataclass(frozen=True, slots=True)
class Grade:
    """A letter from A to E or UNGRADED, the sentence with it, and the checks that hold the column back.

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
C, D: two, three things to act on.  E: more, or nothing there to search.  However little there is to act
on, a column of which LOST is in no answer is no better than D or E."""

UNGRADED = "—"
"""Stands for the letter of a column too small to have one."""

WATCHED_FOR_A = 2

FEWEST = K + 1
"""Vectors that a grade takes: below, no row has the ten neighbours that most checks look at."""

LOST = {"D": 0.2, "E": 0.5}
"""From which share of rows that no search returns a column is at best so good."""


def grade(
    findings: Mapping[str, Finding],
    *,
    vectors: int = FEWEST,
    distinct: int = 1,
    zeros_are_lost: bool = False,
) -> Grade:
    """Grade a column by what its checks found, by their keys.

    ``vectors`` were looked at, of which ``distinct`` that are not zero; ``zeros_are_lost`` where zero
    vectors have no distance, and weigh like missing ones.
    """
    act, watch = (
        tuple(
            check.key for check in CHECKS if check.key in findings and findings[check.key].verdict is verdict
        )
        for verdict in (Verdict.ACT, Verdict.WATCH)
    )
    coverage = findings.get("coverage")
    if coverage is None or not coverage.value:
        return Grade("E", "There is no vector to search.", ("coverage",))
    if not distinct:
        return Grade("E", f"{GRADES['E']} Every vector is zero: nothing tells the rows apart.", ("zero",))
    worst = act or watch
    lost, most = _lost(coverage.value, findings, zeros_are_lost=zeros_are_lost)
    at_best = max((letter for letter, share in LOST.items() if lost >= share), default="A")
    if at_best != "E" and vectors < FEWEST:
        return Grade(UNGRADED, f"Too few rows to grade: most checks compare a row with {K} others.", worst)
    letter = "BCDE"[min(len(act), 4) - 1] if act else "A" if len(watch) <= WATCHED_FOR_A else "B"
    if at_best > letter:
        worst = tuple(dict.fromkeys((most, *worst)))
        return Grade(at_best, f"{GRADES[at_best]} {percent(lost)} of the rows are in no answer.", worst)
    return Grade(letter, f"{GRADES[letter]}{_because(worst, acting=bool(act))}", worst)


def _lost(covered: float, findings: Mapping[str, Finding], *, zeros_are_lost: bool) -> tuple[float, str]:
    """Say which share of the rows no search returns, and the check that sees most of them."""
    missing = 1 - covered
    zeros = covered * (findings["zero"].value or 0) if zeros_are_lost and "zero" in findings else 0.0
    return missing + zeros, "zero" if zeros > missing else "coverage"


def _because(worst: tuple[str, ...], *, acting: bool) -> str:
    if not worst:
        return " Every check is good."
    names = [f"**{check.label}**" for check in CHECKS if check.key in worst]
    named = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    verb = "holds it back" if len(names) == 1 and acting else "hold it back" if acting else "to watch"
    return f" {named} {verb}." if acting else f" Only {named} {verb}."
