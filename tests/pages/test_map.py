"""The Map page: every way to draw, every kind of column, and every state in between."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.identity import LOCAL
from dashboard.jobs import queue
from dashboard.jobs.worker import Worker
from dashboard.mapping.chosen import keys_to_text
from dashboard.mapping.draw import to_params
from dashboard.mapping.methods import PROJECTIONS
from dashboard.mapping.plan import MapPlan
from dashboard.mapping.run import make_map
from dashboard.ui import state
from db import jobs
from db.catalog import find_column
from db.conditions import to_text
from db.engine import Database
from db.filters import Filter
from db.progress import Unrecorded
from db.projections import Placed, store_projection
from tests.mapping.maps import draw
from tests.pages.conftest import open_app
from tests.pages.filled import COLUMN, fill_products, widget


@pytest.fixture
def products(served: Database) -> Database:
    fill_products(served, indexed=False)
    return served


def run(database: Database, *statements: str) -> None:
    with database.control("tests") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))


def shown(app: AppTest) -> str:
    """All the words on the page."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.warning, app.info, app.error)
    return " ".join(element.value for kind in kinds for element in kind)


def figure(app: AppTest) -> dict[str, Any]:
    [chart] = app.get("plotly_chart")
    drawn: dict[str, Any] = json.loads(chart.proto.spec)
    return drawn


def names(app: AppTest) -> list[str]:
    return [trace.get("name", "") for trace in figure(app)["data"]]


def test_the_map_is_drawn_at_once_and_says_what_it_shows(products: Database) -> None:
    app = open_app("map", c=COLUMN)
    assert not app.exception
    assert not app.error
    told = shown(app)
    assert "1,500 of 1,500 rows · all rows, seed 42 · cosine distance" in told
    assert "of 15 neighbours preserved" in told
    assert "trustworthiness 0." in told
    assert "Axes have no units." in told
    assert "Nothing selected" in told
    assert "% of the variance" in figure(app)["layout"]["xaxis"]["title"]["text"]


def test_a_map_stays_as_it_was_drawn_while_its_table_changes(products: Database) -> None:
    app = open_app("map", c=COLUMN)
    [before] = app.get("plotly_chart")
    run(
        products,
        "CREATE INDEX ON products (brand)",
        "DELETE FROM products WHERE id > 1400",
        "ANALYZE products",
    )
    state.columns.clear()
    app.run()
    [after] = app.get("plotly_chart")
    assert after.proto.id == before.proto.id, "a selection goes with the id of its chart"
    assert after.proto.spec == before.proto.spec


def test_a_column_of_few_values_colours_the_map_by_itself(products: Database) -> None:
    run(products, "ANALYZE products")
    app = open_app("map", c=COLUMN)
    assert widget(app, "colour").value == "category"
    assert len(names(app)) == 11
    assert "other values" in " ".join(names(app))


def test_numbers_colour_by_a_scale_and_the_link_says_so(products: Database) -> None:
    app = open_app("map", c=COLUMN, colour="price")
    [trace] = figure(app)["data"]
    assert trace["marker"]["colorbar"]["title"]["text"].startswith("price")


def test_words_are_found_on_the_map(products: Database) -> None:
    app = open_app("map", c=COLUMN, q="waterproof trail running shoes", n="2k")
    assert {"search hits", "your words"} <= set(names(app))
    assert "Found" in shown(app)
    hits = next(frame.value for frame in app.dataframe if "Distance" in frame.value)
    assert len(hits) == 20
    assert set(hits["Map"]) == {"●"}


def test_words_that_make_no_query_are_told_and_the_map_stays(products: Database) -> None:
    app = open_app("map", c=COLUMN, q="!!!")
    [error] = app.error
    assert "There is no word to search for" in error.value
    assert figure(app)["data"]


def test_where_no_model_is_known_words_cannot_be_asked_for(products: Database) -> None:
    run(products, "COMMENT ON COLUMN products.embedding IS NULL")
    app = open_app("map", c=COLUMN, q="shoes")
    assert widget(app, "q").disabled
    assert "search hits" not in names(app)


def test_a_condition_in_the_address_narrows_the_map(products: Database) -> None:
    app = open_app("map", c=COLUMN, f=to_text(Filter("category", "=", "Garden")))
    assert "Only rows where category is Garden" in shown(app)
    assert "of 1,500 rows" not in shown(app)
    assert len({trace["name"] for trace in figure(app)["data"] if "name" in trace}) <= 1


