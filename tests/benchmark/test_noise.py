"""How quiet the machine was."""

from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest

from dashboard.benchmark.noise import Quiet, noise, summary, watched
from db.runs import Trial
from tests.trials import exact, trial

STEADY = np.linspace(9.5, 10.5, 20)
QUIET = [Quiet(others_cpus=0.1, steal=0.0, load_average=0.8)]


def heard(control_ms: float, *, noisy: bool = False, **facts: object) -> Trial:
    found = {"control_ms": control_ms, "noisy": noisy, "steal": 0.0, "others_cpus": 0.0}
    return replace(trial(), facts={"noise": found}, **facts)  # type: ignore[arg-type]


def test_a_steady_control_on_a_quiet_machine_is_not_noisy() -> None:
    found = noise(STEADY, QUIET)

    assert found["control_ms"] == pytest.approx(10)
    assert found["control_spread"] == pytest.approx(0.05)
    assert found["load_average"] == 0.8
    assert not found["noisy"]


@pytest.mark.parametrize(
    ("control_ms", "quiet"),
    [
        (np.array([5.0, 10, 10, 30, 40]), QUIET),
        (STEADY, [Quiet(0.0, 0.05, 0.8)]),
        (STEADY, [Quiet(0.9, 0.0, 0.8)]),
    ],
)
def test_a_scattered_control_a_stolen_processor_or_a_busy_one_is_noisy(
    control_ms: np.ndarray[tuple[int], np.dtype[np.float64]], quiet: list[Quiet]
) -> None:
    assert noise(control_ms, quiet)["noisy"]


def test_what_was_not_seen_is_not_told() -> None:
    assert set(noise(STEADY, [])) == {"control_ms", "control_spread", "noisy"}


def test_a_run_that_drifts_is_noisy_although_each_trial_was_quiet() -> None:
    found = summary([exact(), heard(10), heard(16)])

    assert found["drift"] == pytest.approx(1.6)
    assert found["noisy"]
    assert found["remarks"] == ["Exact search took 1.6 times as long in some trials as in others."]


def test_trials_that_search_something_else_do_not_drift() -> None:
    assert not summary([heard(10, k=10), heard(50, k=100), heard(90, rows=9)])["noisy"]
    assert summary([])["remarks"] == []


def test_noisy_trials_are_counted() -> None:
    assert summary([heard(10), heard(11, noisy=True)])["remarks"] == [
        "The machine was not quiet during 1 of 2 trials."
    ]


def test_this_machine_can_be_watched() -> None:
    with watched() as seen:
        until = perf_counter() + 0.3
        while perf_counter() < until:
            pass
    (found,) = seen
    assert found.others_cpus >= 0
    assert 0 <= found.steal <= 1
