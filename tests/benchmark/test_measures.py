from dataclasses import replace

import numpy as np
import pytest

from dashboard.benchmark.measures import MEASURES, Observed, measure, recalls
from db.distance import Distance

OBSERVED = Observed(
    latencies_ms=np.array([1.0, 2.0, 3.0, 4.0]),
    recalls=np.array([1.0, 0.5, 1.0, 0.9]),
    missing=np.array([0.0, 0.5, 0.0, 0.0]),
    control_ms=np.array([20.0, 30.0]),
)
"""Four queries, small enough to check by hand."""


@pytest.mark.parametrize(
    ("found", "true", "expected"),
    [
        pytest.param([1, 2], [1, 2], 1.0, id="all found"),
        pytest.param([1, 9], [1, 2], 0.5, id="one missed"),
        pytest.param([1, np.inf], [1, 2], 0.5, id="fewer than k returned"),
        pytest.param([2, 2], [1, 2], 1.0, id="a row as near as the k-th counts"),
        pytest.param([1, 2 * (1 + 5e-7)], [1, 2], 1.0, id="a row farther by what float32 rounds counts"),
        pytest.param([1, 2 * (1 + 5e-6)], [1, 2], 0.5, id="a row plainly farther does not"),
        pytest.param([0, 1e-9], [0, 0], 0.5, id="of a copy, only a copy is as near"),
        pytest.param([-5, -4], [-5, -4], 1.0, id="negative distances"),
        pytest.param([-5, -3.9], [-5, -4], 0.5, id="a negative distance farther"),
    ],
)
def test_recall_is_the_share_no_farther_than_the_true_kth(
    found: list[float], true: list[float], expected: float
) -> None:
    for distance in (Distance.L2, Distance.INNER_PRODUCT, Distance.L1):
        assert recalls(np.array([found]), np.array([true]), distance).tolist() == [expected]


def test_a_cosine_distance_is_only_as_exact_as_one() -> None:
    found, true = np.array([[1e-9, 5e-7, 5e-6]]), np.array([[0.0, 0.0, 0.0]])

    assert recalls(found, true, Distance.COSINE).tolist() == [pytest.approx(2 / 3)]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("recall", 0.85),
        ("worst_decile", 0.5),
        ("below_target", 0.5),
        ("under_fill", 0.125),
        ("p50_ms", 2.5),
        ("p95_ms", 3.85),
        ("p99_ms", 3.97),
        ("qps", 400.0),
        ("speedup", 10.0),
    ],
)
def test_a_measure_is_what_it_is_by_hand(key: str, expected: float) -> None:
    by_key = {each.key: each for each in MEASURES}

    assert by_key[key].of(OBSERVED) == pytest.approx(expected)


@pytest.mark.parametrize("each", MEASURES, ids=lambda each: each.key)
def test_every_measure_lies_in_its_interval(each: object) -> None:
    measured = measure(OBSERVED, seed=1)

    for key in (m.key for m in MEASURES if m is each):
        assert measured[f"{key}_low"] <= measured[key] <= measured[f"{key}_high"]


def test_a_query_that_just_reaches_the_target_is_not_below_it() -> None:
    nine_of_ten = recalls(np.arange(10.0)[None, :], np.array([[*range(9), 8.5]]), Distance.L2)

    assert replace(OBSERVED, recalls=nine_of_ten, wanted_recall=0.9).recalls.tolist() == [0.9]
    assert measure(replace(OBSERVED, recalls=nine_of_ten, wanted_recall=0.9), seed=0)["below_target"] == 0


def test_the_worst_tenth_of_twenty_queries_are_two() -> None:
    twenty = Observed(
        latencies_ms=np.ones(20),
        recalls=np.array([0.1, 0.3, *[1.0] * 18]),
        missing=np.zeros(20),
        control_ms=np.ones(2),
    )

    assert measure(twenty, seed=0)["worst_decile"] == pytest.approx(0.2)