def test_a_condition_that_cannot_be_read_is_told_and_left_out(products: Database) -> None:
    app = open_app("map", c=COLUMN, f="[nonsense")
    [error] = app.error
    assert "is not JSON" in error.value
    assert figure(app)["data"]


@pytest.mark.parametrize(
    ("query", "fallback"),
    [
        ({"seed": "1e400"}, 42),
        ({"seed": "-5"}, 42),
        ({"n": "7 million"}, 42),
        ({"colour": "'; drop"}, 42),
        ({"method": "UMAP"}, 42),
    ],
)
def test_what_no_widget_takes_is_left_out(products: Database, query: dict[str, str], fallback: int) -> None:
    app = open_app("map", c=COLUMN, **query)
    assert not app.error
    assert widget(app, "seed").value == fallback
    assert figure(app)["data"]


def test_without_a_vector_column_the_page_leads_to_sample_data(served: Database) -> None:
    run(served, "DROP TABLE products")
    app = open_app("map")
    assert "no vector column" in shown(app)
    assert [button.label for button in app.button if button.label == "Load sample data"]


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (["CREATE TABLE t (id int PRIMARY KEY, e vector(2))"], "at least 10 rows with a vector; there are 0"),
        (
            [
                "CREATE TABLE t (id int PRIMARY KEY, e vector(2))",
                "INSERT INTO t SELECT i, NULL FROM generate_series(1, 50) AS i",
            ],
            "there are 0",
        ),
        (
            [
                "CREATE TABLE t (id int PRIMARY KEY, e vector(2))",
                "INSERT INTO t SELECT i, '[1,2]' FROM generate_series(1, 50) AS i",
            ],
            "All 50 vectors are equal",
        ),
        (
            [
                "CREATE TABLE t (id int PRIMARY KEY, e sparsevec(1000000))",
                "INSERT INTO t SELECT i, ('{' || i || ':1}/1000000')::sparsevec "
                "FROM generate_series(1, 50) AS i",
            ],
            "1,000,000 dimensions",
        ),
    ],
)
def test_a_column_that_cannot_be_mapped_says_why(
    served: Database, statements: list[str], sentence: str
) -> None:
    run(served, *statements)
    app = open_app("map", c="public.t.e")
    assert not app.exception
    [error] = app.error
    assert sentence in error.value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("bit(8)", "(i * 37)::bit(8)"),
        ("sparsevec(9)", "('{1:' || i || ',' || 2 + i % 8 || ':1}/9')::sparsevec"),
        ("halfvec(3)", "ARRAY[i, i % 7, 1]::vector::halfvec"),
        ("vector", "CASE WHEN i % 3 > 0 THEN ARRAY[i, 1, i % 5]::vector ELSE '[1,2]' END"),
    ],
)
def test_every_type_of_vector_is_drawn_from_an_oddly_named_table(
    served: Database, kind: str, value: str
) -> None:
    table = '"Odd ""na%me"": 🎈"'
    run(
        served,
        f'CREATE TABLE {table} ("a%b" text, "c:d" int, "E m" {kind}, PRIMARY KEY ("a%b", "c:d"))',
        f"INSERT INTO {table} SELECT 'k%' || i, i, {value} FROM generate_series(1, 60) AS i",
    )
    app = open_app("map", c='public."Odd ""na%me"": 🎈"."E m"', colour="c:d")
    assert not app.exception
    assert not app.error
    keys = [key for trace in figure(app)["data"] for key in trace["customdata"]]
    assert '["k%1", "1"]' in keys or kind == "vector"


def test_rows_without_a_vector_are_counted(products: Database) -> None:
    run(products, "UPDATE products SET embedding = NULL WHERE id <= 7")
    assert "7 drawn rows had no vector: not on the map." in shown(open_app("map", c=COLUMN))


def make(database: Database, rows: int = 200) -> int:
    """Store a map as the job does, without the wait: its points are those of PCA."""
    plan = MapPlan(COLUMN, "tsne", rows, 1)
    with database.writing("tests") as connection, connection.begin():
        column = find_column(connection, COLUMN)
        made = draw(connection, column, replace(plan, method="pca"))
        return store_projection(
            connection,
            column,
            Placed(made.keys, made.points),
            method="tsne",
            params=to_params(made, plan) | {"axes": ["t-SNE 1", "t-SNE 2"]},
            quality=asdict(made.quality),
            created_by="local",
            job_id=None,
        )


