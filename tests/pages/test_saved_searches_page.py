"""Saving a search on the page Search, coming back to it, and measuring with all that were saved."""

import pytest

from dashboard.benchmark.plan import BenchmarkPlan
from db import jobs
from db.engine import Database
from tests.pages.conftest import open_app
from tests.pages.filled import COLUMN, fill_products, widget

WORDS = "waterproof trail running shoes"


@pytest.fixture
def products(served: Database) -> Database:
    fill_products(served)
    return served


def test_a_search_is_saved_listed_and_opened_again(products: Database) -> None:
    app = open_app("search", c=COLUMN, q=WORDS, k="7", ef="80", f="price <= 150")
    widget(app, "save search").click().run()
    assert not app.error
    assert "Saved as waterproof trail running shoes." in " ".join(c.value for c in app.caption)

    again = open_app("search", c=COLUMN)
    assert "Saved searches" in [header.value for header in again.subheader]
    widget(again, "open search 1").click().run()
    assert not again.error
    assert widget(again, "q").value == WORDS
    assert widget(again, "k").value == 7
    assert widget(again, "ef").value == 80
    assert widget(again, "f").value == ["price <= 150"]
    assert "7 of 7 returned" in " ".join(element.value for element in again.markdown)

    widget(again, "forget search 1").click().run()
    assert not again.error
    assert "Saved searches" not in [header.value for header in open_app("search", c=COLUMN).subheader]


def test_a_benchmark_asks_all_saved_searches(products: Database) -> None:
    for words in (WORDS, "warm winter jacket"):
        widget(open_app("search", c=COLUMN, q=words), "save search").click().run()
    app = open_app("benchmarks", c=COLUMN)
    widget(app, f"bench source {COLUMN}").set_value("saved").run()
    next(button for button in app.button if button.label == "Start benchmark").click().run()
    assert not app.error
    with products.reading("tests") as connection:
        plan = BenchmarkPlan.from_params(jobs.latest(connection)[0].params)
    assert (plan.query_source, plan.queries) == ("saved", 2)


def test_without_a_saved_search_the_form_says_where_to_save_one(products: Database) -> None:
    app = open_app("benchmarks", c=COLUMN)
    widget(app, f"bench source {COLUMN}").set_value("saved").run()
    [error] = app.error
    assert "has 0 saved searches" in error.value
    assert "page Search" in error.value
