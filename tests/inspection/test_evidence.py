"""The measures themselves, against NumPy, scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_similarity

from dashboard.inspection.evidence import lengths, mean_cosine, participation_ratio, skewness, skewness_error
from db.distance import Distance
from tests.inspection.cases import cloud, evidence, units


@settings(max_examples=20, deadline=None)
@given(st.integers(30, 300), st.integers(2, 40), st.integers(0, 999))
def test_the_participation_ratio_is_that_of_the_principal_components(
    rows: int, dimensions: int, seed: int
) -> None:
    points = cloud(rows, dimensions, seed) * np.linspace(0.1, 2, dimensions, dtype=np.float32) + 1
    eigenvalues = PCA().fit(points.astype(np.float64)).explained_variance_
    value, _ = participation_ratio(points)
    assert value == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rel=1e-3)


def test_equal_directions_count_fully_and_one_alone_counts_one() -> None:
    value, error = participation_ratio(cloud(20_000, 10))
    assert value == pytest.approx(10, abs=0.1)
    assert error is not None
    assert 0 < error < 0.1
    line = np.outer(np.arange(100), np.ones(8)).astype(np.float32)
    assert participation_ratio(line)[0] == pytest.approx(1, abs=1e-4)


def test_with_fewer_rows_than_dimensions_there_is_a_ratio_but_no_error() -> None:
    points = cloud(20, 50)
    eigenvalues = PCA().fit(points.astype(np.float64)).explained_variance_
    value, error = participation_ratio(points)
    assert value == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rel=1e-3)
    assert error is None


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 80), st.integers(1, 20), st.integers(0, 999))
def test_the_mean_cosine_is_that_of_every_pair(rows: int, dimensions: int, seed: int) -> None:
    vectors = cloud(rows, dimensions, seed) + np.float32(0.5)
    cosines = cosine_similarity(vectors.astype(np.float64))
    pairs = cosines[np.triu_indices(rows, 1)]
    assert mean_cosine(vectors, lengths(vectors))[0] == pytest.approx(pairs.mean(), abs=1e-4)


def test_the_error_of_the_mean_cosine_is_what_samples_differ_by() -> None:
    everything = cloud(40_000, 6) + np.float32(0.4)
    samples = everything.reshape(200, 200, 6)
    found = [mean_cosine(part, lengths(part)) for part in samples]
    spread = np.std([value for value, _ in found])
    assert np.mean([error for _, error in found]) == pytest.approx(spread, rel=0.2)


def test_skewness_by_hand() -> None:
    assert skewness(np.array([1, 1, 1])) == 0
    assert skewness(np.array([0, 0, 0, 4])) == pytest.approx(2 / np.sqrt(3))
    assert skewness_error(np.random.default_rng(1).poisson(10, 2_000)) == pytest.approx(0.055, abs=0.03)


def test_copies_and_zero_vectors_are_set_apart() -> None:
    found = evidence([[1, 0, 0], [0, 0, 0], [1, 0, 0], [0, 2, 0], [-0.0, 2, 0]])
    assert found.distinct.tolist() == [0, 3]
    assert found.group_sizes.tolist() == [2, 2]
    assert found.keys(np.array([1])) == ("3",)


def test_rows_compared_by_direction_become_unit_vectors() -> None:
    found = evidence([[3, 0, 0], [0, 4, 0], [1, 1, 0]])
    assert np.linalg.norm(found.points, axis=1) == pytest.approx(1)
    assert found.in_units(found.neighbours.distances)[2, 0] == pytest.approx(1 - np.sqrt(0.5))


def test_rows_compared_by_place_keep_their_distances() -> None:
    found = evidence([[3, 0, 0], [0, 4, 0], [0, 5, 0]], distance=Distance.L2)
    assert found.typical_length == 4
    assert found.in_units(found.neighbours.distances)[:, 0] == pytest.approx([5, 1, 1])


def test_bits_are_counted() -> None:
    found = evidence([[0, 1, 1, 0], [1, 1, 1, 0], [1, 0, 0, 1]], distance=Distance.HAMMING, vector_type="bit")
    assert found.in_units(found.neighbours.distances)[:, 0] == pytest.approx([1, 1, 3])


def test_a_row_occurs_as_often_as_it_is_a_neighbour() -> None:
    found = evidence(units(cloud(60, 5)))
    assert found.occurrences.sum() == 60 * 10
    assert found.occurrences[3] == (found.neighbours.places == 3).sum()


def test_lengths_do_not_overflow() -> None:
    assert lengths(np.full((1, 4), 3e38, np.float32))[0] == pytest.approx(6e38)


@pytest.mark.parametrize("rows", [0, 1, 2, 11])
def test_a_handful_of_rows_is_no_neighbourhood(rows: int) -> None:
    assert evidence(cloud(rows, 3)).has_neighbours is (rows == 11)
