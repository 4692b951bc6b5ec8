"""Browsing: pages of rows by condition, order and place, and every state where there are none."""

import json
import logging

import pandas as pd
import pytest
from sqlalchemy import make_url
from streamlit.testing.v1 import AppTest

from db.browse import PAGE_ROWS
from db.engine import Database
from tests.pages.conftest import forget_the_installation, open_app
from tests.pages.filled import COLUMN, fill_products, widget


@pytest.fixture
def products(served: Database) -> Database:
    fill_products(served)
    return served


def run(database: Database, *statements: str) -> None:
    with database.control("tests") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))


def rows_of(app: AppTest) -> pd.DataFrame:
    """The page's rows, the first table."""
    frame: pd.DataFrame = app.dataframe[0].value
    return frame


def ids(app: AppTest) -> list[int]:
    return list(rows_of(app)["id"])


def shown(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.subheader, app.warning, app.info, app.error)
    return " ".join(element.value for kind in kinds for element in kind).replace("\\", "")


def press(app: AppTest, key: str) -> AppTest:
    pressed: AppTest = widget(app, key).click().run()
    return pressed


def test_the_newest_rows_come_first_with_the_state_norm_and_shape_of_each_vector(products: Database) -> None:
    app = open_app("data")
    assert not app.error
    assert ids(app) == list(range(1500, 1500 - PAGE_ROWS, -1))
    assert "1,500 rows" in shown(app)
    assert rows_of(app)["Vector\u2003"].map(list).tolist() == [["✓ ok"]] * PAGE_ROWS
    assert rows_of(app)["Norm\u2003"].between(0.99, 1.01).all()
    assert {len(strip) for strip in rows_of(app)["Strip\u2003"]} == {32}
    assert "embedding" not in rows_of(app).columns


def test_pages_follow_each_other_and_the_address_holds_the_place(products: Database) -> None:
    app = press(open_app("data", c=COLUMN), "page Next")
    assert ids(app)[0] == 1500 - PAGE_ROWS
    assert ids(open_app("data", c=COLUMN, after=_address(app, "after"))) == ids(app)
    app = press(app, "page Last")
    assert ids(app)[-1] == 1
    assert widget(app, "page Next").disabled
    assert ids(press(app, "page Previous"))[-1] == PAGE_ROWS + 1
    assert ids(press(app, "page First"))[0] == 1500


@pytest.mark.parametrize(
    ("given", "first"), [("700", 700), ("50 %", 750), ("100%", 100), ("999999", 1500), ("-5", 100)]
)
def test_a_jump_leads_to_an_id_or_a_percentile(products: Database, given: str, first: int) -> None:
    app = widget(open_app("data", c=COLUMN), "data jump").set_value(given).run()
    assert not app.error
    assert abs(ids(app)[0] - first) <= 20


@pytest.mark.parametrize(("given", "told"), [("200 %", "'200 %' is not a percentile"), ("Garden", "Garden")])
def test_a_jump_to_nowhere_is_told_and_the_rows_stay(products: Database, given: str, told: str) -> None:
    app = widget(open_app("data", c=COLUMN), "data jump").set_value(given).run()
    assert told in shown(app)
    assert ids(app)[0] == 1500


def test_the_address_holds_condition_and_order(products: Database) -> None:
    where = '["all",["category","=","Garden"],["any",["price","<","20"],["price",">","100"]]]'
    app = open_app("data", c=COLUMN, f=where, s="-price")
    assert not app.error
    assert set(rows_of(app)["category"]) == {"Garden"}
    prices = list(rows_of(app)["price"])
    assert prices == sorted(prices, reverse=True)
    assert all(price < 20 or price > 100 for price in prices)
    assert "rows** of 1,500" in shown(app)


def test_an_order_without_an_index_is_marked(products: Database) -> None:
    options = widget(open_app("data", c=COLUMN), "data order").options
    assert options[0] == "id, newest first · indexed"
    assert "price, highest first · no index" in options


def test_a_chip_switches_a_condition_off_and_on(products: Database) -> None:
    app = open_app("data", c=COLUMN, f='["all",["category","=","Garden"]]')
    assert widget(app, "data chips").options == ["category is Garden"]
    app = widget(app, "data chips").set_value([]).run()
    assert len(set(rows_of(app)["category"])) > 1
    assert "f" not in app.query_params
    app = widget(app, "data chips").set_value([0]).run()
    assert set(rows_of(app)["category"]) == {"Garden"}


def test_the_builder_adds_a_condition_and_a_group_of_which_any_may_hold(products: Database) -> None:
    app = press(open_app("data", c=COLUMN), "filter open")
    app = _build(app, "category", "=", "Garden", into=None)
    assert set(rows_of(app)["category"]) == {"Garden"}
    app = _build(app, "price", "<", "20", into=1)
    app = _build(app, "price", ">", "100", into=2)
    assert json.loads(_address(app, "f")) == [
        "all",
        ["category", "=", "Garden"],
        ["any", ["price", "<", "20"], ["price", ">", "100"]],
    ]
    assert not app.error


