"""What a rule said when somebody decided on it, and whether it is essentially worse since.

A dismissal hides what was seen when it was made, and no more.  It hides it no longer where

- the rule is graded as more severe than then, or
- it speaks of something it did not speak of then: another index, another operator, or
- the one figure by which a finding grows worse is WORSE times what it was.

Below that a finding only moves, as every measurement does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.advisor.advice import Advice, Number, Said, Severity

WORSE = 2.0
"""The factor is ours: twice as bad is another decision.  Figures are counted, as timings waver by as much."""


def taken(advice: Sequence[Advice], budget_ms: float) -> dict[str, Any]:
    """Write down what one rule said of one column, within which budget of exact search."""
    rule = advice[0].rule
    return {
        "title": rule.title,
        "severity": rule.severity.value,
        "budget_ms": budget_ms,
        "said": [_document(one.said) for one in advice],
    }


def sentence(evidence: Mapping[str, Any]) -> str:
    """Give what the rule found in one sentence, and how many findings there were beside it."""
    first, *others = evidence["said"]
    more = f" And {len(others)} more." if others else ""
    return f"{first['finding']}{more}"


def worse(evidence: Mapping[str, Any], now: Sequence[Advice]) -> str | None:
    """Say in what the advice is essentially worse than what was taken down; None where it is not."""
    order = [severity.value for severity in Severity]
    severity = now[0].rule.severity.value
    if order.index(severity) < order.index(evidence["severity"]):
        return f"It is graded {severity} now, and was {evidence['severity']}."
    then = {said["about"]: said for said in evidence["said"]}
    for one in now:
        if one.said.about not in then:
            return f"It speaks of {one.said.about} now, and did not."
        if grown := _grown(then[one.said.about]["numbers"], one.said.numbers):
            return grown
    return None


def _grown(then: Sequence[Mapping[str, Any]], now: Sequence[Number]) -> str | None:
    before = next((number for number in then if number["weight"] is not None), None)
    after = next((number for number in now if number.weight is not None), None)
    if before is None or after is None or after.weight is None or not before["weight"]:
        return None
    if after.weight < WORSE * before["weight"]:
        return None
    return f"It was {before['value']} ({before['what']}), and is {after.value}."


def _document(said: Said) -> dict[str, Any]:
    return {
        "finding": said.finding,
        "about": said.about,
        "numbers": [{"value": n.value, "what": n.what, "weight": n.weight} for n in said.numbers],
        "query": said.query,
        "sql": said.remedy.sql,
    }
