"""Searching: the bar, the answer beside the exact one, and every state in between."""

import json
import re

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from db.engine import Database
from tests.pages.conftest import open_app
from tests.pages.filled import COLUMN, fill_products, widget

WORDS = "waterproof trail running shoes"


@pytest.fixture
def products(served: Database) -> Database:
    fill_products(served)
    return served


def shown(app: AppTest) -> str:
    """All the words on the page."""
    return " ".join(
        element.value
        for kind in (app.markdown, app.caption, app.warning, app.info, app.error)
        for element in kind
    )


def exact_of(app: AppTest) -> pd.DataFrame:
    """The exact side's table, the first on the page."""
    frame: pd.DataFrame = app.dataframe[0].value
    return frame


def test_nothing_asked_offers_three_searches_from_the_data(products: Database) -> None:
    app = open_app("search")
    examples = [button for button in app.button if (button.key or "").startswith("example")]
    assert len(examples) == 3
    app = examples[0].click().run()
    assert not app.error
    assert app.text_input[0].value
    assert "10 of 10 returned" in shown(app)


def test_a_link_with_words_shows_both_answers(products: Database) -> None:
    app = open_app("search", c=COLUMN, q=WORDS)
    assert not app.error
    assert re.search(
        r"10 of 10 returned.* products\\_hnsw used .*ms server \+ .*ms client.*recall \d+/10", shown(app)
    )
    assert [header.value for header in app.subheader][:2] == ["Exact", "Index"]
    assert {"#", "Row", "Distance", "Mark", "id ", "price "} <= set(exact_of(app).columns)
    assert "embedding " not in exact_of(app).columns


def test_what_is_to_be_copied_is_complete(products: Database) -> None:
    sql, python = (code.value for code in open_app("search", c=COLUMN, q=WORDS, ef="80").code)
    assert "SET LOCAL hnsw.ef_search = 80;" in sql
    assert "..." not in sql
    compile(python, "search.py", "exec")


def test_a_row_finds_its_neighbours_but_not_itself(products: Database) -> None:
    app = open_app("search", c=COLUMN, by="Row id", q="7", k="5")
    assert "5 of 5 returned" in shown(app)
    assert 7 not in list(exact_of(app)["id "])


def test_a_pasted_vector_is_searched_for(products: Database) -> None:
    vector = json.dumps([1.0] * 384)
    assert "10 of 10 returned" in shown(open_app("search", c=COLUMN, by="Vector", q=vector))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"by": "Vector", "q": "[1, 2, 3]"}, "384 dimensions, the query has 3"),
        ({"by": "Vector", "q": "[1, x]"}, "Element 2, 'x', is not a number"),
        ({"by": "Row id", "q": "999999"}, "There is no row 999999"),
        ({"by": "Row id", "q": "[[[["}, "[[[["),
        ({"q": "!!!"}, "There is no word to search for"),
        ({"q": WORDS, "f": "price <= cheap"}, "cheap"),
    ],
)
def test_a_question_that_does_not_fit_is_told_below_the_bar(
    products: Database, query: dict[str, str], sentence: str
) -> None:
    app = open_app("search", c=COLUMN, **query)
    assert not app.exception
    [error] = app.error
    assert sentence in error.value.replace("\\", "")
    assert widget(app, "k")


def test_missing_rows_name_their_cause_and_a_button_brings_them(products: Database) -> None:
    app = open_app("search", c=COLUMN, q=WORDS, k="50", ef="10")
    assert "40 rows short: ef_search is below k." in shown(app)
    [iterative] = [button for button in app.button if button.label.startswith("Iterative scan: 50 of 50")]
    app = iterative.click().run()
    assert widget(app, "scan").value == "relaxed_order"
    assert "50 of 50 returned" in shown(app)
    assert not app.warning


def test_a_filter_in_the_address_is_applied_and_can_be_switched_off(products: Database) -> None:
    app = open_app("search", c=COLUMN, q=WORDS, f="category = Garden", k="50")
    assert set(exact_of(app)["category "]) == {"Garden"}
    widget(app, "f").set_value([]).run()
    assert len(set(exact_of(app)["category "])) > 1


@pytest.mark.parametrize("query", [{"k": "1e400"}, {"k": "nan"}, {"ef": "9" * 400}, {"ef": "-1e999"}])
def test_a_number_in_the_address_that_no_widget_takes_is_left_out(
    products: Database, query: dict[str, str]
) -> None:
    app = open_app("search", c=COLUMN, q=WORDS, **query)
    assert not app.error
    assert (widget(app, "k").value, widget(app, "ef").value) == (10, 40)


