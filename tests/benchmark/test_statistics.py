from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.benchmark import statistics
from dashboard.benchmark.statistics import Floats, Reduce, Verdict, difference, interval

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


arms = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40).map(np.array)
reduces = st.sampled_from([mean, lambda values: np.asarray(np.percentile(values, 95, axis=-1))])
seeds = st.integers(0, 2**32)


@given(arm=arms, reduce=reduces, seed=seeds)
def test_an_interval_is_ordered_repeatable_and_within_the_values(
    arm: Floats, reduce: Reduce, seed: int
) -> None:
    low, high = interval([arm], reduce, seed=seed)

    slack = 1e-9 * np.abs(arm).max()
    assert arm.min() - slack <= low <= high <= arm.max() + slack
    assert (low, high) == interval([arm], reduce, seed=seed)


@given(arm=arms, reduce=reduces, seed=seeds, by=st.floats(-1e3, 1e3), times=st.floats(0.01, 100))
def test_an_interval_moves_and_stretches_with_its_values(
    arm: Floats, reduce: Reduce, seed: int, by: float, times: float
) -> None:
    low, high = interval([arm], reduce, seed=seed)
    moved = interval([arm * times + by], reduce, seed=seed)

    assert moved == pytest.approx((low * times + by, high * times + by), rel=1e-6, abs=1e-3)


@given(value=st.floats(-1e6, 1e6), size=st.integers(1, 30), seed=seeds)
def test_one_value_over_and_over_leaves_no_doubt(value: float, size: int, seed: int) -> None:
    assert interval([np.full(size, value)], mean, seed=seed) == pytest.approx((value, value))


@pytest.mark.parametrize(
    "draw",
    [
        lambda random, n: random.normal(3, 1, n),
        lambda random, n: random.uniform(0, 6, n),
        lambda random, n: random.exponential(3, n),
        lambda random, n: (random.random(n) < 0.3) * 10.0,
    ],
    ids=["normal", "uniform", "exponential", "yes or no"],
)
def test_intervals_of_known_distributions_hold_the_truth_as_often_as_they_say(
    draw: Callable[[np.random.Generator, int], Floats],
) -> None:
    random = np.random.default_rng(2)
    bounds = [interval([draw(random, 80)], mean, seed=0) for _ in range(200)]

    assert 0.88 <= np.mean([low <= 3 <= high for low, high in bounds]) <= 0.99


def test_more_queries_narrow_the_interval() -> None:
    random = np.random.default_rng(3)
    widths = [np.ptp(interval([random.normal(0, 1, n)], mean, seed=0)) for n in (20, 200, 2000)]

    assert widths == sorted(widths, reverse=True)


@given(arm=arms, reduce=reduces, seed=seeds)
def test_an_arm_beside_itself_makes_no_real_difference(arm: Floats, reduce: Reduce, seed: int) -> None:
    found = difference(arm, arm, reduce, paired=True, seed=seed, better="higher")

    assert (found.delta, found.low, found.high, found.verdict) == (0, 0, 0, Verdict.SAME)
    apart = difference(arm, arm, reduce, paired=False, seed=seed, better="higher")
    assert (apart.delta, apart.verdict) == (0, Verdict.SAME)


@given(arm=arms, by=st.floats(1, 1e3), seed=seeds)
def test_a_shift_of_every_query_is_seen_whole_where_they_pair(arm: Floats, by: float, seed: int) -> None:
    higher = difference(arm, arm + by, mean, paired=True, seed=seed, better="higher")
    lower = difference(arm, arm + by, mean, paired=True, seed=seed, better="lower")

    assert (higher.low, higher.delta, higher.high) == pytest.approx((by, by, by))
    assert (higher.verdict, lower.verdict) == (Verdict.BETTER, Verdict.WORSE)


@given(a=arms, b=arms, seed=seeds)
def test_swapped_arms_swap_the_sign_of_what_is_observed(a: Floats, b: Floats, seed: int) -> None:
    there = difference(a, b, mean, paired=False, seed=seed, better="higher")
    back = difference(b, a, mean, paired=False, seed=seed, better="higher")

    assert there.delta == pytest.approx(-back.delta)


def test_pairing_sees_what_the_hardness_of_the_queries_hides() -> None:
    random = np.random.default_rng(4)
    hard = random.lognormal(0, 1, 100)
    quicker = hard * 0.95 + random.normal(0, 0.01, 100)

    assert difference(hard, quicker, mean, paired=True, seed=0, better="lower").verdict is Verdict.BETTER
    assert difference(hard, quicker, mean, paired=False, seed=0, better="lower").verdict is Verdict.SAME


def test_arms_that_do_not_differ_are_told_apart_as_rarely_as_an_interval_errs() -> None:
    random = np.random.default_rng(5)
    found = [
        difference(a, b, mean, paired=False, seed=0, better="lower").verdict
        for a, b in random.normal(10, 2, (200, 2, 60))
    ]

    assert np.mean([verdict is Verdict.SAME for verdict in found]) >= 0.88


def test_arms_of_different_lengths_do_not_pair() -> None:
    with pytest.raises(ValueError, match="3 and 2 queries do not pair"):
        difference(np.ones(3), np.ones(2), mean, paired=True, seed=0, better="higher")
