"""The letter, and the sentence that goes with it."""

import pytest

from dashboard.inspection.checks import CHECKS
from dashboard.inspection.finding import Finding, Verdict
from dashboard.inspection.grade import FEWEST, GRADES, UNGRADED, grade

KEYS = [check.key for check in CHECKS if check.key != "coverage"]


def findings(*, act: int = 0, watch: int = 0, coverage: float | None = 1.0) -> dict[str, Finding]:
    verdicts = [Verdict.ACT] * act + [Verdict.WATCH] * watch
    verdicts += [Verdict.GOOD] * (len(KEYS) - len(verdicts))
    found = {key: Finding("", verdict, "", value=0.0) for key, verdict in zip(KEYS, verdicts, strict=True)}
    return found | {"coverage": Finding("", Verdict.GOOD, "", value=coverage)}


@pytest.mark.parametrize(
    ("act", "watch", "letter"),
    [
        (0, 0, "A"),
        (0, 2, "A"),
        (0, 3, "B"),
        (1, 0, "B"),
        (1, 6, "B"),
        (2, 0, "C"),
        (3, 0, "D"),
        (4, 0, "E"),
        (9, 0, "E"),
    ],
)
def test_what_is_to_be_acted_on_makes_the_grade(act: int, watch: int, letter: str) -> None:
    assert grade(findings(act=act, watch=watch)).letter == letter


def test_the_sentence_names_what_holds_the_column_back() -> None:
    assert grade(findings(act=2)).sentence == (
        "Searchable, but answers suffer. **Zero vectors** and **Norms** hold it back."
    )
    assert grade(findings(watch=1)).sentence == "Fit for search. Only **Zero vectors** to watch."
    assert grade(findings()).sentence == "Fit for search. Every check is good."


@pytest.mark.parametrize("coverage", [0.0, None])
def test_a_column_without_vectors_is_not_fit(coverage: float | None) -> None:
    assert grade(findings(coverage=coverage)).letter == "E"


def test_every_letter_has_its_words() -> None:
    assert list(GRADES) == list("ABCDE")


def test_vectors_without_a_distance_weigh_like_missing_ones() -> None:
    half = findings() | {"zero": Finding("", Verdict.ACT, "", value=0.5)}
    lost = grade(half, zeros_are_lost=True)
    assert (lost.letter, lost.worst[0]) == ("E", "zero")
    assert lost.sentence == "Not fit for search. 50 % of the rows are in no answer."
    assert grade(half).letter == "B"
    assert grade(findings(coverage=0.7)).letter == "D"
    assert grade(findings(coverage=0.3)).worst == ("coverage",)


def test_a_column_of_nothing_but_zeros_is_not_fit_whatever_the_distance() -> None:
    assert grade(findings(act=1), distinct=0).letter == "E"


def test_a_handful_of_rows_is_not_graded() -> None:
    few = grade(findings(), vectors=FEWEST - 1)
    assert few.letter == UNGRADED
    assert few.sentence.startswith("Too few rows to grade")
    assert grade(findings(), vectors=FEWEST).letter == "A"