def test_the_first_t_sne_map_is_offered_as_a_job(products: Database) -> None:
    app = open_app("map", c=COLUMN, method="t-SNE")
    assert "No t-SNE map of this column yet" in shown(app)
    assert not app.get("plotly_chart")
    widget(app, "map rows").set_value(1_000)
    app = widget(app, "map start").click().run()
    with products.reading("tests") as connection:
        [job] = jobs.latest(connection)
    assert (job.kind, job.state, job.params["rows"], job.params["method"]) == ("map", "queued", 1_000, "tsne")
    assert app.query_params["job"] == str(job.id)
    assert "Waiting for its turn" in " ".join(bar.text for bar in app.get("progress"))


def test_a_finished_job_stands_for_its_map(products: Database) -> None:
    plan = MapPlan(COLUMN, "tsne", 200, 1, 10.0)
    number = queue.submit(products, LOCAL, "map", plan.to_params())
    assert Worker(products, lease_s=10).run_one()
    app = open_app("map", job=str(number))
    assert not app.error
    assert widget(app, "method").value == "t-SNE"
    assert "job" not in app.query_params
    assert figure(app)["layout"]["xaxis"]["title"]["text"] == "t-SNE 1"


def test_a_failed_job_is_told_beside_the_way_to_another(products: Database) -> None:
    run(products, "TRUNCATE products")
    number = queue.submit(products, LOCAL, "map", MapPlan(COLUMN, "tsne", 200).to_params())
    assert Worker(products, lease_s=10).run_one()
    app = open_app("map", c=COLUMN, method="t-SNE", job=str(number))
    assert any("at least 10 rows" in error.value for error in app.error)
    assert [button for button in app.button if button.label == "Make the map"]


def test_a_stored_map_is_shown_by_its_number_alone(products: Database) -> None:
    older, newer = make(products, 150), make(products)
    app = open_app("map", m=str(older))
    assert widget(app, "method").value == "t-SNE"
    assert f"map {older}, made just now" in shown(app)
    assert f"map {newer}" in shown(open_app("map", c=COLUMN, method="t-SNE"))


def test_rows_that_came_or_went_since_are_said(products: Database) -> None:
    number = make(products, 200)
    run(
        products,
        "DELETE FROM products WHERE id % 2 = 0",
        "INSERT INTO products (id, title, embedding) SELECT id + 10000, title, embedding FROM products",
        "INSERT INTO products (id, title, embedding) SELECT id + 20000, title, embedding FROM products",
    )
    told = shown(open_app("map", m=str(number)))
    assert "can no longer be found by key" in told
    assert "1,500 rows came since this map was made" in told


@pytest.mark.parametrize(
    ("given", "sentence"), [("99", "There is no map 99"), ("x'", "is not the number of a map")]
)
def test_a_map_that_is_not_there_is_named(products: Database, given: str, sentence: str) -> None:
    [error] = open_app("map", m=given).error
    assert sentence in error.value.replace("\\", "")


def test_another_column_leaves_the_stored_map_behind(products: Database) -> None:
    number = make(products)
    run(
        products,
        "CREATE TABLE other (id int PRIMARY KEY, e vector(2))",
        "INSERT INTO other SELECT i, ARRAY[i, i * i]::vector FROM generate_series(1, 50) AS i",
    )
    app = open_app("map", m=str(number), c="public.other.e")
    assert not app.error
    assert "m" not in app.query_params
    assert "50 of 50 rows" in shown(app)