def _build(app: AppTest, column: str, operator: str, value: str, *, into: int | None) -> AppTest:
    widget(app, "filter column").set_value(column).run()
    widget(app, "filter operator").set_value(operator).run()
    widget(app, "filter value").set_value(value).run()
    if into is not None:
        widget(app, "filter into").set_value(into).run()
    return press(app, "filter add")


def _address(app: AppTest, name: str) -> str:
    value = app.query_params[name]
    return str(value[0] if isinstance(value, list) else value)


def test_a_condition_that_hides_every_row_names_the_part_to_blame(products: Database) -> None:
    app = open_app("data", c=COLUMN, f='["all",["category","=","Garden"],["price","<","0"]]')
    assert "No row meets this condition" in shown(app)
    assert "Most are hidden by **price is below 0**" in shown(app)
    app = press(app, "leave out 0")
    assert set(rows_of(app)["category"]) == {"Garden"}


def test_an_empty_table_is_told_from_a_condition_that_hides_every_row(served: Database) -> None:
    run(served, "CREATE TABLE bare (id int PRIMARY KEY, e vector(2))")
    app = open_app("data", c="public.bare.e")
    assert "public.bare holds no rows" in shown(app)
    assert widget(app, "load rows")


def test_a_link_that_cannot_be_read_says_what_was_left_out(products: Database) -> None:
    app = open_app("data", c=COLUMN, f="[broken", s="nothing", after="?")
    assert [warning.value.startswith("**Left out") for warning in app.warning] == [True] * 3
    assert ids(app)[0] == 1500


def test_a_condition_on_a_column_that_is_not_there_is_told(products: Database) -> None:
    app = open_app("data", c=COLUMN, f='["all",["colour","=","red"]]')
    assert "There is no column 'colour' to filter by" in shown(app)
    assert widget(app, "filter clear")


def test_a_page_that_would_be_slow_waits_to_be_asked_for(served: Database) -> None:
    run(
        served,
        "CREATE TABLE small (id int PRIMARY KEY, e vector(2))",
        "INSERT INTO small SELECT i, ARRAY[i, 1]::vector FROM generate_series(1, 300) AS i",
        "CREATE FUNCTION dear(int) RETURNS boolean LANGUAGE plpgsql COST 1000000 AS 'BEGIN RETURN true; END'",
        "CREATE VIEW slow AS SELECT * FROM small WHERE dear(id)",
    )
    app = open_app("data", c="public.slow.e", s="id")
    assert "This page would be slow" in shown(app)
    app = press(app, "run anyway")
    assert ids(app)[:2] == [1, 2]


def test_a_page_that_takes_too_long_offers_to_wait_or_to_ask_for_less(
    served: Database, installation: pytest.MonkeyPatch
) -> None:
    run(
        served,
        "CREATE TABLE few (id int PRIMARY KEY, e vector(2))",
        "INSERT INTO few VALUES (1, '[1,2]'), (2, '[3,4]')",
        "CREATE VIEW sleepy AS SELECT * FROM few WHERE pg_sleep(0.4 * id) IS NOT NULL",
    )
    installation.setenv("READ_TIMEOUT_S", "1")
    forget_the_installation()
    app = open_app("data", c="public.sleepy.e", s="id")
    assert "was not there after 1 s" in shown(app)
    assert widget(app, "lighter order")
    app = press(app, "wait longer")
    assert ids(app) == [1, 2]


def test_what_a_role_may_not_read_is_told_with_the_grant_it_lacks(
    served: Database, installation: pytest.MonkeyPatch
) -> None:
    run(
        served,
        "CREATE TABLE hidden (id int PRIMARY KEY, e vector(2))",
        'CREATE VIEW "window" WITH (security_invoker) AS SELECT * FROM hidden',
        "DROP ROLE IF EXISTS analyst",
        "CREATE ROLE analyst LOGIN",
        'GRANT SELECT ON "window" TO analyst',
    )
    url = make_url(served.url.render_as_string(hide_password=False)).set(username="analyst")
    installation.setenv("DATABASE_READ_URL", url.render_as_string(hide_password=False))
    forget_the_installation()
    try:
        app = open_app("data", c="public.window.e")
        assert "permission denied for table hidden" in shown(app)
        assert any("TO analyst" in code.value for code in app.code)
    finally:
        run(served, "DROP OWNED BY analyst", "DROP ROLE analyst")


