"""Searching in the browser: the address holds the whole question, buttons change it, answers follow."""

import re

import pytest
from playwright.sync_api import Page, expect

from db.engine import Database
from tests.browser.conftest import Site, settled, visit

INDEXED = "/search?c=public.indexed.embedding&by=Row+id"
AT_MOST_100 = re.compile("^id <\u2060?= 100$")
"""Neither drawn as another sign nor by itself: a joiner that nobody sees stands between the two."""


@pytest.fixture(scope="session")
def indexed(site: Site) -> None:
    """A table with an index of its own, so that the demo stays as a newcomer finds it."""
    site.command(
        "populate_db", "--source", "clusters", "--table", "indexed", "--rows", "3000", "--dims", "32"
    )
    database = Database(site.command("db", "url").strip())
    with database.control("tests") as connection:
        connection.exec_driver_sql(
            "CREATE INDEX indexed_hnsw ON indexed USING hnsw (embedding vector_cosine_ops)"
        )
    database.dispose()


def test_an_example_is_searched_and_its_link_searches_again(page: Page) -> None:
    visit(page, "/search?c=public.products.embedding", "Search")
    page.get_by_text("Nothing asked yet").wait_for()
    page.locator("[class*=st-key-example]").get_by_role("button").first.click()
    expect(page.get_by_text("10 of 10 returned")).to_be_visible()
    expect(page).to_have_url(re.compile(r"q=\w+"))
    expect(page.get_by_role("heading", name="Exact")).to_be_visible()
    page.reload()
    settled(page, "Search")
    expect(page.get_by_text("10 of 10 returned")).to_be_visible()


def test_the_keyboard_searches(page: Page) -> None:
    visit(page, "/search?c=public.products.embedding", "Search")
    page.get_by_label("Query").fill("cast iron skillet")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("10 of 10 returned")).to_be_visible()
    expect(page).to_have_url(re.compile(r"q=cast\+iron\+skillet"))


def test_exact_search_alone_leads_to_measuring(page: Page) -> None:
    visit(page, "/search?c=public.products.embedding&by=Row+id&q=7", "Search")
    expect(page.get_by_text("No index serves")).to_be_visible()
    page.get_by_role("button", name="Measure it").click()
    settled(page, "Benchmarks")
    expect(page).to_have_url(re.compile(r"c=public\.products\.embedding"))


def test_exact_and_index_stand_side_by_side_with_what_it_would_take(page: Page, indexed: None) -> None:
    visit(page, f"{INDEXED}&q=5", "Search")
    expect(page.get_by_text("indexed_hnsw used")).to_be_visible()
    expect(page.get_by_text(re.compile(r"recall \d+/10 on this query"))).to_be_visible()
    for heading in ("Exact", "Index", "What would it take?"):
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    page.get_by_role("tab", name="SQL").click()
    expect(page.get_by_text("BEGIN READ ONLY;")).to_be_visible()


def test_a_remedy_for_missing_rows_changes_the_address_and_brings_them(page: Page, indexed: None) -> None:
    visit(page, f"{INDEXED}&q=5&k=50&ef=10", "Search")
    expect(page.get_by_text("short: ef_search is below k.")).to_be_visible()
    page.get_by_role("button", name=re.compile("Iterative scan: 50 of 50")).click()
    expect(page.get_by_text("50 of 50 returned")).to_be_visible()
    expect(page).to_have_url(re.compile("scan=relaxed_order"))


def test_a_link_with_no_number_and_a_filter_of_signs_is_followed(page: Page, indexed: None) -> None:
    visit(page, f"{INDEXED}&q=5&k=1e400&f=id+%3C%3D+100&f=id+contains+$1$", "Search")
    expect(page.get_by_text("Something went wrong")).not_to_be_visible()
    expect(page).not_to_have_url(re.compile("1e400"))
    formula = page.get_by_role("button", name="id contains $1$")
    formula.click()
    expect(page.get_by_role("button", name=AT_MOST_100)).to_be_visible()
    expect(page.get_by_text("10 of 10 returned")).to_be_visible()
    expect(page).to_have_url(re.compile(r"f=id\+"))
    page.reload()
    settled(page, "Search")
    expect(page.get_by_role("button", name=AT_MOST_100)).to_be_visible()
    expect(page.get_by_text("10 of 10 returned")).to_be_visible()


def test_a_filter_is_added_tried_and_switched_off(page: Page, indexed: None) -> None:
    visit(page, f"{INDEXED}&q=5", "Search")
    page.get_by_role("button", name="Add filter").click()
    value = page.get_by_role("textbox", name="Value")
    value.fill("5")
    value.press("Enter")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page).to_have_url(re.compile(r"f=id\+%3D\+5"))
    page.keyboard.press("Escape")
    chip = page.get_by_role("button", name="id = 5")
    chip.click()
    expect(page).not_to_have_url(re.compile(r"f=id"))
    expect(chip).to_be_visible()
    expect(page.get_by_text("10 of 10 returned")).to_be_visible()