@pytest.mark.parametrize(
    "linked", ["title contains $x$ ![](http://a.b)", r"title contains \$x\$ !\[\](http\://a.b)"]
)
def test_a_filter_is_shown_letter_by_letter_however_it_was_linked(products: Database, linked: str) -> None:
    app = open_app("search", c=COLUMN, q=WORDS, f=linked)
    assert not app.error
    assert widget(app, "f").value == ["title contains $x$ ![](http://a.b)"]
    [shown] = widget(app, "f").options
    assert shown.replace("\u2060", "") == r"title contains \$x\$ !\[\](http\://a.b)"
    assert "://" not in shown, "a bare address would become a link"


def test_a_column_that_is_gone_is_named_letter_by_letter(products: Database) -> None:
    [error] = open_app("search", c="`![](http://a.b)").error
    assert r"\`!\[\](http\://a.b)" in error.value.replace("\u2060", "")


def test_a_view_that_was_never_filled_is_told(products: Database) -> None:
    with products.control("tests") as connection:
        connection.exec_driver_sql("CREATE MATERIALIZED VIEW later AS SELECT * FROM products WITH NO DATA")
    for page in ("search", "benchmarks"):
        [error] = open_app(page, c="public.later.embedding").error
        assert "REFRESH MATERIALIZED VIEW public.later" in error.value


def test_numbers_beyond_a_frame_and_distances_beyond_a_chart_are_shown(served: Database) -> None:
    with served.control("tests") as connection:
        connection.exec_driver_sql("CREATE TABLE odd (id int PRIMARY KEY, amount numeric, e vector(2))")
        connection.exec_driver_sql(
            "INSERT INTO odd VALUES (1, 'Infinity', '[1,2]'), (2, 1e90, '[3e38,0]'), (3, 0.5, '[1,3]')"
        )
    app = open_app("search", c="public.odd.e", by="Row id", q="3", d="l2")
    assert not app.error
    assert "2 of 10 returned" in shown(app)


def test_a_new_filter_is_added_beside_the_others(products: Database) -> None:
    app = open_app("search", c=COLUMN, q=WORDS)
    widget(app, "filter column").set_value("price")
    widget(app, "filter condition").set_value("<=").run()
    widget(app, "filter value").set_value("40").run()
    widget(app, "filter add").click().run()
    assert widget(app, "f").value == ["price <= 40"]
    assert max(float(price) for price in exact_of(app)["price "]) <= 40


def test_a_filter_on_a_column_that_is_gone_is_left_out_and_said_so(products: Database) -> None:
    app = open_app("search", c=COLUMN, q=WORDS, f="colour = red")
    assert "Left out, as no column fits: colour = red" in shown(app)
    assert "10 of 10 returned" in shown(app)


def test_only_the_settings_of_the_index_at_hand_are_offered(products: Database) -> None:
    labels = {number.label for number in open_app("search", c=COLUMN).number_input}
    assert labels == {"k, rows wanted", "ef_search"}
    other = open_app("search", c=COLUMN, d="l2", q=WORDS)
    assert {number.label for number in other.number_input} == {"k, rows wanted"}


def test_without_an_index_the_answer_is_exact_and_says_so(served: Database) -> None:
    fill_products(served, indexed=False)
    app = open_app("search", c=COLUMN, q=WORDS)
    assert [header.value for header in app.subheader] == ["Exact"]
    assert "No index serves `cosine` distance here" in shown(app)
    assert "Measure it" in [button.label for button in app.button]


def test_a_selected_row_offers_its_neighbours(products: Database) -> None:
    app = open_app("search", c=COLUMN, q=WORDS)
    [key] = [str(table.key) for table in app.dataframe if (table.key or "").startswith("exact ")]
    app.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": [(0, "Row")]}}
    app.run()
    [offer] = [button for button in app.button if button.key == "neighbours"]
    app = offer.click().run()
    assert widget(app, "by").value == "Row id"
    assert widget(app, "q").value


def test_words_are_explained_where_no_embedder_is_known(served: Database) -> None:
    with served.control("tests") as connection:
        connection.exec_driver_sql("CREATE TABLE points (id int PRIMARY KEY, place vector(2))")
        connection.exec_driver_sql(
            "INSERT INTO points SELECT i, ARRAY[i, 1]::vector FROM generate_series(1, 9) i"
        )
    app = open_app("search", c="public.points.place", by="Text")
    assert "nothing says which model made these vectors" in shown(app)
    assert app.text_input[0].disabled


def test_what_an_address_asks_for_in_vain_is_told_in_one_line(products: Database) -> None:
    app = open_app("search", c=COLUMN, by="nonsense", d="cosine", how="x")
    [warning] = app.warning
    assert "by = 'nonsense', how = 'x'. The address asks for what does not exist here." in warning.value
    assert not open_app("search", c=COLUMN, by="Row id", q="7", k="3", scan="off").warning
