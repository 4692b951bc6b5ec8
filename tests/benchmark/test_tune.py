"""Finding the cheapest configuration that meets a target."""

from dataclasses import replace
from typing import Any

import pytest

from dashboard.benchmark import bisection, screening
from dashboard.benchmark import tune as tuning
from dashboard.benchmark.bisection import Found, Search, is_slower
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import UNTUNED, Target, Untuned
from dashboard.benchmark.trials import Variant, read_index
from dashboard.benchmark.verdict import alike, judge
from db.distance import Distance
from db.errors import RequestError
from db.forms import parse_spec
from db.runs import Trial
from tests.benchmark.conftest import PLAN, Bench, Journal, Killed
from tests.benchmark.test_resume import killed_at
from tests.trials import trial as made


def plan_for(target: Target, *indexes: str) -> BenchmarkPlan:
    return replace(PLAN, target=target, variants=tuple(Variant(parse_spec(i), ()) for i in indexes))


def found_at(p95_ms: float, *, spread_ms: float = 0.05, build_s: float = 1.0) -> Found:
    low_ms, high_ms = p95_ms - spread_ms, p95_ms + spread_ms
    return Found(2, p95_ms, low_ms, high_ms, control_ms=4.0, build_s=build_s, meets=True)


def test_where_exact_search_is_quick_enough_no_index_is_built(bench: Bench) -> None:
    run = bench.run(plan_for(Target(0.9, 10_000), "hnsw:m=8", "ivfflat:lists=10"))

    assert [trial.method for trial in run.trials] == ["exact"]
    assert run.state == "succeeded"


def test_the_smallest_setting_that_reaches_the_recall_is_found(bench: Bench) -> None:
    target = Target(0.9, 0.0001)  # out of reach: every candidate is looked at
    run = bench.run(plan_for(target, "ivfflat:lists=10"))

    whole = [trial for trial in run.trials if trial.method == "ivfflat" and not trial.is_short]
    probes = min(int(trial.setting["probes"]) for trial in whole if trial.measures["recall"] >= 0.9)
    grid = bench.run(replace(PLAN, variants=(Variant(parse_spec("ivfflat:lists=10"), tuple(range(1, 11))),)))
    enough = [int(t.setting["probes"]) for t in grid.trials[1:] if t.measures["recall"] >= 0.9]
    assert abs(probes - min(enough)) <= 1, "k-means begins anew in every build"


def test_candidates_are_put_in_order_on_a_small_copy(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening, "LEAST_SCREENED", 100)
    monkeypatch.setattr(screening, "SCREENED_SHARE", 8)
    journal = Journal()
    plan = replace(plan_for(Target(0.8, 0.0001), "hnsw:m=4,ef_construction=8", "ivfflat:lists=5"), queries=20)
    run = bench.run(plan, journal)

    sizes = sorted({trial.rows for trial in run.trials if trial.rows})
    assert len(sizes) == 2
    assert sizes[0] < 200 < sizes[1]
    assert sum("On 9" in line or "On 1" in line for line in journal.lines) == 2
    assert len({trial.rows for trial in alike(run.trials)}) == 1
    assert judge(alike(run.trials), plan.target or Target()).cheapest is None


def test_what_a_small_copy_says_of_ivfflat_is_carried_over_with_the_rows_it_will_probe() -> None:
    found = found_at(0.3)
    graph, lists = parse_spec("hnsw:m=16"), parse_spec("ivfflat:lists=50")
    assert tuning.expected_ms(found, graph, 2.0, 8) == 0.3
    assert tuning.expected_ms(found, lists, 2.0, 8) == pytest.approx(0.3 + 2 / 50 * 2.0 * 7)
    assert tuning.expected_ms(found, lists, 2.0, 1) == 0.3


def test_a_third_candidate_is_compared_where_it_is_not_told_apart_and_costs_little() -> None:
    near = [found_at(1.0), found_at(1.1), found_at(1.15)]
    assert tuning.survivors(near, all_built_s=9.0) == 3
    assert tuning.survivors(near, all_built_s=8.9) == 2, "over a third of what all builds take"
    assert tuning.survivors([*near[:2], found_at(1.3)], all_built_s=100) == 2, "slower for sure"
    assert tuning.survivors([*near, found_at(1.15)], all_built_s=100) == 3
    assert [tuning.survivors(near[:few], all_built_s=100) for few in (1, 2)] == [1, 2]


