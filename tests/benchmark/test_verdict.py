"""Which setting a run's trials recommend."""

import pytest

from dashboard.benchmark.target import Target
from dashboard.benchmark.verdict import METHOD_LABELS, Standing, index_name, judge, setting_name
from db.indexes import METHODS
from db.runs import EXACT
from tests.trials import exact, trial

TARGET = Target(recall=0.95, p95_ms=20)


def test_the_fastest_accurate_index_is_the_cheapest() -> None:
    fast, faster_but_wrong = trial(value=80, p95_ms=2), trial(value=10, p95_ms=1, recall=0.7)
    verdict = judge([exact(), faster_but_wrong, fast, trial(value=160, p95_ms=3)], TARGET)
    assert verdict.cheapest is fast
    assert verdict.index is fast


def test_exact_search_is_the_cheapest_where_it_is_quick_enough() -> None:
    slow_scan, index = exact(p95_ms=15), trial(p95_ms=1)
    verdict = judge([slow_scan, index], TARGET)
    assert verdict.cheapest is slow_scan
    assert verdict.index is index


def test_without_a_trial_in_target_the_accurate_one_is_nearer_than_the_fast_one() -> None:
    slow, wrong = trial(p95_ms=30), trial(p95_ms=1, recall=0.5)
    verdict = judge([exact(), wrong, slow], TARGET)
    assert verdict.cheapest is None
    assert verdict.nearest is slow


def test_without_an_accurate_index_the_most_accurate_is_nearest() -> None:
    better, worse = trial(recall=0.9, p95_ms=5), trial(recall=0.5, p95_ms=1)
    assert judge([exact(), worse, better], TARGET).nearest is better


def test_a_surer_setting_meets_the_target_with_its_whole_interval() -> None:
    doubtful, sure = trial(value=40, recall=0.955, interval=0.02), trial(value=80, recall=0.98, p95_ms=4)
    verdict = judge([exact(), doubtful, sure], TARGET)
    assert verdict.cheapest is doubtful
    assert verdict.surer is sure


@pytest.mark.parametrize(
    ("given", "standing"),
    [
        (trial(p95_ms=1), Standing.CHEAPEST),
        (trial(p95_ms=2), Standing.IN_TARGET),
        (trial(p95_ms=30), Standing.TOO_SLOW),
        (trial(p95_ms=30, recall=0.5), Standing.MISSES_RECALL),
        (trial(void=True), Standing.VOID),
    ],
)
def test_every_trial_stands_somewhere(given: object, standing: Standing) -> None:
    trials = [exact(), trial(p95_ms=1), trial(p95_ms=2), trial(p95_ms=30), trial(p95_ms=30, recall=0.5)]
    trials.append(trial(void=True))
    verdict = judge(trials, TARGET)
    assert verdict.standing(next(t for t in trials if t == given)) is standing


def test_a_run_without_figures_has_no_verdict() -> None:
    verdict = judge([trial(void=True)], TARGET)
    assert verdict.cheapest is None
    assert verdict.nearest is None
    assert verdict.exact is None


@pytest.mark.parametrize("method", [EXACT, *METHODS])
def test_every_method_has_a_label(method: str) -> None:
    assert METHOD_LABELS[method].lower() == method


def test_a_trial_is_named_by_its_index_and_its_setting() -> None:
    assert index_name(trial(value=80)) == "HNSW m=16, ef_construction=64"
    assert setting_name(trial(value=80)) == "ef_search=80"
    assert (index_name(exact()), setting_name(exact())) == ("Exact", "no index")
