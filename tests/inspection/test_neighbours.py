"""Neighbours within a sample, against scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from dashboard.inspection.neighbours import BLOCK, neighbours
from tests.inspection.cases import cloud


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 2 * BLOCK + 7), st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**16))
def test_the_same_neighbours_as_scikit_learn(rows: int, dimensions: int, k: int, seed: int) -> None:
    vectors = cloud(rows, dimensions, seed)
    k = min(k, rows - 1)
    found = neighbours(vectors, k)
    distances, places = (
        NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(vectors).kneighbors(vectors)
    )
    assert found.distances == pytest.approx(distances[:, 1:], abs=1e-4)
    # In one dimension two rows may be equally near but for rounding.
    assert (found.places == places[:, 1:]).mean() > 0.99


def test_three_points_on_a_line() -> None:
    found = neighbours(np.array([[0], [1], [3]], np.float32), 2)
    assert found.places.tolist() == [[1, 2], [0, 2], [1, 0]]
    assert found.distances.tolist() == [[1, 3], [1, 2], [2, 3]]


@pytest.mark.parametrize(("rows", "k"), [(0, 0), (1, 0), (2, 1), (5, 4)])
def test_there_are_no_more_neighbours_than_other_rows(rows: int, k: int) -> None:
    assert neighbours(cloud(rows, 4), 10).places.shape == (rows, k)


def test_near_duplicates_keep_their_distance_far_from_the_origin() -> None:
    base = np.full(64, 1000, np.float32)
    found = neighbours(np.stack([base, base + np.float32(0.001), -base]), 1)
    assert found.distances[0, 0] == pytest.approx(np.linalg.norm((base + np.float32(0.001)) - base))


def test_progress_reaches_the_end() -> None:
    told: list[int] = []
    neighbours(cloud(BLOCK + 3, 4), 2, tell=told.append)
    assert told == [BLOCK, BLOCK + 3]