def test_where_no_small_copy_says_anything_every_candidate_is_compared(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_reach = Target(0.8, 10_000)
    monkeypatch.setattr(Search, "exact_ms", lambda _: 1e6)  # as if there were a million rows
    run = bench.run(plan_for(in_reach, "ivfflat:lists=10", "hnsw:m=8", "hnsw:m=16"))

    whole = [trial for trial in alike(run.trials) if trial.measures["recall"] >= 0.8]
    fastest = min(whole, key=lambda trial: trial.measures["p95_ms"])
    assert judge(whole, in_reach).cheapest is fastest
    asked = {str(trial.options) for trial in run.trials}
    assert len(asked) == 3, "each was built, and asked until it was decided"
    for options in asked - {str(trial.options) for trial in whole}:  # given up: slower where it still misses
        last = [trial for trial in run.trials if str(trial.options) == options][-1]
        assert last.measures["recall"] < 0.8
        assert any(last.measures["p95_ms_low"] > trial.measures["p95_ms_high"] for trial in whole)


def test_a_candidate_is_slower_by_more_than_exact_search_was_beside_it() -> None:
    fastest = found_at(1.0)  # 1.05 ms at most, with exact search at 4 ms

    def beside(low_ms: float, control_ms: float) -> Trial:
        return replace(made(), measures={"p95_ms_low": low_ms}, facts={"noise": {"control_ms": control_ms}})

    assert is_slower(beside(1.06, 4.0), fastest)
    assert not is_slower(beside(1.04, 4.0), fastest)
    assert not is_slower(beside(2.0, 8.0), fastest), "the machine was half as fast by then"
    assert is_slower(beside(2.2, 8.0), fastest)
    assert not is_slower(beside(1.04, 2.0), fastest), "nor does a quicker machine make it slower"
    assert not is_slower(replace(made(), measures={}), fastest), "a void trial decides nothing"


def test_a_candidate_is_given_up_once_it_is_slower_than_the_fastest_where_it_still_misses(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Search, "exact_ms", lambda _: 1e6)
    found = Search.best_setting
    best: list[Found | None] = []

    def told(search: Search, variant: Variant, fastest: Found | None = None) -> Found | None:
        fastest = replace(fastest, high_ms=1e-9) if fastest else None  # so fast that no interval holds it
        best.append(found(search, variant, fastest))
        return best[-1]

    monkeypatch.setattr(Search, "best_setting", told)
    run = bench.run(plan_for(Target(0.97, 10_000), "ivfflat:lists=10", "ivfflat:lists=20"))

    assert best[0] is not None
    assert best[1] is None
    [asked] = [trial for trial in run.trials if trial.options == {"lists": 20}]
    assert asked.setting == {"probes": 1}
    assert judge(alike(run.trials), Target(0.97, 10_000)).cheapest in run.trials


@pytest.mark.parametrize(
    ("rows", "change", "share", "screened"),
    [
        (1_000_000, {}, 1.0, 62_500),
        (7_999, {}, 1.0, None),
        (8_000, {}, 1.0, 2_000),
        (1_000_000, {"subsets": ("1 %",)}, 0.01, 62_500),
        (1_000_000, {"subsets": ("0.1 %",)}, 0.001, 200_000),
        (1_000_000, {"subsets": ("0.01 %",)}, 0.0001, None),
        (1_000_000, {"subsets": ("price <= 9",)}, None, None),
        (1_000_000, {"subsets": ("price <= 9",)}, 0.0, None),
        (1_000_000, {"variants": ()}, 1.0, None),
    ],
)
def test_a_small_copy_holds_enough_rows_that_meet_the_filter_or_there_is_none(
    rows: int, change: dict[str, Any], share: float | None, screened: int | None
) -> None:
    plan = replace(plan_for(Target(), "hnsw", "ivfflat"), **change)
    assert screening.screened_rows(plan, rows, share) == screened


def test_an_index_over_the_rows_of_a_filter_is_screened_on_as_many_of_them() -> None:
    variants = tuple(Variant(read_index(index), ()) for index in ("hnsw", "hnsw:only=5 %"))
    partial = replace(PLAN, target=Target(), subsets=("5 %",), variants=variants)
    assert screening.screened_rows(partial, 1_000_000, 0.05) == 62_500
    assert screening.screened_rows(partial, 200_000, 0.05) == 40_000


def test_with_a_filter_candidates_are_put_in_order_on_a_small_copy_that_holds_enough_of_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LEAST_SCREENED": 100, "SCREENED_SHARE": 8, "LEAST_MET": 8}.items():
        monkeypatch.setattr(screening, name, value)
    plan = plan_for(Target(0.8, 0.0001), "hnsw:m=4,ef_construction=8", "ivfflat:lists=5")
    run = bench.run(replace(plan, subsets=("id <= 500",), queries=20), journal := Journal())

    small, whole = sorted({trial.rows for trial in run.trials if trial.rows})
    assert 60 < small < 100, "80 are wanted: those of 166 rows"
    assert 460 < whole < 480, "of which queries are held out"
    assert journal.checkpoint["share_met"] == pytest.approx(0.5, abs=0.01)
    assert sorted(journal.checkpoint["order"]) in ([0], [0, 1])
    assert {trial.subset for trial in run.trials} == {"id <= 500"}


def test_a_setting_that_easy_queries_had_decided_is_asked_them_all_and_widened(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bisection, "FIRST_QUERIES", 1)  # one query has no interval: whatever it says decides
    run = bench.run(plan_for(Target(0.9, 0.0001), "ivfflat:lists=30"))

    asked = [t for t in run.trials if t.method == "ivfflat" and not t.is_short]
    probes = [int(t.setting["probes"]) for t in asked]
    assert probes == sorted(probes)
    assert all(t.measures["recall"] < 0.9 for t in asked[:-1])
    assert asked[-1].measures["recall"] >= 0.9


def test_every_setting_asked_is_kept_with_the_queries_that_decided_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bisection, "FIRST_QUERIES", 10)
    target = Target(0.9, 0.0001)
    run = bench.run(replace(plan_for(target, "ivfflat:lists=30"), queries=100))

    settings = sorted(
        (int(t.setting["probes"]), t) for t in run.trials if t.method == "ivfflat" and t.is_short
    )
    assert settings[0][1].queries < 100
    for _, trial in settings:
        low, high = trial.measures["recall_low"], trial.measures["recall_high"]
        assert low >= 0.9 or high < 0.9, "it was ended because its interval had decided"
        assert trial.facts["of_queries"] == 100
    whole = [trial for trial in alike(run.trials) if trial.method == "ivfflat"]
    found = min(int(t.setting["probes"]) for t in whole if t.measures["recall"] >= 0.9)
    below = [t for t in run.trials if t.method == "ivfflat" and int(t.setting["probes"]) < found]
    # What a few queries had taken for enough may miss when all are asked: then these are the evidence.
    nearest = max(below, key=lambda trial: (int(trial.setting["probes"]), not trial.is_short))
    assert nearest.measures["recall"] < 0.9
    assert found - int(nearest.setting["probes"]) <= max(1, found * 0.15)
    assert not any(trial.is_short for trial in whole)