TABLES = {
    "no key": ("keyless", "name text, e vector(2)", "'row ' || i, ARRAY[i, 1]::vector"),
    "two keys": ("pairs", "a int, b text, e vector(2), PRIMARY KEY (a, b)", "i, 'b', ARRAY[i, 1]::vector"),
    "odd names": (
        '"Odd ""name"" a%b a:b 🙂"',
        '"the %key" int PRIMARY KEY, "x:y" text, "Vector" text, e vector(2)',
        "i, 'x%', 'v', ARRAY[i, 1]::vector",
    ),
    "half precision": ("halves", "id int PRIMARY KEY, e halfvec(2)", "i, ARRAY[i, 1]::vector::halfvec"),
    "sparse": ("sparse", "id int PRIMARY KEY, e sparsevec(2)", "i, ARRAY[i, 1]::vector::sparsevec"),
    "bits": ("bits", "id int PRIMARY KEY, e bit(8)", "i, i::bit(8)"),
    "any length": (
        "free",
        "id int PRIMARY KEY, e vector",
        "i, CASE WHEN i % 2 = 0 THEN '[1,2]'::vector ELSE '[1,2,3]' END",
    ),
}


@pytest.mark.parametrize(("name", "columns", "values"), TABLES.values(), ids=TABLES)
def test_every_kind_of_table_is_paged_through(served: Database, name: str, columns: str, values: str) -> None:
    run(
        served,
        f"CREATE TABLE {name} ({columns})",
        f"INSERT INTO {name} SELECT {values} FROM generate_series(1, 150) AS i",
        "ANALYZE",
    )
    app = open_app("data", c=f"public.{name}.e")
    assert not app.error
    assert len(rows_of(app)) == PAGE_ROWS
    app = press(app, "page Next")
    assert len(rows_of(app)) == 50
    assert not app.error
    assert len(rows_of(press(app, "page Previous"))) == PAGE_ROWS


def test_numbers_no_browser_knows_are_texts_and_nothing_is_logged(
    served: Database, caplog: pytest.LogCaptureFixture
) -> None:
    run(
        served,
        "CREATE TABLE wild (id int PRIMARY KEY, price numeric, share float8, e vector(2))",
        "INSERT INTO wild VALUES (1, 1e200, 'NaN', '[1,2]'), (2, 'NaN', '-Infinity', '[1,2]'), "
        "(3, 0.5, 0.5, '[1,2]'), (4, NULL, NULL, '[1,2]')",
    )
    logger = logging.getLogger("streamlit.dataframe_util")
    logger.addHandler(caplog.handler)
    try:
        rows = rows_of(open_app("data", c="public.wild.e")).set_index("id").sort_index()
    finally:
        logger.removeHandler(caplog.handler)
    assert list(rows["price"].astype(object).fillna("")) == ["1" + "0" * 200, "NaN", "0.5", ""]
    assert list(rows["share"].astype(object).fillna("")) == ["NaN", "-Infinity", "0.5", ""]
    assert not [record for record in caplog.records if record.name == logger.name]


@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED VIEW"])
def test_views_are_paged_through(products: Database, kind: str) -> None:
    run(products, f"CREATE {kind} cheap AS SELECT id, title, price, embedding FROM products WHERE id > 0")
    app = press(open_app("data", c="public.cheap.embedding"), "page Next")
    assert not app.error
    assert len(rows_of(app)) == PAGE_ROWS


def test_rows_are_selected_on_several_pages_and_shown_alone(products: Database) -> None:
    app = open_app("data", c=COLUMN)
    app = _select(app, [0, 2])
    assert "2 rows selected" in shown(app)
    app = _select(press(app, "page Next"), [1])
    assert "3 rows selected" in shown(app)
    app = press(app, "selected only")
    assert ids(app) == [1500, 1498, 1399]
    app = press(app, "selected none")
    assert "selected" not in shown(app)


def _select(app: AppTest, lines: list[int]) -> AppTest:
    app.session_state[str(app.dataframe[0].key)] = {"selection": {"rows": lines, "columns": [], "cells": []}}
    return app.run()


def test_the_statement_of_the_page_runs_as_it_stands(products: Database) -> None:
    app = open_app("data", c=COLUMN, f='["all",["title","!=","50% :a"]]', s="price")
    [statement] = [code.value for code in app.code if "SELECT" in code.value]
    with products.reading("tests") as connection:
        rows = connection.exec_driver_sql(statement.replace("%", "%%")).all()
    assert len(rows) == len(rows_of(app))


def test_the_columns_tell_what_they_hold(products: Database) -> None:
    run(products, "ANALYZE products")
    app = open_app("data", c=COLUMN)
    table = next(frame.value for frame in app.dataframe if "Distinct" in frame.value.columns)
    assert {"id", "title", "category", "price"} <= set(table["Column"])


def test_facets_say_how_they_were_got_and_can_be_counted_exactly(products: Database) -> None:
    run(products, "ANALYZE products")
    app = open_app("data", c=COLUMN)
    assert "statistics" in [caption.value for caption in app.caption]
    app = press(app, "exact category")
    assert "exact" in [caption.value for caption in app.caption]
    assert not app.error


def test_without_any_table_there_is_a_way_to_fill_one(served: Database) -> None:
    run(served, "DROP TABLE products")
    app = open_app("data")
    assert "There is no vector column yet" in shown(app)
