"""Drift between two windows: by hand, against scipy-free definitions, and against chance."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dashboard.mapping.drift import MOST_ROWS, drift

Matrix = NDArray[np.float32]


def drawn(rows: int, seed: int, *, at: float = 0, spread: float = 1) -> Matrix:
    values = np.random.default_rng(seed).normal(at, spread, (rows, 3))
    return values.astype(np.float32)


def test_the_shift_is_in_units_of_the_pooled_deviation() -> None:
    before = np.array([[-1, 0], [1, 0]], np.float32)
    # Each row lies 1 from its own mean: 4 squares over 2 degrees of freedom.
    assert drift(before, before + np.array([0, 3], np.float32), seed=0).shift == pytest.approx(3 / np.sqrt(2))


def test_the_energy_distance_is_its_definition() -> None:
    before, after = drawn(40, 1), drawn(30, 2, at=1)

    def mean_distance(a: Matrix, b: Matrix) -> float:
        return float(np.mean([np.linalg.norm(x - y) for x in a for y in b]))

    across = 2 * mean_distance(before, after)
    energy = across - mean_distance(before, before) - mean_distance(after, after)
    assert drift(before, after, seed=0).energy == pytest.approx(energy / across, abs=1e-6)


def test_windows_of_one_kind_differ_no_more_than_chance() -> None:
    found = drift(drawn(300, 1), drawn(300, 2), seed=0)
    assert not found.is_real
    assert found.energy < 2 * found.by_chance


def test_a_moved_window_is_told() -> None:
    found = drift(drawn(300, 1), drawn(300, 2, at=0.5), seed=0)
    assert found.is_real
    assert found.p == pytest.approx(1 / 201)


def test_a_wider_window_is_told_although_its_centre_stays() -> None:
    found = drift(drawn(400, 1), drawn(400, 2, spread=2), seed=0)
    assert found.is_real
    assert found.shift < 0.2


def test_the_same_seed_tells_the_same() -> None:
    before, after = drawn(50, 1), drawn(60, 2)
    assert drift(before, after, seed=3) == drift(before, after, seed=3)


def test_equal_rows_do_not_drift_and_one_row_is_enough() -> None:
    same = np.ones((5, 2), np.float32)
    assert drift(same, same, seed=0).energy == 0
    assert drift(same, same, seed=0).shift == 0
    assert drift(same[:1], same, seed=0).rows == (1, 5)


def test_large_windows_are_compared_by_some_of_their_rows() -> None:
    found = drift(drawn(MOST_ROWS + 500, 1), drawn(200, 2), seed=0)
    assert found.rows == (MOST_ROWS + 500, 200)
    assert found.compared == (MOST_ROWS, 200)