def test_a_search_limited_to_a_filter_is_tuned_for_it(bench: Bench) -> None:
    plan = replace(
        plan_for(Target(0.9, 0.0001), "ivfflat:lists=10", "hnsw:m=8"), subsets=("20 %",), queries=20
    )
    scanning = tuple(replace(variant, scans=("relaxed_order",)) for variant in plan.variants)
    run = bench.run(replace(plan, variants=scanning))

    assert {trial.subset for trial in run.trials} == {"20 %"}
    assert len({trial.rows for trial in run.trials}) == 1
    for method in ("ivfflat", "hnsw"):
        asked = [trial for trial in run.trials if trial.method == method]
        assert max(trial.measures["recall"] for trial in asked) >= 0.9
        assert all(trial.setting["iterative_scan"] == "relaxed_order" for trial in asked)


def test_what_is_far_too_slow_on_a_small_copy_is_not_built_on_the_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screening, "LEAST_SCREENED", 100)
    monkeypatch.setattr(screening, "SCREENED_SHARE", 8)
    plan = replace(plan_for(Target(0.8, 0.0001), "hnsw:m=4", "hnsw:m=8", "ivfflat:lists=5"), queries=20)
    run = bench.run(plan)

    whole = alike(run.trials)
    small = {tuple(trial.options.items()) for trial in run.trials if trial not in whole and trial.options}
    assert len(small) == 3
    built = {tuple(trial.options.items()) for trial in whole if trial.options}
    assert len(built) == 1, "the one that came nearest"


def test_a_candidate_the_server_refuses_is_passed_over(bench: Bench) -> None:
    bench.execute(
        "CREATE TABLE wide AS SELECT id, array_fill(id, ARRAY[2000])::vector(2000) AS embedding "
        "FROM generate_series(1, 300) AS id"
    )
    plan = replace(
        plan_for(Target(0.5, 0.0001), "ivfflat:lists=3000", "hnsw:m=4,ef_construction=8"),
        column="public.wide.embedding",
        distance=Distance.L2,
    )
    run = bench.run(plan, journal := Journal(), build_memory_mb=1)

    assert {trial.method for trial in run.trials if trial.is_measured} == {"exact", "hnsw"}
    [void] = [trial for trial in run.trials if not trial.is_measured]
    assert "cannot build this index" in (void.reason or "")
    assert any("ivfflat:lists=3000: The server cannot build this index" in line for line in journal.lines)


