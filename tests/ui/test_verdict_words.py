"""What the verdict says to somebody who decides."""

from dataclasses import replace

from dashboard.benchmark.statistics import Difference
from dashboard.benchmark.statistics import Verdict as Told
from dashboard.benchmark.target import Target
from dashboard.benchmark.verdict import Tie, judge
from dashboard.ui.verdict_words import Words, words
from db.runs import Trial
from tests.trials import exact, trial


def said(*trials: Trial) -> Words:
    return words(judge(trials, Target()), len(trials), k=10)


def test_an_index_in_target_is_praised_with_what_it_gains_and_costs() -> None:
    told = said(exact(), trial(value=80, recall=0.98, p95_ms=2))
    assert told.badge == "Meets the target"
    assert told.caption == "cheapest of 2 trials with recall@10 ≥ 0.95 and p95 ≤ 20 ms"
    assert told.sentence == (
        "HNSW m=16, ef_construction=64, ef_search=80: recall 0.98 [0.97, 0.99], "
        "50 times faster than exact, +50.0 MB, built in 12 s"
    )
    assert told.remark is None


def test_a_doubtful_recall_names_the_setting_to_be_sure_with() -> None:
    told = said(exact(), trial(value=40, recall=0.955, interval=0.02), trial(value=80, p95_ms=4))
    assert told.remark
    assert told.remark.startswith("The interval reaches below 0.95. To be 95 % sure")
    assert "**ef_search=80**" in told.remark


def test_a_surer_setting_of_another_index_is_named_with_it() -> None:
    told = said(exact(), trial(value=40, recall=0.955, interval=0.02), trial("ivfflat", 9, p95_ms=4))
    assert "**IVFFlat lists=100, probes=9**" in (told.remark or "")


def test_what_is_not_told_apart_is_said_and_not_called_the_cheapest() -> None:
    trials = [exact(), trial(value=40, p95_ms=2), trial(value=50, p95_ms=2.02)]
    tie = Tie(trials[2], Difference(0.02, -0.03, 0.07, Told.SAME), 1.0)
    told = words(replace(judge(trials, Target()), ties=(tie,)), 3, k=10)
    assert told.caption.startswith("tied with 1 other of 3 trials with recall@10")
    assert told.remark
    assert told.remark.startswith("No real difference at p95 between HNSW m=16")
    assert "ef\\_search=50 (+0.02 ms" in told.remark


def test_an_index_that_is_slower_than_exact_search_is_not_called_quicker() -> None:
    assert said(exact(p95_ms=8), trial(p95_ms=9)).remark == "No index that was tried is quicker."


def test_exact_search_that_is_quick_enough_needs_no_index() -> None:
    told = said(exact(p95_ms=8), trial(p95_ms=1))
    assert told.badge == "No index needed"
    assert told.sentence == "Exact search answers in 8.00 ms at p95, and misses nothing"
    assert told.remark
    assert "100 times faster than exact" in told.remark


def test_a_missed_target_names_the_nearest_trial() -> None:
    told = said(exact(), trial(p95_ms=30))
    assert told.badge == "Misses the target"
    assert told.sentence.endswith("with recall 0.99 and p95 30.0 ms")


def test_a_run_of_void_trials_says_that_nothing_was_measured() -> None:
    assert said(trial(void=True)).sentence == "No trial could be measured"
