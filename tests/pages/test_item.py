"""One row by its link: its fields, its vector, whether the index finds it; and every state in between."""

import json
from itertools import chain

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.ui.item_find import REASONS
from db.engine import Database
from db.selffind import Reason
from tests.db.conftest import run
from tests.pages.conftest import open_app
from tests.pages.filled import COLUMN, fill_products, widget

MADE = """
CREATE TABLE odd (region text, "n %" int, note text, embedding vector(3), PRIMARY KEY (region, "n %"));
INSERT INTO odd SELECT 'a%b', i, repeat('A note. ', 30), ARRAY[i % 30, 1, i / 60]::vector
FROM generate_series(1, 120) AS i;
INSERT INTO odd VALUES ('none', 1, NULL, NULL), ('zero', 1, '*stars*', '[0,0,0]');
CREATE INDEX odd_even ON odd USING hnsw (embedding vector_cosine_ops) WHERE "n %" % 2 = 0;
CREATE TABLE keyless (name text, embedding halfvec(600));
INSERT INTO keyless SELECT 'row ' || i, array_fill(i, ARRAY[600])::halfvec FROM generate_series(1, 20) AS i;
CREATE INDEX keyless_hnsw ON keyless USING hnsw (embedding halfvec_l2_ops);
"""
ODD = "public.odd.embedding"


@pytest.fixture
def made(served: Database) -> Database:
    with served.control("tests") as connection:
        run(connection, MADE)
    return served


def shown(app: AppTest) -> str:
    """All the words on the page."""
    elements = chain(app.title, app.markdown, app.caption, app.text, app.warning, app.info, app.error)
    return " ".join(element.value for element in elements)


def headings(app: AppTest) -> list[str]:
    return [header.value for header in app.subheader]


def test_a_row_is_shown_whole(served: Database) -> None:
    fill_products(served)
    app = open_app("item", c=COLUMN, id="77")
    assert not app.error
    words = shown(app)
    assert "embedding · vector · 384 dimensions" in words
    assert "as **100 %** of all 1,500 vectors" in words
    assert "**products\\_hnsw** returns it as number 1" in words
    assert "No other row has this vector" in words
    assert "recall " in words
    assert {"description", "Fields", "Vector", "Can the index find it?", "Copies", "Exact", "Index"} <= set(
        headings(app)
    )
    assert "77" in app.table[0].value["value"].tolist()
    assert json.loads(app.json[0].value)["material"]
    assert "WHERE public.products.id = '77';" in app.code[0].value


def test_the_next_row_is_a_click_away(served: Database) -> None:
    fill_products(served)
    app = open_app("item", c=COLUMN, id="1500")
    assert widget(app, "previous").disabled
    app = widget(app, "next").click().run()
    assert app.query_params["id"] == "1499"
    assert "1499" in app.table[0].value["value"].tolist()


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (["a%b", 3], "odd\\_even** is partial, and this row does not meet its condition"),
        (["a%b", 4], "odd\\_even** returns it as number"),
        (["none", 1], "This row has no vector"),
        (["zero", 1], "cosine distance is undefined for it"),
    ],
)
def test_rows_of_a_composite_key_say_whether_they_can_be_found(
    made: Database, key: list[object], told: str
) -> None:
    app = open_app("item", c=ODD, id=json.dumps(key))
    assert not app.error
    assert told in shown(app)


def test_copies_are_listed_and_lead_to_each_other(made: Database) -> None:
    app = open_app("item", c=ODD, id='["a%b", 4]')
    assert "Another row has exactly this vector" in shown(app)
    app = widget(app, 'copy ["a%b", "34"]').click().run()
    assert json.loads(app.query_params["id"]) == ["a%b", "34"]
    assert not app.error


def test_a_row_without_a_vector_has_no_neighbours(made: Database) -> None:
    app = open_app("item", c=ODD, id='["none", 1]')
    assert "Exact" not in headings(app)
    assert widget(app, "search here").disabled