def test_a_search_killed_again_and_again_asks_nothing_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screening, "LEAST_SCREENED", 100)
    monkeypatch.setattr(screening, "SCREENED_SHARE", 8)
    plan = replace(plan_for(Target(0.8, 0.0001), "hnsw:m=4,ef_construction=8", "ivfflat:lists=5"), queries=20)

    journal, kills, saved, told = killed_at(4, Journal()), 0, [], []
    while True:
        try:
            run = bench.run(plan, journal)
            break
        except Killed:
            kills += 1
        finally:
            saved += journal.saved
            told += journal.told
            journal = killed_at(4, journal)

    assert kills > 3
    assert [trial.position for trial in run.trials] == list(range(len(run.trials)))
    asked = [(t.rows, t.method, str(t.options), str(t.setting), t.is_short) for t in run.trials]
    assert len(set(asked)) == len(asked)
    assert sum(progress.phase.startswith("measured") for progress in saved) == len(asked)
    indexes = {(t.rows, str(t.options)) for t in run.trials if t.options}
    assert sum(progress.phase.startswith("built") for progress in saved) == len(indexes)
    assert len({trial.rows for trial in run.trials}) == 2
    assert sum(progress.phase == "copying the rows" for progress in told) <= 3, "two, and one killed itself"
    assert run.state == "succeeded"
    assert bench.scratch_tables() == []


def test_a_search_whose_copy_is_lost_builds_again_and_asks_the_rest(bench: Bench) -> None:
    plan = plan_for(Target(0.9, 0.0001), "ivfflat:lists=30")
    journal = killed_at(6, Journal())
    with pytest.raises(Killed):
        bench.run(plan, journal)
    kept = bench.look(journal.checkpoint["run"]).trials
    assert len(kept) > 1
    bench.execute("TRUNCATE vectorscope_bench.run_1, vectorscope_bench.run_1_query")

    run = bench.run(plan, Journal(checkpoint=dict(journal.checkpoint)))

    assert run.trials[: len(kept)] == kept
    assert [trial.position for trial in run.trials] == list(range(len(run.trials)))
    assert run.state == "succeeded"


def test_a_plan_to_tune_comes_back_from_its_parameters() -> None:
    plan = plan_for(Target(0.9, 5.0), "hnsw:m=8")

    assert BenchmarkPlan.from_params(plan.to_params()) == plan
    assert [trial.method for trial in plan.trials] == ["exact"]


def test_candidates_that_no_operator_class_serves_are_left_out() -> None:
    for distance in (Distance.L1, Distance.COSINE):
        for spec in tuning.candidates(50_000, "vector", 384, distance):
            spec.check("vector", 384, distance)
    assert all(s.method.name == "hnsw" for s in tuning.candidates(50_000, "vector", 384, Distance.L1))
    assert all(s.form for s in tuning.candidates(50_000, "vector", 3000, Distance.COSINE))


@pytest.mark.parametrize(
    ("recall", "p95_ms"), [(1.1, 20), (-0.1, 20), (0.9, 0), (0.9, -1), (0.9, float("nan"))]
)
def test_a_target_nobody_can_reach_is_refused(recall: float, p95_ms: float) -> None:
    with pytest.raises(RequestError):
        Target(recall, p95_ms)


ASKED: dict[str, dict[str, Any]] = {
    "second k": {"ks": (5, 10)},
    "second filter": {"subsets": (None, "1 %")},
    "sizes": {"sizes": (300, 600)},
    "clients": {"clients": (1,)},
    "rate": {"rate": 10},
    "rebuilds": {"rebuilds": 2},
    "inserts": {"inserts": 10},
    "live table": {"live": True},
    "clients on the live table": {"live_clients": True},
    "ef_search or probes": {"variants": (Variant(parse_spec("hnsw"), (40,)),)},
    "second iterative_scan of a candidate": {
        "variants": (Variant(parse_spec("hnsw"), (), ("off", "relaxed_order")),)
    },
    "second max_scan_tuples of a candidate": {
        "variants": (Variant(parse_spec("hnsw"), (), (None,), (None, 500)),)
    },
}


@pytest.mark.parametrize("untuned", UNTUNED, ids=lambda untuned: untuned.key)
def test_what_a_tuned_run_would_not_do_is_refused(untuned: Untuned) -> None:
    plan = plan_for(Target(), "hnsw")
    with pytest.raises(RequestError) as refusal:
        replace(plan, **ASKED[untuned.key])

    assert refusal.value.message == f"A plan with a target takes no {untuned.key}: {untuned.why}."
    old = replace(PLAN, variants=()).to_params() | ASKED[untuned.key] if untuned.field != "variants" else None
    if old:  # of an earlier release, which took it and did nothing with it
        assert BenchmarkPlan.from_params(old | {"target": {"recall": 0.9, "p95_ms": 5}}).target
