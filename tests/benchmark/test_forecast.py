"""What a plan will take."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.benchmark.forecast import Forecast, check_time, forecast
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import Variant, sweep
from db.distance import Distance
from db.errors import RequestError
from db.forms import parse_spec
from db.pace import Pace
from db.survey import Survey
from tests.benchmark.conftest import PLAN, Bench, Journal

COLUMN = Survey(rows=50_000, nulls=0, zeros=0, dimensions=128)
SWEPT = BenchmarkPlan(
    "public.items.embedding",
    Distance.COSINE,
    sweep(
        [parse_spec("hnsw:m=16"), parse_spec("ivfflat:lists=100")], {"ef_search": [10, 80], "probes": [1, 10]}
    ),
)


def of(plan: BenchmarkPlan = SWEPT, found: Survey = COLUMN, **facts: float) -> Forecast:
    return forecast(plan, "vector", found, **facts)  # type: ignore[arg-type]


def test_the_parts_make_the_whole() -> None:
    found = of(replace(SWEPT, clients=(1, 2), inserts=100))
    parts = (found.copy_s, found.truth_s, found.build_s, found.query_s, found.load_s, found.insert_s)

    assert all(part > 0 for part in parts)
    assert found.to_document()["total_s"] == found.total_s == pytest.approx(sum(parts))


def test_builds_of_known_length_are_forecast_within_a_factor_of_three() -> None:
    """Quiet builds of HNSW m=16, ef_construction=64 by two processes, and of IVFFlat by one."""
    for index, rows, measured_s in (("hnsw:m=16", 50_000, 7.7), ("ivfflat:lists=100", 60_000, 1.6)):
        plan = replace(SWEPT, variants=sweep([parse_spec(index)], {}))
        forecast_s = of(plan, replace(COLUMN, rows=rows)).build_s
        assert measured_s / 3 < forecast_s < measured_s * 3


def test_a_server_that_is_slow_just_now_is_forecast_to_be_slow() -> None:
    usual = of(read_s=COLUMN.rows * 0.25e-6)
    pace = Pace(rows=1_000, exact_s=0.5e-3, build_s=0.2, search_s=0.3e-3)
    now = forecast(SWEPT, "vector", COLUMN, pace=pace)
    slow = forecast(SWEPT, "vector", COLUMN, pace=replace(pace, build_s=0.6, search_s=0.9e-3))

    assert slow.build_s == pytest.approx(3 * now.build_s)
    assert now.query_s < slow.query_s < 3.01 * now.query_s
    assert slow.truth_s == now.truth_s, "which is computed here"
    assert usual.total_s > 0


def test_no_pace_is_believed_beyond_its_bounds() -> None:
    stuck = Pace(rows=1_000, exact_s=1e3, build_s=1e6, search_s=1e3)
    assert forecast(SWEPT, "vector", COLUMN, pace=stuck).total_s < 11 * of().total_s


def test_a_run_keeps_the_pace_it_found_and_how_wrong_its_forecast_was(bench: Bench) -> None:
    bench.execute("INSERT INTO items SELECT id + 2000, embedding FROM items WHERE id <= 400")
    known = bench.run(PLAN).environment or {}

    assert known["pace"]["rows"] == 1_000
    assert known["pace"]["build_s"] > 0
    assert known["took_over_forecast"] == pytest.approx(known["took_s"] / known["forecast"]["total_s"])


@pytest.mark.parametrize(
    "change",
    [
        {"repeats": 3},
        {"queries": 1000},
        {"ks": (10, 100)},
        {"subsets": (None, "10 %")},
        {"clients": (1,)},
        {"rebuilds": 2},
        {"inserts": 1000},
        {"live": True},
        {"variants": (*SWEPT.variants, *sweep([parse_spec("hnsw:m=32,ef_construction=200")], {}))},
    ],
    ids=str,
)
def test_whatever_is_added_to_a_plan_takes_longer(change: dict[str, object]) -> None:
    assert of(replace(SWEPT, **change)).total_s > of().total_s  # type: ignore[arg-type]


def test_clients_on_the_live_table_are_in_the_forecast() -> None:
    live = replace(SWEPT, live=True, clients=(1, 4), seconds=10)
    more_s = of(replace(live, live_clients=True)).load_s - of(live).load_s

    assert 2 * 2 * 10 <= more_s < 2 * 2 * 15, "two trials, by two numbers of clients"


@given(
    rows=st.integers(1_000, 10_000_000),
    dimensions=st.integers(1, 199),
    more=st.floats(1.01, 10),
)
def test_more_rows_or_longer_vectors_take_more_of_everything(rows: int, dimensions: int, more: float) -> None:
    less = of(found=Survey(rows, 0, 0, dimensions))
    for larger in (
        Survey(int(rows * more) + 1, 0, 0, dimensions),
        Survey(rows, 0, 0, int(dimensions * more) + 1),
    ):
        found = of(found=larger)
        assert found.memory_bytes > less.memory_bytes
        assert found.build_bytes > less.build_bytes
        assert found.scratch_bytes >= less.scratch_bytes
        assert found.truth_s > less.truth_s


def test_a_graph_that_outgrows_its_memory_takes_several_times_as_long() -> None:
    plan = replace(SWEPT, variants=SWEPT.variants[:1])
    found = replace(COLUMN, rows=100_000)

    assert of(plan, found).build_bytes > 64 * 2**20
    assert of(plan, found).build_s == pytest.approx(3 * of(plan, found, build_memory_mb=1000).build_s)


def test_copies_of_several_sizes_take_each_its_time_and_the_largest_its_space() -> None:
    growing = replace(SWEPT, sizes=(12_500, 25_000, 50_000))

    assert of(growing).copy_s > of().copy_s
    assert of(growing).scratch_bytes == of().scratch_bytes


def test_a_search_for_a_target_takes_less_than_its_candidates_together() -> None:
    specs = [parse_spec(f"hnsw:m={m}") for m in (8, 16, 24, 32)]
    tuned = replace(SWEPT, target=Target(), variants=tuple(Variant(spec, ()) for spec in specs))
    swept = replace(SWEPT, variants=sweep(specs, {}))
    together_s = of(swept).build_s

    assert 0 < of(tuned).build_s < together_s
    few = replace(COLUMN, rows=5_000)
    assert of(tuned, few).build_s == of(swept, few).build_s, "all are built"
    rare = replace(tuned, subsets=("0.1 %",))
    assert of(rare).build_s == pytest.approx(together_s), "no small copy has enough of such rows"
    met = replace(tuned, subsets=("price <= 9",))
    assert of(met).build_s < of(met, share_met=0.001).build_s


def test_a_server_that_reads_slowly_is_forecast_to_be_slow_in_all() -> None:
    many = replace(COLUMN, rows=500_000)
    usual_s, read_s = of(found=many).total_s, 500_000 * (0.1e-6 + 128 * 1.2e-9)

    assert of(found=many, read_s=3 * read_s).total_s == pytest.approx(3 * usual_s)
    assert of(found=many, read_s=1e9).total_s == pytest.approx(10 * usual_s), "a cold disk tells little"
    assert of(read_s=0.04).total_s == of().total_s, "it was over too soon to tell"


def test_it_is_said_in_a_sentence_and_refused_over_a_budget() -> None:
    assert of().sentence().startswith("About ")
    check_time(of(), 1e6)
    with pytest.raises(RequestError, match=r"This benchmark would take about .*; 1 s may be spent on one"):
        check_time(of(), 1)


def test_a_run_keeps_its_forecast_and_tells_how_wrong_it_was(bench: Bench) -> None:
    run = bench.run(PLAN, journal := Journal())

    known = run.environment or {}
    assert known["forecast"]["total_s"] > 0
    assert known["took_over_forecast"] == pytest.approx(known["took_s"] / known["forecast"]["total_s"])
    assert known["remarks"][-1].startswith("It took ")
    assert journal.lines[0].startswith("Forecast. About ")
    assert known["remarks"][-1] in journal.lines
    assert {trial.facts["began"] for trial in run.trials} <= {"cold", "warm"}
    assert all(trial.facts["noise"]["control_ms"] > 0 for trial in run.trials)


def test_a_benchmark_over_its_time_is_refused_before_anything_starts(bench: Bench) -> None:
    with pytest.raises(RequestError, match="would take about"):
        bench.run(replace(PLAN, clients=(1, 2), seconds=600), budget_s=60)

    assert bench.execute("SELECT count(*) FROM vectorscope.run") == [(0,)]
