"""Reads that go on beside the page: their place is held, and the next run finds what they found."""

import re
from collections.abc import Callable
from threading import enumerate as enumerate_threads
from time import monotonic, sleep

import pytest
from streamlit.runtime.scriptrunner import StopException
from streamlit.testing.v1 import AppTest

from dashboard import reading
from dashboard.reading import Reading
from dashboard.ui import state
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


def test_what_was_read_before_something_was_written_is_read_again(impatient: Database) -> None:
    app = open_app("data", c="public.many.e")
    while any(thread.name.startswith("reading ") for thread in enumerate_threads()):
        sleep(0.01)
    run(impatient, "INSERT INTO many VALUES (25001, '[1,1]')")
    state.forget()
    assert ids(drawn_until(app, lambda app: app.dataframe))[0] == 25_001


def test_a_reader_who_goes_on_meanwhile_begins_nothing_twice(
    impatient: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    interrupted: list[bool] = []
    begin, comes_in_time = reading.begin, Reading.comes_in_time

    def counted(database: Database, question: str, read: Callable[[Database], object]) -> Reading:
        begun.append(question)
        return begin(database, question, read)

    def interrupt(waited_for: Reading) -> bool:
        if not interrupted:
            interrupted.append(True)
            raise StopException  # as Streamlit ends the run of a reader who touches a widget
        return comes_in_time(waited_for)

    monkeypatch.setattr(reading, "begin", counted)
    monkeypatch.setattr(Reading, "comes_in_time", interrupt)
    app = open_app("data", c="public.many.e")
    assert interrupted
    assert ids(drawn_until(app, lambda app: app.dataframe))[0] == 25_000
    assert len(begun) == 1


def test_both_answers_of_a_search_are_waited_for(impatient: Database) -> None:
    app = open_app("search", c="public.many.e", by="Vector", q="[3,1]")
    assert re.search(r"Searching both ways · \d+ s", words(app))
    assert "10 of 10 returned" in words(drawn_until(app, lambda app: app.dataframe))


def test_an_error_of_a_read_beside_the_page_is_told_as_any(impatient: Database) -> None:
    app = open_app("search", c="public.many.e", by="Vector", q="[1,2,3]")
    drawn_until(app, lambda app: app.error)
    assert "has 2 dimensions, the query has 3" in words(app)
