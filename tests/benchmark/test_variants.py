"""Trials of several k, filters, iterative scans, and indexes over something smaller than the vectors."""

from dataclasses import replace

import pytest

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.subset import parse_subset
from dashboard.benchmark.trials import sweep
from db.distance import Distance
from db.errors import RequestError
from db.forms import parse_spec
from db.progress import Progress
from tests.benchmark.conftest import PLAN, Bench, Journal


def plan_of(*indexes: str, ef_search: tuple[int, ...] = (80,), **facts: object) -> BenchmarkPlan:
    variants = sweep([parse_spec(index) for index in indexes], {"ef_search": ef_search, "probes": [10]})
    return replace(PLAN, variants=variants, **facts)  # type: ignore[arg-type]


def test_every_k_is_a_trial_of_its_own_with_its_own_exact_answer(bench: Bench) -> None:
    run = bench.run(plan_of("hnsw:m=8", ks=(3, 20)))

    assert [(t.method, t.k) for t in run.trials] == [("exact", 3), ("exact", 20), ("hnsw", 3), ("hnsw", 20)]
    assert all(trial.measures["recall"] > 0.8 for trial in run.trials)


@pytest.mark.parametrize(
    "form", ["as=halfvec", "as=bit,candidates=900", "as=subvector,subvector=6,candidates=200"]
)
def test_an_index_over_a_form_is_measured_by_the_true_distance(bench: Bench, form: str) -> None:
    run = bench.run(plan_of(f"hnsw:m=8,{form}", ef_search=(1000,)))

    trial = run.trials[1]
    assert trial.is_measured, trial.reason
    assert trial.options["as"] == form.partition(",")[0].removeprefix("as=")
    assert trial.measures["recall"] > 0.95
    assert trial.measures["under_fill"] == 0


def test_a_filter_by_share_and_one_by_predicate_are_searched_and_counted(bench: Bench) -> None:
    run = bench.run(plan_of("hnsw:m=8", subsets=(None, "10%", "id<=300")))

    searched = {trial.subset: trial.rows for trial in run.trials}
    assert searched[None] == 930
    assert 50 < (searched["10 %"] or 0) < 140
    assert 250 < (searched["id <= 300"] or 0) < 300
    assert [t.measures["recall"] for t in run.trials if t.method == "exact"] == [1, 1, 1]


def test_an_iterative_scan_fills_what_a_filter_had_emptied(bench: Bench) -> None:
    plan = replace(
        PLAN,
        subsets=("2%",),
        variants=sweep([parse_spec("hnsw:m=8")], {"ef_search": [10]}, ["off", "relaxed_order"]),
    )
    _, off, relaxed = bench.run(plan).trials

    assert off.setting == {"ef_search": 10, "iterative_scan": "off"}
    assert off.measures["under_fill"] > 0.5
    assert relaxed.measures["under_fill"] < 0.1


def test_a_subset_smaller_than_k_is_found_whole(bench: Bench) -> None:
    exact = bench.run(replace(PLAN, variants=(), subsets=("id<=12",), ks=(50,))).trials[0]

    assert exact.rows is not None
    assert exact.rows < 12
    assert exact.measures["recall"] == 1
    assert exact.measures["under_fill"] == 0


def test_a_partial_index_answers_the_searches_of_its_subset_alone(bench: Bench) -> None:
    run = bench.run(plan_of("hnsw:m=8,only=id <= 300", "hnsw:m=8", subsets=(None, "id<=300")))

    asked = [(str(t.options.get("only")), t.subset) for t in run.trials if t.method == "hnsw"]
    assert asked == [("id <= 300", "id <= 300"), ("None", None), ("None", "id <= 300")]
    assert all(trial.is_measured for trial in run.trials)
    partial, whole = (
        next(t for t in run.trials if (t.options.get("only") is not None) is only) for only in (True, False)
    )
    assert (partial.size_bytes or 0) < (run.trials[-1].size_bytes or 0)
    assert whole.method == "exact"


def test_an_index_is_built_again_when_asked_so_that_the_spread_is_seen(bench: Bench) -> None:
    run = bench.run(plan_of("hnsw:m=8", rebuilds=3))

    assert [trial.options.get("build") for trial in run.trials] == [None, None, 2, 3]
    assert len({trial.build_s for trial in run.trials[1:]}) == 3


def test_what_the_server_did_itself_stands_beside_every_trial(bench: Bench) -> None:
    exact, indexed = bench.run(plan_of("hnsw:m=8")).trials

    assert indexed.facts["server_ms"] > 0
    assert indexed.facts["hit_blocks"] > 0
    assert exact.facts["hit_blocks"] > 0
    assert indexed.facts["first_round_ms"] > 0


@pytest.mark.parametrize("given", ["0%", "100%", "150 %"])
def test_a_share_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(RequestError, match="A filter cannot keep"):
        parse_subset(given)


def test_a_partial_index_needs_its_filter_in_the_plan() -> None:
    with pytest.raises(RequestError, match="which nothing is asked of"):
        plan_of("hnsw:only=10 %")


def test_plans_of_an_earlier_release_are_still_read() -> None:
    old = {
        "column": "public.t.e",
        "distance": "l2",
        "k": 5,
        "queries": 20,
        "seed": 1,
        "repeats": 2,
        "sample_rows": None,
        "variants": [{"index": "hnsw:m=8,ef_construction=32", "values": [40]}],
    }
    plan = BenchmarkPlan.from_params(old)

    assert (plan.ks, plan.distance, len(plan.trials)) == ((5,), Distance.L2, 2)


def test_clients_at_once_are_measured_by_a_closed_and_an_open_loop(bench: Bench) -> None:
    plan = plan_of("hnsw:m=8", clients=(1, 2), seconds=1, rate=50)
    exact, indexed = bench.run(plan).trials

    for trial in (exact, indexed):
        assert [(point["clients"], point["rate"]) for point in trial.load] == [(1, 0), (2, 0), (2, 50)]
        assert all(point["errors"] == 0 for point in trial.load)
        assert all(point["qps_low"] <= point["qps"] <= point["qps_high"] for point in trial.load)
    assert indexed.load[2]["qps"] == pytest.approx(50, abs=3)


@pytest.mark.parametrize("form", ["", ",as=bit,candidates=20", ",only=30 %"])
def test_inserting_beside_an_index_costs_more_time_and_wal_than_without(bench: Bench, form: str) -> None:
    plan = plan_of(f"hnsw:m=8{form}", inserts=200, subsets=(None, "30%"))
    run = bench.run(plan)

    without, *_, beside = (trial.facts["inserted"] for trial in run.trials)
    assert (without["rows"], beside["rows"]) == (200, 200)
    assert beside["row_ms"] > 0
    if "only" not in form:  # rows added here belong to no subset
        assert beside["row_ms"] > without["row_ms"]
        assert beside["wal_bytes"] > 2 * without["wal_bytes"] > 0
    assert bench.scratch_tables() == []


def test_rows_inserted_for_their_cost_are_taken_back(bench: Bench) -> None:
    seen: list[int] = []
    plan = plan_of("hnsw:m=8", "hnsw:m=12", inserts=100)

    def count(progress: Progress) -> None:
        if "hnsw:m=12" in progress.phase and not seen:
            [(rows,)] = bench.execute("SELECT count(*) FROM vectorscope_bench.run_1")
            seen.append(rows)

    bench.run(plan, Journal(before_tell=count))
    assert seen == [930]
