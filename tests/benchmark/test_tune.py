"""Finding the cheapest configuration that meets a target."""

from dataclasses import replace

import pytest

from dashboard.benchmark import tune as tuning
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import Variant
from dashboard.benchmark.verdict import alike, judge
from db.distance import Distance
from db.errors import RequestError
from db.forms import parse_spec
from tests.benchmark.conftest import PLAN, Bench, Journal, Killed


def plan_for(target: Target, *indexes: str) -> BenchmarkPlan:
    return replace(PLAN, target=target, variants=tuple(Variant(parse_spec(i), ()) for i in indexes))


def test_where_exact_search_is_quick_enough_no_index_is_built(bench: Bench) -> None:
    run = bench.run(plan_for(Target(0.9, 10_000), "hnsw:m=8", "ivfflat:lists=10"))

    assert [trial.method for trial in run.trials] == ["exact"]
    assert run.state == "succeeded"


def test_the_smallest_setting_that_reaches_the_recall_is_found(bench: Bench) -> None:
    target = Target(0.9, 0.0001)  # out of reach: every candidate is looked at
    run = bench.run(plan_for(target, "ivfflat:lists=10"))

    found = run.trials[-1]
    assert found.method == "ivfflat"
    assert found.measures["recall"] >= 0.9
    probes = int(found.setting["probes"])
    grid = bench.run(replace(PLAN, variants=(Variant(parse_spec("ivfflat:lists=10"), tuple(range(1, 11))),)))
    enough = [int(t.setting["probes"]) for t in grid.trials[1:] if t.measures["recall"] >= 0.9]
    assert abs(probes - min(enough)) <= 1, "k-means begins anew in every build"


def test_candidates_are_put_in_order_on_a_small_copy(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "LEAST_SCREENED", 100)
    monkeypatch.setattr(tuning, "SCREENED_SHARE", 8)
    journal = Journal()
    plan = replace(plan_for(Target(0.8, 0.0001), "hnsw:m=4,ef_construction=8", "ivfflat:lists=5"), queries=20)
    run = bench.run(plan, journal)

    sizes = sorted({trial.rows for trial in run.trials if trial.rows})
    assert len(sizes) == 2
    assert sizes[0] < 200 < sizes[1]
    assert sum("On 9" in line or "On 1" in line for line in journal.lines) == 2
    assert len({trial.rows for trial in alike(run.trials)}) == 1
    assert judge(alike(run.trials), plan.target or Target()).cheapest is None


def test_a_setting_that_easy_queries_had_decided_is_asked_them_all_and_widened(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "FIRST_QUERIES", 1)  # one query has no interval: whatever it says decides
    run = bench.run(plan_for(Target(0.9, 0.0001), "ivfflat:lists=30"))

    asked = [(int(t.setting["probes"]), t.measures["recall"]) for t in run.trials if t.method == "ivfflat"]
    assert [probes for probes, _ in asked] == sorted(probes for probes, _ in asked)
    assert all(recall < 0.9 for _, recall in asked[:-1])
    assert asked[-1][1] >= 0.9


def test_what_is_far_too_slow_on_a_small_copy_is_not_built_on_the_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "LEAST_SCREENED", 100)
    monkeypatch.setattr(tuning, "SCREENED_SHARE", 8)
    plan = replace(plan_for(Target(0.8, 0.0001), "hnsw:m=4", "hnsw:m=8", "ivfflat:lists=5"), queries=20)
    run = bench.run(plan)

    whole = alike(run.trials)
    assert len([trial for trial in run.trials if trial not in whole and trial.method != "exact"]) == 3
    assert len(whole) == 2, "exact search, and the one that came nearest"


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

    assert {trial.method for trial in run.trials} == {"exact", "hnsw"}
    assert any("ivfflat:lists=3000: The server cannot build this index" in line for line in journal.lines)


def test_a_search_that_was_killed_begins_anew_and_ends_the_same(bench: Bench) -> None:
    plan = plan_for(Target(0.9, 0.0001), "hnsw:m=8", "ivfflat:lists=10")

    def kill(saves: int) -> None:
        if saves == 4:
            raise Killed

    journal = Journal(before_save=kill)
    with pytest.raises(Killed):
        bench.run(plan, journal)
    journal.before_save = lambda saves: None
    run = bench.run(plan, journal)

    assert [trial.position for trial in run.trials] == list(range(len(run.trials)))
    assert run.trials[0].method == "exact"
    assert bench.scratch_tables() == []


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
