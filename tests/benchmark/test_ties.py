"""No real difference, as a verdict: when the fastest index is told from the next, and when it is not."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.benchmark.judged import judged, said
from dashboard.benchmark.target import Target
from dashboard.benchmark.ties import doubt, rivals, weighed
from dashboard.benchmark.verdict import Standing, Verdict, judge
from db.runs import Figures, Trial
from tests.benchmark.test_compare import run_of
from tests.trials import exact, trial

TARGET = Target(recall=0.95, p95_ms=20)
QUERIES = 200


def figures(p95_ms: float, *, jitter: float = 0.0, seed: int = 0, queries: int = QUERIES) -> Figures:
    """What queries of spread hardness take, so that p95 is about ``p95_ms``; some ``jitter`` on each."""
    hardness = np.linspace(0.5, 1.5, queries) / 1.45
    noise = 1 + jitter * np.random.default_rng(seed).standard_normal(queries)
    return Figures((p95_ms * hardness * noise).tolist(), [1.0] * queries)


def verdict_on(*given: tuple[Trial, Figures]) -> Verdict:
    """Judge trials by what each of their queries took."""
    trials = [
        replace(made, position=place, measures=made.measures | bounds(observed))
        for place, (made, observed) in enumerate(given)
    ]
    return weighed(judge(trials, TARGET), trials, {i: observed for i, (_, observed) in enumerate(given)})


def bounds(observed: Figures) -> dict[str, float]:
    p95_ms = float(np.percentile(observed.latencies_ms, 95))
    return {"p95_ms": p95_ms, "p95_ms_low": p95_ms * 0.9, "p95_ms_high": p95_ms * 1.1}


def beside(made: Trial, control_ms: float) -> Trial:
    return replace(made, facts={"noise": {"control_ms": control_ms}})


def test_two_settings_that_other_queries_could_turn_round_are_no_real_difference() -> None:
    verdict = verdict_on(
        (exact(), figures(100)),
        (trial(value=40), figures(2.00, jitter=0.2, seed=1)),
        (trial("ivfflat", 4), figures(2.02, jitter=0.2, seed=2)),
    )
    [tie] = verdict.ties
    assert tie.p95_ms.low < 0 < tie.p95_ms.high
    assert {verdict.standing(t) for t in (verdict.index, tie.trial) if t} == {
        Standing.FIRST,
        Standing.TIED,
    }
    told = doubt(verdict)
    assert told
    assert told.startswith("No real difference at p95 between ")
    assert "HNSW m=16, ef_construction=64, ef_search=40" in told
    assert "IVFFlat lists=100, probes=4" in told
    assert "is among the cheapest in target" in said(verdict)


def test_a_small_difference_that_every_query_shows_is_one() -> None:
    verdict = verdict_on(
        (exact(), figures(100)), (trial(value=40), figures(2.00)), (trial(value=60), figures(2.05))
    )
    assert verdict.index
    assert verdict.index.setting == {"ef_search": 40}
    assert (verdict.ties, doubt(verdict)) == ((), None)
    assert "is the cheapest in target" in said(verdict)


def test_what_is_far_slower_or_misses_the_target_is_no_rival() -> None:
    trials = [exact(), trial(value=40, p95_ms=2), trial(value=80, p95_ms=4), trial(recall=0.5, p95_ms=1.9)]
    assert rivals(judge(trials, TARGET), trials) == []


@pytest.mark.parametrize(
    ("control_ms", "tied"),
    [
        pytest.param(130.0, True, id="the machine slowed down by more than the two differ"),
        pytest.param(105.0, False, id="by less"),
        pytest.param(70.0, False, id="it was faster, and the index slower all the same"),
    ],
)
def test_a_difference_that_the_machine_made_is_none(control_ms: float, tied: bool) -> None:
    verdict = verdict_on(
        (exact(), figures(100)),
        (beside(trial(value=40), 100.0), figures(2.0)),
        (beside(trial("ivfflat", 4), control_ms), figures(2.5)),
    )
    assert bool(verdict.ties) is tied
    if tied:
        assert (doubt(verdict) or "").endswith("but exact search took 30% longer beside it).")


def test_an_index_that_gains_nothing_over_exact_search_is_told() -> None:
    gains_nothing = verdict_on(
        (exact(p95_ms=2), figures(2.0, jitter=0.2, seed=1, queries=100)),
        (trial(value=40, p95_ms=2), figures(1.98, jitter=0.2, seed=2)),
    )
    assert "and exact search (" in (doubt(gains_nothing) or "")
    gains = verdict_on((exact(p95_ms=9), figures(9)), (trial(value=40, p95_ms=2), figures(2)))
    assert gains.cheapest is gains.exact
    assert doubt(gains) is None


def test_many_ties_are_counted_and_three_are_named() -> None:
    observed = figures(2.0)
    equal = ((trial(value=value), observed) for value in (40, 50, 60, 70, 80, 90))
    verdict = verdict_on((exact(), figures(100)), *equal)
    assert len(verdict.ties) == 5
    told = doubt(verdict) or ""
    assert told.count("ef_search=") == 4
    assert told.endswith(", 2 more.")


def test_a_run_is_judged_for_each_k_and_without_figures_without_doubt() -> None:
    trials = [
        replace(made, k=k, position=10 * k + i)
        for k in (5, 10)
        for i, made in enumerate((exact(), trial(value=40), trial(value=50)))
    ]
    run = run_of(*trials)
    observed = {t.position: figures(2.0) for t in trials}
    assert [(each.k, len(each.verdict.ties)) for each in judged(run, observed)] == [(5, 1), (10, 1)]
    assert [each.verdict.ties for each in judged(run, {})] == [(), ()]
    assert judged(run, {}, Target(p95_ms=0.1))[0].verdict.cheapest is None