def store_plane(database: Database, rows: int, where: str = "") -> int:
    """Make a PCA map as a job does."""
    plan = MapPlan(COLUMN, "pca", rows, 42, where=where)
    return make_map(database, plan, Unrecorded(), created_by="local", job_id=None)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PCA be at once for no more than 250 rows, as it is for the longest vectors."""
    monkeypatch.setitem(PROJECTIONS, "pca", replace(PROJECTIONS["pca"], at_once_numbers=1))


def test_more_rows_than_a_page_can_wait_for_are_a_job(products: Database, slow: None) -> None:
    app = open_app("map", c=COLUMN)
    assert sum(len(trace["customdata"]) for trace in figure(app)["data"]) == 250
    app = open_app("map", c=COLUMN, n="2k", seed="7")
    assert "No map of 1,500 rows of this column yet" in shown(app)
    assert not app.get("plotly_chart")
    widget(app, "map start").click().run()
    with products.reading("tests") as connection:
        [job] = jobs.latest(connection)
    assert (job.params["rows"], job.params["seed"], job.params["method"]) == (2_000, 7, "pca")
    assert Worker(products, lease_s=10).run_one()
    app = open_app("map", job=str(job.id))
    assert not app.error
    assert (widget(app, "n").value, widget(app, "seed").value) == ("2k", 7)
    assert "% of the variance" in figure(app)["layout"]["xaxis"]["title"]["text"]
    assert "1,500 of 1,500 rows" in shown(app)
    app = widget(app, "seed").set_value(8).run()
    assert "m" not in app.query_params
    assert "No map of 1,500 rows" in shown(app)


def test_a_stored_plane_places_words_and_rows_it_was_not_made_of(products: Database, slow: None) -> None:
    number = store_plane(products, 300)
    app = open_app("map", m=str(number), q="waterproof trail running shoes", at='["1","2","3"]')
    assert "your words" in names(app) or not figure(app)["data"]
    marked = next(trace for trace in figure(app)["data"] if trace.get("name") == "marked rows")
    assert marked["customdata"] == ["1", "2", "3"]


def test_a_stored_map_of_some_rows_brings_their_condition(products: Database, slow: None) -> None:
    garden = to_text(Filter("category", "=", "Garden"))
    number = store_plane(products, 2_000, garden)
    app = open_app("map", m=str(number))
    assert "Only rows where category is Garden" in shown(app)
    assert app.query_params["f"] == garden
    app = open_app("map", c=COLUMN, m=str(number), f=to_text(Filter("category", "=", "Audio")))
    assert "m" not in app.query_params


def test_rows_are_marked_by_their_keys(products: Database) -> None:
    app = open_app("map", c=COLUMN, at='["7","8","999999"]')
    told = shown(app)
    assert "Marked" in told
    assert "1 row of these cannot be found any more" in told
    frame = next(frame.value for frame in app.dataframe if "Map" in frame.value)
    assert list(frame["id"]) == ["7", "8"]
    assert "marked rows" in names(app)
    app = widget(app, "unmark").click().run()
    assert "at" not in app.query_params
    assert "marked rows" not in names(app)


def test_rows_of_a_key_of_two_columns_are_marked(served: Database) -> None:
    run(
        served,
        "CREATE TABLE pairs (a text, b int, e vector(2), PRIMARY KEY (a, b))",
        "INSERT INTO pairs SELECT 'k%', i, ARRAY[i, i * i]::vector FROM generate_series(1, 50) AS i",
    )
    app = open_app("map", c="public.pairs.e", at=keys_to_text(['["k%", "3"]', '["k%", "4"]']))
    assert not app.error
    [marked] = [trace for trace in figure(app)["data"] if trace.get("name") == "marked rows"]
    assert marked["customdata"] == ['["k%", "3"]', '["k%", "4"]']


FORGED = [
    ("m", "-1", "is not the number of a map"),
    ("m", "9" * 40, "is not the number of a map"),
    ("m", "1e3", "is not the number of a map"),
    ("m", "", "is not the number of a map"),
    ("m", "123456789", "There is no map 123456789"),
    ("job", "123456789", "There is no job 123456789"),
    ("at", "7", "is not a list of keys"),
    ("at", "[[7]]", "is not a list of keys"),
    ("at", '["a" ' * 5_000, "is not a list of keys"),
    ("at", '["\\ud800"]', "is not a list of keys"),
    ("at", '["zzz"]', "invalid input syntax"),
    ("f", '["id","=","zzz"]', "invalid input syntax"),
    ("f", '["nowhere","=","1"]', "nowhere"),
    ("seed", "4.5", ""),
    ("seed", "1e400", ""),
    ("seed", "-5", ""),
    ("n", "-1", ""),
    ("n", "9" * 40, ""),
    ("method", "<b>", ""),
    ("colour", "embedding", ""),
    ("job", "x", ""),
]


@pytest.mark.parametrize(("name", "given", "sentence"), FORGED)
def test_a_forged_address_is_told_in_one_sentence_or_left_out(
    products: Database, name: str, given: str, sentence: str
) -> None:
    app = open_app("map", **{"c": COLUMN, name: given})
    assert not app.exception
    assert "should not have" not in shown(app)
    told = [error.value.replace("\\", "") for error in app.error]
    assert len(told) == bool(sentence)
    assert all(sentence in error for error in told)
    if not sentence:
        assert figure(app)["data"]


@pytest.mark.parametrize("given", ["seed", "n", "w", "a"])
def test_a_forged_address_of_two_windows_is_told_or_left_out(products: Database, given: str) -> None:
    app = open_app("map", **{"c": COLUMN, "method": "Two windows", given: "1e400'"})
    assert not app.exception
    assert "should not have" not in shown(app)


def test_a_table_of_vectors_alone_is_mapped(served: Database) -> None:
    run(
        served,
        "CREATE TABLE bare (e vector(2))",
        "INSERT INTO bare SELECT ARRAY[i, i * i]::vector FROM generate_series(1, 50) AS i",
    )
    app = open_app("map", c="public.bare.e")
    assert not app.exception
    assert "should not have" not in shown(app)
    assert "50 of 50 rows" in shown(app)


def test_the_other_vector_of_a_table_is_a_click_away_and_the_rows_stay(served: Database) -> None:
    run(
        served,
        "CREATE TABLE two (id int PRIMARY KEY, e vector(2), other vector(3))",
        "INSERT INTO two SELECT i, ARRAY[i, i * i]::vector, ARRAY[i, 1, i % 7]::vector "
        "FROM generate_series(1, 50) AS i",
    )
    app = open_app("map", c="public.two.e", f='["id","<=","30"]', at='["7"]')
    assert widget(app, "vector picker").value == "public.two.e"
    app = widget(app, "vector picker").set_value("public.two.other").run()
    assert app.query_params["c"] == "public.two.other"
    told = shown(app)
    assert "Only rows where id is at most 30" in told
    assert "public.two.other" in told
    assert "marked rows" in names(app)


def test_rows_of_one_table_are_not_looked_for_in_another(products: Database) -> None:
    run(
        products,
        "CREATE TABLE other (id int PRIMARY KEY, e vector(2))",
        "INSERT INTO other SELECT i, ARRAY[i, i * i]::vector FROM generate_series(1, 50) AS i",
    )
    app = open_app("map", c=COLUMN, f='["category","=","Garden"]', at='["7"]')
    app = widget(app, "column picker").set_value("public.other.e").run()
    assert not app.error
    assert "f" not in app.query_params
    assert "at" not in app.query_params
    assert "50 of 50 rows" in shown(app)


def test_two_windows_are_suggested_and_compared(products: Database) -> None:
    app = open_app("map", c=COLUMN, method="Two windows")
    assert not app.error
    assert widget(app, "w").value == "created_at"
    assert widget(app, "a").value.startswith("..2")
    told = shown(app)
    assert "no more than chance" in told
    assert "PCA of both together" in told
    assert [metric.label for metric in app.metric] == ["Centre shift", "Energy distance"]


def test_windows_of_two_kinds_drift(products: Database) -> None:
    app = open_app("map", c=COLUMN, method="Two windows", w="category", a="Garden", b="Audio")
    assert "more than chance" in shown(app)
    assert "moved" in shown(app)
    assert names(app)[:2] == ["category Garden", "category Audio"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"w": "price", "a": "cheap..", "b": "1.."}, "cheap"),
        ({"w": "price", "a": "..-1", "b": "1.."}, "No row of the first window has a vector"),
        ({"w": "price", "a": "..", "b": "1.."}, "is not a window of price"),
    ],
)
def test_a_window_that_does_not_fit_is_told(products: Database, query: dict[str, str], sentence: str) -> None:
    app = open_app("map", c=COLUMN, method="Two windows", **query)
    assert not app.exception
    [error] = app.error
    assert sentence in error.value
    assert widget(app, "a").value == query["a"]


def test_a_table_of_vectors_alone_has_no_windows(served: Database) -> None:
    run(
        served,
        "CREATE TABLE bare (e vector(2))",
        "INSERT INTO bare SELECT ARRAY[i, i * i]::vector FROM generate_series(1, 50) AS i",
    )
    assert "no column beside the vector" in shown(open_app("map", c="public.bare.e", method="Two windows"))
