"""The plane of the principal components: against NumPy's own decomposition, and where there is none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dashboard.mapping.plane import FEWEST_ROWS, comparable, principal_plane
from db.distance import Distance
from db.errors import RequestError

Vectors = NDArray[np.float32]


def cloud(rows: int = 200, dimensions: int = 12, seed: int = 0) -> Vectors:
    """Vectors that are spread more along the first dimensions than along the last."""
    spread = np.linspace(5, 0.1, dimensions)
    drawn: Vectors = (np.random.default_rng(seed).normal(size=(rows, dimensions)) * spread + 7).astype("f4")
    return drawn


def test_the_axes_are_the_first_singular_vectors() -> None:
    vectors = cloud()
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    plane = principal_plane(vectors)
    for axis, direction in zip(plane.axes, directions[:2], strict=True):
        assert abs(float(axis @ direction)) == pytest.approx(1, abs=1e-4)
    assert plane.explained == pytest.approx((sizes**2 / (sizes**2).sum())[:2], rel=1e-4)
    assert np.abs(plane.place(vectors)).max(axis=0) == pytest.approx(
        np.abs(centred @ directions[:2].T).max(axis=0), rel=1e-3
    )


def test_the_same_vectors_give_the_same_plane_and_each_axis_points_where_it_loads_most() -> None:
    first, second = principal_plane(cloud()), principal_plane(cloud())
    assert (first.axes == second.axes).all()
    for axis in first.axes:
        assert axis[np.abs(axis).argmax()] > 0


def test_the_order_of_the_rows_does_not_turn_the_map() -> None:
    vectors = cloud()
    assert principal_plane(vectors).axes == pytest.approx(principal_plane(vectors[::-1]).axes, abs=1e-3)


def test_a_wide_column_is_fitted_too() -> None:
    vectors = cloud(rows=60, dimensions=1_200)
    assert principal_plane(vectors).place(vectors).shape == (60, 2)


def test_rows_outside_the_sample_are_placed_as_those_inside() -> None:
    vectors = cloud()
    plane = principal_plane(vectors)
    assert plane.place(vectors[:3]) == pytest.approx(plane.place(vectors)[:3], abs=1e-4)


def test_one_dimension_has_one_axis() -> None:
    vectors = np.arange(20, dtype=np.float32)[:, None]
    plane = principal_plane(vectors)
    assert plane.explained == pytest.approx((1, 0))
    assert not plane.place(vectors)[:, 1].any()


def test_the_axes_say_what_they_explain() -> None:
    assert principal_plane(np.arange(20, dtype=np.float32)[:, None]).titles == (
        "PC 1 · 100.0% of the variance",
        "PC 2 · 0.0% of the variance",
    )


@pytest.mark.parametrize(
    ("vectors", "sentence"),
    [
        (cloud(FEWEST_ROWS - 1), "at least 10 rows with a vector; there are 9"),
        (np.empty((0, 3), np.float32), "there are 0"),
        (np.ones((50, 3), np.float32), "All 50 vectors are equal"),
        (cloud() * np.float32(1e30), "too large to be squared"),
        (np.empty((50, 0), np.float32), "no dimension"),
    ],
)
def test_what_no_map_can_tell_apart_is_refused(vectors: Vectors, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        principal_plane(vectors)


@given(st.integers(0, 10_000), st.sampled_from([1e-30, 1e-3, 1.0, 1e30]))
@settings(max_examples=30, deadline=None)
def test_vectors_by_cosine_have_unit_length_however_long_they_were(seed: int, scale: float) -> None:
    vectors = (cloud(5, 3, seed) * scale).astype(np.float32)
    assert np.linalg.norm(comparable(vectors, Distance.COSINE), axis=1) == pytest.approx(1, abs=1e-5)


def test_a_zero_vector_stays_zero_and_other_distances_keep_the_length() -> None:
    vectors = np.array([[0, 0], [3, 4]], np.float32)
    assert comparable(vectors, Distance.COSINE).tolist() == [[0, 0], [pytest.approx(0.6), pytest.approx(0.8)]]
    assert comparable(vectors, Distance.L2) is vectors
