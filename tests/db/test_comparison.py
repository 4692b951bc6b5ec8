"""Two answers are set side by side; a tie for the last place is no miss."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from db.comparison import Comparison, Mark, compare
from db.search import Neighbour


def answer(*rows: tuple[Any, float]) -> Any:
    """An answer of (key, distance) pairs; all that a comparison looks at."""
    return SimpleNamespace(rows=tuple(Neighbour(key, distance, {}) for key, distance in rows))


def marks(comparison: Comparison) -> list[tuple[str, Any, Any]]:
    return [
        (line.mark.value, line.exact and line.exact.key, line.found and line.found.key)
        for line in comparison.lines
    ]


def test_the_same_answer_matches_line_by_line() -> None:
    same = answer(("a", 0.1), ("b", 0.2))
    comparison = compare(same, same)
    assert marks(comparison) == [("matched", "a", "a"), ("matched", "b", "b")]
    assert comparison.recall == 1


def test_a_missed_row_leaves_a_gap_and_an_extra_row_comes_last() -> None:
    comparison = compare(answer(("a", 1), ("b", 2), ("c", 3)), answer(("a", 1), ("c", 3), ("d", 4)))
    assert marks(comparison) == [
        ("matched", "a", "a"),
        ("missed", "b", None),
        ("matched", "c", "c"),
        ("extra", None, "d"),
    ]
    assert [line.shift for line in comparison.lines] == [0, 0, 1, 0]
    assert comparison.recall == pytest.approx(2 / 3)


def test_another_row_at_the_last_distance_is_a_match() -> None:
    comparison = compare(answer(("a", 1), ("b", 2)), answer(("a", 1), ("c", 2)))
    assert marks(comparison) == [("matched", "a", "a"), ("matched", "b", "c")]
    assert (comparison.recall, comparison.lines[1].shift) == (1, 0)


@pytest.mark.parametrize(("distance", "recall"), [(2 + 1e-6, 1), (2 + 1e-5, 0.5)])
def test_a_tie_allows_for_rounding_and_no_more(distance: float, recall: float) -> None:
    assert compare(answer(("a", 1), ("b", 2)), answer(("a", 1), ("c", distance))).recall == recall


def test_the_tolerance_grows_with_the_distance() -> None:
    assert compare(answer(("a", -5e6)), answer(("b", -5e6 + 1))).recall == 1


def test_a_nearer_row_is_missed_even_where_a_tie_was_found() -> None:
    comparison = compare(answer(("a", 1), ("b", 2)), answer(("b", 2), ("c", 2)))
    assert marks(comparison) == [("missed", "a", None), ("matched", "b", "b"), ("extra", None, "c")]


def test_rows_that_all_tie_match_whatever_was_picked() -> None:
    exact, found = [(i, 0.5) for i in range(10)], [(i, 0.5) for i in range(20, 30)]
    assert compare(answer(*exact), answer(*found)).recall == 1


def test_an_answer_to_nothing_has_no_recall() -> None:
    assert compare(answer(), answer()).recall is None
    assert compare(answer(("a", 1)), answer()).recall == 0
    assert marks(compare(answer(), answer(("a", 1)))) == [("extra", None, "a")]


@pytest.mark.parametrize("seed", range(50))
def test_every_row_of_both_answers_stands_on_exactly_one_line(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Few distinct distances, so that most answers hold ties.
    distances = np.sort(rng.integers(0, 6, size=30) / 4)
    exact = [(int(key), float(distances[key])) for key in range(8)]
    found = [(int(key), float(distances[key])) for key in np.sort(rng.choice(30, size=8, replace=False))]
    comparison = compare(answer(*exact), answer(*found))

    assert [line.exact.key for line in comparison.lines if line.exact] == [key for key, _ in exact]
    assert sorted(line.found.key for line in comparison.lines if line.found) == [key for key, _ in found]
    assert comparison.count(Mark.MATCHED) + comparison.count(Mark.MISSED) == 8
    for line in comparison.lines:
        assert (line.exact is None) == (line.mark is Mark.EXTRA)
        assert (line.found is None) == (line.mark is Mark.MISSED)
        if line.exact and line.found:
            assert line.exact.distance == line.found.distance
    # Never kinder than the field's definition, which counts by distance alone.
    within = sum(distance <= exact[-1][1] + 1e-6 for _, distance in found)
    assert comparison.count(Mark.MATCHED) <= within
