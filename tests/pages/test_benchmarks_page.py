"""Benchmarks: asking for one, and what a finished, a running and a broken one show."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.benchmark.export import FORMATS
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.plan_file import from_toml, to_toml
from dashboard.benchmark.run import benchmark
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import Variant, sweep
from dashboard.identity import LOCAL
from dashboard.jobs import queue
from dashboard.settings import settings
from db import jobs
from db.catalog import find_column
from db.distance import Distance
from db.engine import Database
from db.forms import parse_spec
from db.progress import Unrecorded
from db.runs import Run, load_run
from tests.kept import keep_run
from tests.pages.conftest import open_app
from tests.pages.filled import COLUMN, INDEX, fill_products, measure_products, widget
from tests.trials import exact, trial


@pytest.fixture
def products(served: Database) -> Database:
    fill_products(served, indexed=False)
    return served


def shown(app: AppTest) -> str:
    return " ".join(
        element.value
        for kind in (app.markdown, app.caption, app.header, app.error, app.info)
        for element in kind
    )


def run_of(database: Database, run_id: int) -> Run:
    with database.reading("tests") as connection:
        return load_run(connection, run_id)


def trials_of(app: AppTest) -> list[str]:
    return [
        chip[0] for chip in next(t.value for t in app.dataframe if "Verdict" in t.value.columns)["Verdict"]
    ]


def test_a_column_without_a_run_shows_the_form_and_what_it_costs_and_touches(products: Database) -> None:
    app = open_app("benchmarks", c=COLUMN)
    assert not app.error
    assert "10 trials, 1,500 timed queries" in shown(app)
    assert "of scratch space" in shown(app)
    assert "Only reads public.products.embedding" in shown(app)


def test_start_queues_the_plan_and_shows_its_job(products: Database) -> None:
    app = open_app("benchmarks", c=COLUMN)
    widget(app, f"bench ef_search {COLUMN}").set_value(["20", "60"])
    widget(app, "bench ivfflat cosine").set_value(False).run()
    next(button for button in app.button if button.label == "Start benchmark").click().run()
    assert not app.error
    with products.reading("tests") as connection:
        [job] = jobs.latest(connection)
    plan = BenchmarkPlan.from_params(job.params)
    assert [str(trial) for trial in plan.trials] == [
        "exact",
        "hnsw:m=16,ef_construction=64 ef_search=20",
        "hnsw:m=16,ef_construction=64 ef_search=60",
    ]
    assert trials_of(app) == ["▶ measuring", "○ queued", "○ queued"]
    assert "Waiting for its turn" in shown(app) or "queued" in shown(app)


@pytest.mark.parametrize(
    ("key", "values", "sentence"),
    [
        ("ef_search", ["5000"], "ef_search = 5000 is outside 1 to 1,000."),
        ("ef_search", ["many"], "ef_search = 'many' is not a whole number."),
        ("ef_search", ["9" * 5000], f"ef_search = '{'9' * 20}' is not a whole number."),
        ("ef_search", [], "has no value of ef_search to try"),
        ("m", ["90"], "ef_construction = 64 is below twice m = 90."),
    ],
)
def test_a_plan_that_cannot_be_measured_is_told_before_it_is_queued(
    products: Database, key: str, values: list[str], sentence: str
) -> None:
    app = open_app("benchmarks", c=COLUMN)
    widget(app, f"bench {key} {COLUMN}").set_value(values).run()
    [error] = app.error
    assert sentence in error.value.replace("\\", "")
    assert next(button for button in app.button if button.label == "Start benchmark").disabled


def test_a_distance_without_an_operator_class_disables_the_method(products: Database) -> None:
    app = open_app("benchmarks", c=COLUMN)
    widget(app, "bench distance").set_value("l1").run()
    assert widget(app, "bench ivfflat l1").disabled
    assert "It has no operator class for Taxicab (L1) on vector." in shown(app)


def test_a_finished_run_shows_its_verdict_figures_and_circumstances(products: Database) -> None:
    run_id = measure_products(products)
    app = open_app("benchmarks", run=str(run_id))
    assert not app.error
    assert [metric.label for metric in app.metric] == [
        "p95 latency",
        "Recall, worst tenth",
        "Throughput, one client",
        "Index",
    ]
    assert len(app.get("plotly_chart")) == 5
    assert len(trials_of(app)) == 3
    assert {"Server", "Rows", "Queries", "Table"} <= set(app.table[0].value["name"])
    assert "unchanged" in " ".join(app.table[0].value["value"])


def test_the_target_decides_what_is_in_it(products: Database) -> None:
    run_id = measure_products(products)
    easy = open_app("benchmarks", run=str(run_id), recall="0.01", p95="100000")
    assert trials_of(easy)[0] == "★ cheapest"
    assert "No index needed" in shown(easy)
    hard = open_app("benchmarks", run=str(run_id), recall="0.01", p95="0.01")
    assert set(trials_of(hard)) == {"✕ too slow"}
    assert "Misses the target" in shown(hard)


def test_what_is_not_told_apart_is_tied_and_not_called_the_cheapest(products: Database) -> None:
    with products.reading("tests") as connection:
        column = find_column(connection, COLUMN)
    plan = BenchmarkPlan(COLUMN, Distance.COSINE, ())
    trials = exact(), trial(value=40), trial(value=50), trial(value=60, p95_ms=3)
    app = open_app("benchmarks", run=str(keep_run(products, column, plan, *trials)))
    assert not app.error
    assert trials_of(app) == ["✕ too slow", "★ tied", "≈ tied", "✓ in target"]
    assert "tied with 1 other of 4 trials" in shown(app)
    assert "No real difference at p95 between HNSW" in shown(app)


def test_a_target_beyond_all_numbers_is_left_out(products: Database) -> None:
    measure_products(products)
    app = open_app("benchmarks", c=COLUMN, recall="1e400", p95="9" * 400)
    assert not app.error
    assert widget(app, "recall").value == Target().recall
    assert widget(app, "p95").value == Target().p95_ms


def test_the_setting_and_the_run_can_be_copied(products: Database) -> None:
    run_id = measure_products(products)
    app = open_app("benchmarks", run=str(run_id), recall="0.01", p95="100000")
    sql, python, migration, toml, command = (code.value for code in app.code)
    assert sql.startswith("CREATE INDEX CONCURRENTLY products_embedding_")
    compile(python, "use.py", "exec")
    compile(migration, "revision.py", "exec")
    assert "DROP INDEX CONCURRENTLY public.products_embedding_" in migration
    assert command == f"python -m dashboard benchmark {COLUMN} --plan plan.toml"
    assert from_toml(toml).trials == BenchmarkPlan.from_params(run_of(products, run_id).plan).trials


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("404", "There is no run 404"),
        ("9" * 18, "There is no run 9"),
        ("9" * 5000, "is not the number of a run"),
        ("\u0664", "is not the number of a run"),
    ],
)
def test_a_run_that_is_not_there_is_told(products: Database, given: str, told: str) -> None:
    [error] = open_app("benchmarks", run=given).error
    assert told in error.value


def test_a_run_that_failed_says_why(products: Database) -> None:
    plan = BenchmarkPlan.from_params(
        {
            "column": COLUMN,
            "distance": "cosine",
            "variants": [],
            "queries": 20,
            "k": 10,
            "seed": 0,
            "repeats": 1,
        }
    )
    job_id = queue.submit(products, LOCAL, "benchmark", plan.to_params())
    with products.control("tests") as connection:
        connection.exec_driver_sql(
            "UPDATE vectorscope.job SET state = 'failed', error = 'The disk is full.', remedy = 'Free space.'"
        )
    app = open_app("benchmarks", c=COLUMN, job=str(job_id))
    assert "The disk is full." in shown(app)
    assert "Retry" in [button.label for button in app.button]


def test_a_run_can_be_taken_away(products: Database) -> None:
    run_id = measure_products(products)
    app = open_app("benchmarks", run=str(run_id))
    labels = [element.proto.label for element in app.get("download_button")]
    assert labels == [each.label for each in FORMATS]


def started(app: AppTest, products: Database) -> BenchmarkPlan:
    next(button for button in app.button if button.label == "Start benchmark").click().run()
    assert not app.error
    with products.reading("tests") as connection:
        return BenchmarkPlan.from_params(jobs.latest(connection)[0].params)


def test_every_field_of_a_plan_can_be_asked_for(products: Database) -> None:
    app = open_app("benchmarks", c=COLUMN)
    widget(app, "bench ivfflat cosine").set_value(False)
    widget(app, f"bench ef_search {COLUMN}").set_value(["40"])
    widget(app, f"bench ks {COLUMN}").set_value(["10", "5"])
    widget(app, f"bench filters {COLUMN}").set_value(["none", "10 %", "price<=150"])
    widget(app, "bench scans").set_value(["relaxed_order"])
    widget(app, f"bench tuples {COLUMN}").set_value(["20000"])
    widget(app, f"bench forms {COLUMN}").set_value(["column", "halfvec"])
    widget(app, f"bench clients {COLUMN}").set_value(["2", "1"])
    widget(app, "bench live").set_value(True)
    for name, value in {"seconds": 2, "rate": 50, "repeats": 3, "rebuilds": 2, "inserts": 10}.items():
        widget(app, f"bench {name}").set_value(value)
    widget(app, f"bench source {COLUMN}").set_value("perturbed:0.1")
    app.run()
    plan = started(app, products)
    assert plan.ks == (5, 10)
    assert plan.subsets == (None, "10 %", "price <= 150")
    assert [str(v.index) for v in plan.variants] == [
        "hnsw:m=16,ef_construction=64",
        "hnsw:m=16,ef_construction=64,as=halfvec",
    ]
    assert (plan.variants[0].scans, plan.variants[0].tuples) == (("relaxed_order",), (20_000,))
    assert (plan.clients, plan.seconds, plan.rate) == ((1, 2), 2, 50)
    assert (plan.repeats, plan.rebuilds, plan.inserts, plan.live) == (3, 2, 10, True)
    assert plan.query_source == "perturbed:0.1"


def test_a_rate_that_no_client_offers_is_refused_by_the_form(products: Database) -> None:
    app = open_app("benchmarks", c=COLUMN)
    widget(app, "bench rate").set_value(50).run()
    [error] = app.error
    assert "A rate of 50/s needs clients to offer it" in error.value
    widget(app, f"bench clients {COLUMN}").set_value(["2"]).run()
    assert not app.error


def test_tune_asks_for_a_target_and_offers_candidates(products: Database) -> None:
    app = open_app("benchmarks", c=COLUMN, measure="Tune")
    widget(app, "bench recall").set_value(0.9)
    widget(app, "bench p95").set_value(5.0)
    plan = started(app.run(), products)
    assert plan.target == Target(0.9, 5.0)
    assert len(plan.variants) > 3


def test_growth_offers_sizes_that_halve(products: Database) -> None:
    plan = started(open_app("benchmarks", c=COLUMN, measure="Growth"), products)
    assert len(plan.sizes) >= 3
    assert plan.sizes[-1] == 1_500


def test_a_plan_in_toml_starts_as_it_is(products: Database) -> None:
    wanted = BenchmarkPlan(
        COLUMN, Distance.COSINE, sweep([parse_spec("hnsw:m=8")], {"ef_search": [33]}), queries=15
    )
    app = open_app("benchmarks", c=COLUMN, measure="From TOML")
    assert not app.error
    assert "No plan yet" in app.info[0].value
    widget(app, "bench toml").set_value(to_toml(wanted)).run()
    assert started(app, products) == wanted


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("column =", "The plan is not TOML"),
        ('column = "public.products.embedding"\ndistance = "cosine"\nwhat = 1', "There is no 'what'"),
        ('column = "public.other.embedding"\ndistance = "cosine"', "is for public.other.embedding"),
    ],
)
def test_a_plan_that_cannot_be_read_is_told(products: Database, text: str, sentence: str) -> None:
    app = open_app("benchmarks", c=COLUMN, measure="From TOML")
    widget(app, "bench toml").set_value(text).run()
    [error] = app.error
    assert sentence in error.value.replace("\\", "")
    assert next(button for button in app.button if button.label == "Start benchmark").disabled


def test_the_form_shows_the_same_plan_as_toml(products: Database) -> None:
    app = open_app("benchmarks", c=COLUMN)
    [code] = app.code
    assert started(app, products) == from_toml(code.value)


def test_a_run_can_be_changed_and_run_again(products: Database) -> None:
    run_id = measure_products(products)
    app = open_app("benchmarks", run=str(run_id))
    widget(app, "run again").click().run()
    assert not app.error
    assert "queries = 20" in widget(app, "bench toml").value


def test_a_forecast_over_the_budget_is_refused_before_it_starts(
    products: Database, installation: pytest.MonkeyPatch
) -> None:
    installation.setenv("SCRATCH_BUDGET_MB", "1")
    settings.cache_clear()
    [error] = open_app("benchmarks", c=COLUMN).error
    assert "of scratch space of 1.0 MB" in error.value


@pytest.fixture
def rich(products: Database) -> int:
    """A run of two k, a filter, two builds, inserts and the live table, which has an index."""
    with products.control("tests") as connection:
        connection.exec_driver_sql(INDEX)
    plan = BenchmarkPlan(
        COLUMN,
        Distance.COSINE,
        sweep([parse_spec("hnsw:m=8"), parse_spec("hnsw:m=16")], {"ef_search": [10, 40]}),
        ks=(10, 20),
        subsets=(None, "10 %"),
        queries=10,
        rebuilds=2,
        inserts=5,
        live=True,
    )
    return measured(products, plan)


def measured(database: Database, plan: BenchmarkPlan) -> int:
    return benchmark(database, plan, Unrecorded(), created_by="local", job_id=None, budget_bytes=2**30)


def headings(app: AppTest) -> list[str]:
    return [element.value for element in app.subheader]


def test_a_rich_run_shows_a_card_for_everything_it_measured(products: Database, rich: int) -> None:
    app = open_app("benchmarks", run=str(rich))
    assert not app.error
    assert {
        "Your table as it stands",
        "Every query",
        "What an index costs",
        "HNSW: m by ef_search",
    } <= set(headings(app))
    assert "Through products\\_hnsw, as it stands" in shown(app)
    assert "each built 2 times" in shown(app)
    linked = open_app("benchmarks", run=str(rich), neighbours="20", filter="10 %")
    assert not linked.error
    assert "recall@20" in shown(linked)
    assert "where 10 %" in shown(linked)


def test_clients_at_once_have_a_card(products: Database) -> None:
    variants = sweep([parse_spec("ivfflat:lists=5")], {"probes": [1]})
    plan = BenchmarkPlan(COLUMN, Distance.COSINE, variants, queries=10, clients=(1, 2), seconds=1)
    app = open_app("benchmarks", run=str(measured(products, plan)))
    assert not app.error
    assert "Queries per second by clients" in headings(app)


def test_a_growth_run_says_where_exact_search_crosses_the_target(products: Database) -> None:
    plan = BenchmarkPlan(
        COLUMN,
        Distance.COSINE,
        sweep([parse_spec("hnsw")], {"ef_search": [40]}),
        queries=10,
        sizes=(300, 600, 1_200),
    )
    app = open_app("benchmarks", run=str(measured(products, plan)))
    assert not app.error
    assert "Latency as the table grows" in headings(app)
    assert "Exact search" in shown(app)


def test_a_tuned_run_shows_its_target_and_its_evidence_and_can_be_used(products: Database) -> None:
    plan = BenchmarkPlan(
        COLUMN, Distance.COSINE, (Variant(parse_spec("hnsw"), ()),), queries=60, target=Target(0.5, 0.001)
    )
    app = open_app("benchmarks", run=str(measured(products, plan)))
    assert not app.error
    assert "for recall ≥ 0.5 and p95 ≤ 0.001 ms" in shown(app)
    assert "A trial of fewer queries than 60 was ended when its interval had decided" in shown(app)
    [asked] = [table.value["Queries"].tolist() for table in app.dataframe if "Queries" in table.value]
    assert 50 in asked
    assert any("CREATE INDEX CONCURRENTLY" in code.value for code in app.code)


def test_two_runs_are_compared_setting_by_setting(products: Database) -> None:
    first, second = measure_products(products), measure_products(products)
    app = open_app("benchmarks", run=str(second), compare=str(first))
    assert not app.error
    assert f"Compared with run {first}" in headings(app)
    assert "the same queries, each compared with itself" in shown(app)
    assert "3 settings in both" in shown(app)
    noisy = [str(i) for i in (first, second) if (run_of(products, i).environment or {})["noise"]["noisy"]]
    assert ("The machine was not quiet during run" in shown(app)) == bool(noisy)
    table = next(t.value for t in app.dataframe if "p95 change" in t.value.columns)
    assert next(chip[0] for chip in table["Recall"]) == "= no real difference"


@pytest.mark.parametrize("given", ["404", "x"])
def test_a_run_to_compare_with_that_is_not_there_is_told(products: Database, given: str) -> None:
    run_id = measure_products(products)
    app = open_app("benchmarks", run=str(run_id), compare=given)
    assert app.error
