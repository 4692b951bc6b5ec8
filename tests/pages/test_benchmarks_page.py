"""Benchmarks: asking for one, and what a finished, a running and a broken one show."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.identity import LOCAL
from dashboard.jobs import queue
from db import jobs
from db.engine import Database
from tests.pages.conftest import open_app
from tests.pages.filled import COLUMN, fill_products, measure_products, widget


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
    assert len(app.get("plotly_chart")) == 2
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


def test_a_target_beyond_all_numbers_is_left_out(products: Database) -> None:
    measure_products(products)
    app = open_app("benchmarks", c=COLUMN, recall="1e400", p95="9" * 400)
    assert not app.error
    assert widget(app, "recall").value == Target().recall
    assert widget(app, "p95").value == Target().p95_ms


def test_the_setting_and_the_run_can_be_copied(products: Database) -> None:
    run_id = measure_products(products)
    app = open_app("benchmarks", run=str(run_id), recall="0.01", p95="100000")
    sql, python, command = (code.value for code in app.code)
    assert sql.startswith("CREATE INDEX CONCURRENTLY products_embedding_")
    compile(python, "use.py", "exec")
    assert command.startswith(f"python -m dashboard benchmark {COLUMN} --index hnsw:m=16,ef_construction=64")
    assert "--queries 20 --seed 0" in command


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


def test_a_run_can_be_taken_away_as_json(products: Database) -> None:
    run_id = measure_products(products)
    app = open_app("benchmarks", run=str(run_id))
    labels = [element.proto.label for element in app.get("download_button")]
    assert labels == ["JSON", "CSV"]
