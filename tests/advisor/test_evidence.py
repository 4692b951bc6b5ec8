"""Whether a finding is essentially worse than when it was dismissed."""

import json
from dataclasses import replace

import pytest

from dashboard.advisor.advice import Advice, Number, Said, Severity
from dashboard.advisor.evidence import sentence, taken, worse
from dashboard.advisor.rules import RULE


def speaks(weight: float | None, about: str = "a", severity: Severity | None = None) -> Advice:
    rule = RULE["unused"]
    rule = replace(rule, severity=severity) if severity else rule
    number = Number("many" if weight is None else f"{weight:g} MB", "on disk", weight)
    said = Said(f"{about} is unused.", (Number("0", "scans"), number), "SELECT 1", about=about)
    return Advice(rule, "public.items.embedding", said)


@pytest.mark.parametrize(
    ("then", "now", "because"),
    [
        ([speaks(10)], [speaks(10)], None),
        ([speaks(10)], [speaks(19.9)], None),
        ([speaks(10)], [speaks(20)], "It was 10 MB (on disk), and is 20 MB."),
        ([speaks(10)], [speaks(1)], None),
        ([speaks(0)], [speaks(9)], None),
        ([speaks(None)], [speaks(None)], None),
        ([speaks(10)], [speaks(None)], None),
        ([speaks(10), speaks(5, "b")], [speaks(10, "b")], "It was 5 MB (on disk), and is 10 MB."),
        ([speaks(10), speaks(5, "b")], [speaks(5, "b")], None),
        ([speaks(10)], [speaks(10), speaks(1, "b")], "It speaks of b now, and did not."),
        ([speaks(10)], [speaks(10, severity=Severity.BROKEN)], "It is graded broken now, and was save."),
        ([speaks(10)], [speaks(10, severity=Severity.FINE)], None),
    ],
)
def test_it_is_worse_by_its_severity_by_something_new_or_by_twice_the_figure(
    then: list[Advice], now: list[Advice], because: str | None
) -> None:
    evidence = json.loads(json.dumps(taken(then, 50)))
    assert worse(evidence, now) == because


def test_what_was_found_is_told_in_a_sentence() -> None:
    assert sentence(taken([speaks(1)], 50)) == "a is unused."
    assert sentence(taken([speaks(1), speaks(1, "b")], 50)) == "a is unused. And 1 more."
