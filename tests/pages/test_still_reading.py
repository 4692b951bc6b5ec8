"""Reads that go on beside the page: their place is held, and the next run finds what they found."""

import re
from collections.abc import Callable
from time import monotonic, sleep

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import reading
from db.engine import Database
from tests.pages.conftest import open_app
from tests.pages.filled import widget
from tests.pages.test_data import ids, run, shown

MANY = "SELECT i AS id, ARRAY[i % 97, 1]::vector(2) AS e FROM generate_series(1, 25000) AS i"


@pytest.fixture
def impatient(served: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database whose pages wait for no read that goes on beside them."""
    run(served, f"CREATE TABLE many AS {MANY}", "ALTER TABLE many ADD PRIMARY KEY (id)", "ANALYZE many")
    monkeypatch.setattr(reading, "AT_ONCE_S", 0)
    return served


def words(app: AppTest) -> str:
    return " ".join([shown(app), *(element.value for element in app.text)])


def drawn_until(app: AppTest, is_there: Callable[[AppTest], object]) -> AppTest:
    """Draw the page again, as its fragment would, until what is read is there."""
    deadline = monotonic() + 30
    while not is_there(app) and monotonic() < deadline:
        sleep(0.05)
        app.run()
    assert is_there(app), words(app)
    return app


def test_a_page_of_rows_is_waited_for_in_its_place_and_so_is_its_count(impatient: Database) -> None:
    app = open_app("data", c="public.many.e", f='["all",["id",">","0"]]')
    assert not app.dataframe
    assert re.search(r"Reading the page · \d+ s", words(app))
    assert [button.label for button in app.button if (button.key or "").startswith("cancel #q")] == ["Cancel"]
    drawn_until(app, lambda app: app.dataframe)
    assert ids(app)[0] == 25_000

    assert "(estimate)" in words(app)
    run(impatient, "INSERT INTO many VALUES (25001, '[1,1]')")
    widget(app, "count exactly").click().run()
    assert re.search(r"(?s)\(estimate\).*Counting · \d+ s", words(app))
    assert "count exactly" not in [button.key for button in app.button]
    drawn_until(app, lambda app: "25,001 rows" in words(app))


def test_both_answers_of_a_search_are_waited_for(impatient: Database) -> None:
    app = open_app("search", c="public.many.e", by="Vector", q="[3,1]")
    assert re.search(r"Searching both ways · \d+ s", words(app))
    assert "10 of 10 returned" in words(drawn_until(app, lambda app: app.dataframe))


def test_an_error_of_a_read_beside_the_page_is_told_as_any(impatient: Database) -> None:
    app = open_app("search", c="public.many.e", by="Vector", q="[1,2,3]")
    drawn_until(app, lambda app: app.error)
    assert "has 2 dimensions, the query has 3" in words(app)