def test_a_name_of_signs_stays_what_it_is(made: Database) -> None:
    assert open_app("item", c=ODD, id='["zero", 1]').title[0].value == "\\*stars\\*"


def test_a_keyless_row_is_found_where_it_lies(made: Database) -> None:
    app = open_app("item", c="public.keyless.embedding", id="(0,3)")
    assert not app.error
    assert app.title[0].value == "row 3"
    assert "Each bar is the largest of 2 dimensions" in shown(app)
    assert "keyless\\_hnsw** returns it as number 1" in shown(app)


@pytest.mark.parametrize(
    ("key", "told"), [("9999", "It may have been deleted"), ("abc", "cannot be a value of id")]
)
def test_a_row_that_is_not_there_comes_with_others(served: Database, key: str, told: str) -> None:
    fill_products(served, indexed=False)
    app = open_app("item", c=COLUMN, id=key)
    assert told in shown(app)
    app = widget(app, "near 1500").click().run()
    assert app.query_params["id"] == "1500"
    assert "No index serves" in shown(app)


def test_no_row_named_asks_for_one(served: Database) -> None:
    fill_products(served, indexed=False)
    app = open_app("item", c=COLUMN)
    assert "No row is named" in shown(app)
    app = widget(app, "item key").set_value(" 12 ").run()
    assert app.query_params["id"] == "12"


def test_a_key_that_cannot_be_read_is_told(made: Database) -> None:
    app = open_app("item", c=ODD, id="a%b")
    assert "write a JSON list of 2 values" in app.error[0].value


def test_a_row_of_an_empty_table_leads_to_loading_some(served: Database) -> None:
    app = open_app("item", c=COLUMN, id="7")
    assert "holds no rows" in shown(app)
    assert widget(app, "load")


def test_an_empty_database_leads_to_sample_data(served: Database) -> None:
    with served.control("tests") as connection:
        connection.exec_driver_sql("DROP TABLE products")
    assert "no vector column yet" in shown(open_app("item", id="7"))


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_words(reason: Reason) -> None:
    words = REASONS[reason]
    assert words.told.endswith(".")
    assert words.remedy.endswith(".") or reason in {Reason.FOUND, Reason.NO_INDEX}


def test_values_are_shown_letter_by_letter(made: Database) -> None:
    app = open_app("item", c=ODD, id=json.dumps(["zero", "1"]))
    assert app.table[0].value["value"].tolist() == ["zero", "1", "\\*stars\\*"]


def test_the_other_vector_of_a_row_is_a_click_away(served: Database) -> None:
    with served.control("tests") as connection:
        run(
            connection,
            "CREATE TABLE two (id int PRIMARY KEY, title text, e vector(2), other vector(3));"
            "INSERT INTO two SELECT i, 'row ' || i, ARRAY[i, 1]::vector, ARRAY[i, 1, 7]::vector "
            "FROM generate_series(1, 20) AS i",
        )
    app = open_app("item", c="public.two.e", id="7")
    assert "e · vector · 2 dimensions" in shown(app)
    app = widget(app, "vector picker").set_value("public.two.other").run()
    assert (app.query_params["c"], app.query_params["id"]) == ("public.two.other", "7")
    assert "other · vector · 3 dimensions" in shown(app)


def test_a_table_of_one_vector_has_nothing_to_switch(made: Database) -> None:
    app = open_app("item", c=ODD, id=json.dumps(["zero", "1"]))
    with pytest.raises(KeyError):
        widget(app, "vector picker")


def test_numbers_are_written_in_thousands_and_keys_are_not(served: Database) -> None:
    with served.control("tests") as connection:
        run(connection, "CREATE TABLE n (id int PRIMARY KEY, a int, b numeric, c float8, e vector(2))")
        run(connection, "INSERT INTO n VALUES (12345, 12345, 1234.50, '-Infinity', '[1e-45,0]')")
    app = open_app("item", c="public.n.e", id="12345")
    assert app.table[0].value["value"].tolist() == ["12345", "12,345", "1,234.50", "-Infinity"]
    assert "Norm **1.4e-45**" in shown(app)
