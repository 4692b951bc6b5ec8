import numpy as np
import pytest

from dashboard.benchmark import statistics
from dashboard.benchmark.statistics import Floats, interval

HUNDRED = np.random.default_rng(3).normal(50, 10, 100)


def mean(values: Floats) -> Floats:
    return np.asarray(values.mean(axis=-1))


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    assert interval([HUNDRED], mean, seed=1) == interval([HUNDRED], mean, seed=1)
    assert interval([HUNDRED], mean, seed=1) != interval([HUNDRED], mean, seed=2)


def test_the_interval_of_a_mean_is_about_two_standard_errors_each_way() -> None:
    low, high = interval([HUNDRED], mean, seed=1)
    error = HUNDRED.std() / 10

    assert low == pytest.approx(HUNDRED.mean() - 1.96 * error, abs=0.4 * error)
    assert high == pytest.approx(HUNDRED.mean() + 1.96 * error, abs=0.4 * error)


def test_it_holds_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    samples = random.exponential(1.0, (200, 100))
    intervals = [interval([sample], mean, seed=0) for sample in samples]

    held = np.mean([low <= 1.0 <= high for low, high in intervals])

    assert 0.88 <= held <= 0.99


def test_values_that_are_all_the_same_leave_no_doubt() -> None:
    assert interval([np.full(30, 0.7)], mean, seed=0) == pytest.approx((0.7, 0.7))


def test_one_value_is_its_own_interval() -> None:
    assert interval([np.array([3.0])], mean, seed=0) == (3.0, 3.0)


def test_resampling_in_blocks_draws_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def counted(values: Floats) -> Floats:
        drawn.append(len(values))
        return mean(values)

    monkeypatch.setattr(statistics, "BLOCK_VALUES", 30_000)
    interval([HUNDRED], counted, seed=0)

    assert drawn == [300, 300, 300, 100]


def test_repeats_of_a_query_are_not_queries() -> None:
    once = HUNDRED[:, None]
    ten_times = np.repeat(once, 10, axis=1)
    assert interval([ten_times], mean, seed=1) == pytest.approx(interval([once], mean, seed=1))


def test_a_ratio_of_two_arms_holds_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)

    def ratio(control: Floats, own: Floats) -> Floats:
        return np.asarray(np.median(control, axis=-1) / np.median(own, axis=-1))

    held = []
    for _ in range(200):
        control, own = random.lognormal(3, 0.4, 20), random.lognormal(0, 0.4, 100)
        low, high = interval([control, own], ratio, seed=0)
        held.append(low <= np.exp(3) <= high)
    assert 0.86 <= np.mean(held) <= 0.99
