"""What a map keeps of its rows' neighbourhoods: against scikit-learn, and cases to check by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from dashboard.mapping.quality import NEIGHBOURS, quality

Matrix = NDArray[np.float32]


def drawn(rows: int, dimensions: int, seed: int) -> Matrix:
    values: Matrix = np.random.default_rng(seed).normal(size=(rows, dimensions)).astype(np.float32)
    return values


@pytest.mark.parametrize("rows", [40, 700])
def test_trustworthiness_is_scikit_learns(rows: int) -> None:
    vectors = drawn(rows, 8, 1)
    points = vectors[:, :2] + 0.3 * drawn(rows, 2, 2)
    expected = trustworthiness(vectors, points, n_neighbors=NEIGHBOURS)
    assert quality(vectors, points, seed=0).trustworthiness == pytest.approx(expected, abs=1e-9)


def test_neighbours_kept_are_those_that_both_lists_name() -> None:
    vectors, points = drawn(120, 8, 1), drawn(120, 2, 2)

    def lists(of: Matrix) -> list[set[int]]:
        found = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(of).kneighbors(return_distance=False)
        return [set(row) for row in found.tolist()]

    common = [len(a & b) for a, b in zip(lists(vectors), lists(points), strict=True)]
    assert quality(vectors, points, seed=0).kept == pytest.approx(np.mean(common))


def test_a_map_that_is_the_data_keeps_everything() -> None:
    points = drawn(100, 2, 1)
    found = quality(points, points * 3 + 5, seed=0)
    assert (found.trustworthiness, found.kept, found.neighbours, found.n) == (1.0, 15.0, 15, 100)


def test_few_rows_have_fewer_neighbours() -> None:
    assert quality(drawn(10, 4, 1), drawn(10, 2, 2), seed=0).neighbours == 4


def test_many_rows_are_measured_on_some_always_the_same() -> None:
    vectors, points = drawn(500, 4, 1), drawn(500, 2, 2)
    first = quality(vectors, points, seed=7, most_rows=200)
    assert first == quality(vectors, points, seed=7, most_rows=200)
    assert first.n == 200


def test_duplicates_are_no_mistake_of_the_map() -> None:
    vectors = np.repeat(drawn(20, 4, 1), 10, axis=0)
    assert 0 <= quality(vectors, vectors[:, :2], seed=0).trustworthiness <= 1
