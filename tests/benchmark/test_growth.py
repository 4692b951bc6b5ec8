"""Latency over rows: fitted lines against known ones, and a run on copies that grow."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.benchmark.growth import fit, growth_sizes
from db.errors import RequestError
from db.runs import Trial
from tests.benchmark.conftest import PLAN, Bench, Journal, Killed
from tests.trials import trial

SIZES = (1000, 2000, 4000, 8000, 16000)


def grown(scale: float, exponent: float, noise: float = 0.0, seed: int = 0) -> list[Trial]:
    random = np.random.default_rng(seed)
    made = []
    for rows in SIZES:
        ms = scale * rows**exponent * math.exp(noise * random.standard_normal())
        measures = {"p95_ms": ms, "p95_ms_low": ms * 0.98, "p95_ms_high": ms * 1.02}
        made.append(replace(trial(), rows=rows, measures=measures))
    return made


@given(scale=st.floats(1e-6, 10), exponent=st.floats(0.05, 1.5))
def test_a_power_law_is_found_again(scale: float, exponent: float) -> None:
    growth = fit(grown(scale, exponent))

    assert growth is not None
    assert growth.exponent.value == pytest.approx(exponent, abs=1e-6)
    assert growth.exponent.low <= growth.exponent.value <= growth.exponent.high
    assert growth.at(32_000).value == pytest.approx(scale * 32_000**exponent, rel=1e-4)


def test_the_crossing_is_where_the_line_meets_the_budget_within_its_band() -> None:
    growth = fit(grown(0.001, 1.0))
    assert growth is not None
    crossing = growth.crossing(20)
    assert crossing is not None
    assert crossing.value == pytest.approx(20_000, rel=1e-3)
    assert crossing.low < 20_000 < crossing.high
    assert crossing.high / crossing.low < 1.2


def test_the_bands_hold_the_truth_about_as_often_as_they_say() -> None:
    held = 0
    for seed in range(60):
        growth = fit(grown(0.001, 1.0, noise=0.1, seed=seed))
        assert growth is not None
        crossing = growth.crossing(40)
        assert crossing is not None
        held += crossing.low <= 40_000 <= crossing.high
    assert held >= 48


def test_what_does_not_grow_never_crosses() -> None:
    growth = fit(grown(5.0, -0.1))
    assert growth is not None
    assert growth.crossing(20) is None


def test_two_sizes_are_too_few_for_a_line() -> None:
    assert fit(grown(0.001, 1.0)[:2]) is None


def test_a_run_over_growing_copies_measures_everything_on_each(bench: Bench) -> None:
    sizes = growth_sizes(900, 3)
    run = bench.run(replace(PLAN, sizes=sizes))

    assert sizes == (225, 450, 900)
    assert [trial.rows for trial in run.trials] == [r - 30 for r in sizes for _ in range(5)]
    exact = [trial for trial in run.trials if trial.method == "exact"]
    assert all(trial.measures["recall"] == 1 for trial in exact)
    assert fit(exact) is not None
    assert run.rows == 870
    assert bench.scratch_tables() == []


def test_a_run_killed_between_two_sizes_goes_on_with_the_second(bench: Bench) -> None:
    plan = replace(PLAN, sizes=(300, 900))

    def kill(saves: int) -> None:
        if saves == 12:
            raise Killed

    journal = Journal(before_save=kill)
    with pytest.raises(Killed):
        bench.run(plan, journal)
    journal.before_save = lambda saves: None
    run = bench.run(plan, journal)

    assert [trial.position for trial in run.trials] == list(range(10))
    assert [trial.rows for trial in run.trials] == [270] * 5 + [870] * 5


@pytest.mark.parametrize("sizes", [(900, 300), (300, 300, 900), (30, 900)])
def test_sizes_that_make_no_sense_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(RequestError):
        replace(PLAN, sizes=sizes)
