"""Intervals, by hand and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.inspection.statistics import Interval, around, jackknife, wilson


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Brown, Cai & DasGupta give the formula; these were computed from it by hand.
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
    ],
)
def test_wilson(hits: int, n: int, low: float, high: float) -> None:
    found = wilson(hits, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 10_000), st.data())
def test_wilson_holds_the_share_and_stays_a_share(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    found = wilson(hits, n)
    assert 0 <= found.low <= hits / n + 1e-6
    assert hits / n - 1e-6 <= found.high <= 1


def test_nothing_looked_at_says_nothing() -> None:
    assert wilson(0, 0) == Interval(0.0, 1.0)


def test_wilson_covers_the_truth_as_often_as_it_says() -> None:
    hits = np.random.default_rng(3).binomial(500, 0.03, 2_000)
    covered = [(found := wilson(int(h), 500)).low <= 0.03 <= found.high for h in hits]
    assert 0.93 < np.mean(covered) < 0.97


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(1).normal(0, 3, 400)
    parts = values.reshape(20, 20)
    left_out = np.array([np.delete(parts, part, axis=0).mean() for part in range(20)])
    assert jackknife(left_out) == pytest.approx(parts.mean(axis=1).std(ddof=1) / np.sqrt(20))


def test_bounds_lie_around_the_figure() -> None:
    assert around(10, 1) == Interval(8.04, 11.96)
