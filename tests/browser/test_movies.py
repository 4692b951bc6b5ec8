"""Real, messy rows from their file to the map, as a reader does it: all of it through the pages."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import press, settled, visit
from tests.browser.test_import import check, choose
from tests.browser.test_map import drawn
from tests.seeding.movies import MOVIES, needs_movies

COLUMN = "public.cinema.embedding"
COMEDIES = 675


@needs_movies
def test_movies_are_imported_browsed_filtered_searched_and_mapped(page: Page) -> None:
    import_embedded(page)
    browse(page)
    filter_by_genre(page)
    page.get_by_role("button", name="Map", exact=True).click()
    settled(page, "Map")
    expect(page.get_by_text('Only rows where "Major Genre" is Comedy')).to_be_visible()
    expect(page.get_by_text(re.compile(rf"^{COMEDIES} of .*{COMEDIES} rows"))).to_be_visible()
    drawn(page)
    search(page)
    colour_by_genre(page)


def import_embedded(page: Page) -> None:
    """Import every row, each with a vector of its title, genre and director."""
    choose(page, MOVIES)
    name = page.get_by_role("textbox", name="Table")
    name.fill("cinema")
    name.press("Enter")
    settled(page, "Seed & import")
    text = page.get_by_test_id("stMultiSelect").get_by_role("combobox")
    for column in ("Major Genre", "Director"):
        text.fill(column)
        text.press("Enter")
        text.press("Escape")
        settled(page, "Seed & import")
    check(page)
    page.get_by_role("button", name="Import 3,201 rows").click()
    expect(page.get_by_text("3,201 rows imported into public.cinema")).to_be_visible(timeout=120_000)


def browse(page: Page) -> None:
    """See the rows beside their vectors, and what the file left empty as NULL."""
    visit(page, f"/data?c={COLUMN}", "Data")
    expect(page.get_by_text("3,201 rows", exact=True)).to_be_visible()
    expect(page.get_by_text("100 from id 3201")).to_be_visible()


def filter_by_genre(page: Page) -> None:
    """Build the condition by the keyboard."""
    press(page, "f")
    page.get_by_role("combobox", name=re.compile("Condition")).wait_for()
    page.get_by_role("combobox", name=re.compile("^Column")).last.click()
    page.get_by_role("option", name="Major Genre").click()
    settled(page, "Data")
    page.get_by_label("Value", exact=True).fill("Comedy")
    press(page, "Control+Enter")
    expect(page.get_by_role("button", name='"Major Genre" is Comedy')).to_be_visible()
    expect(page.get_by_text(re.compile(rf"^{COMEDIES} rows of\s+3,201"))).to_be_visible()


def search(page: Page) -> None:
    """Find by words, among all and within a genre."""
    visit(page, f"/search?c={COLUMN}", "Search")
    page.get_by_label("Query").fill("Alien Ridley Scott")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("10 of 10 returned")).to_be_visible()
    expect(page.get_by_role("heading", name="Exact")).to_be_visible()


def colour_by_genre(page: Page) -> None:
    """See all of them, coloured by genre, and the hits of words among them."""
    visit(page, f"/map?c={COLUMN}&q=Alien+Ridley+Scott&colour=Major+Genre", "Map")
    plot = drawn(page)
    legend = plot.locator(".legendtext")
    for value in ("Drama", "Comedy", "empty", "search hits"):
        expect(legend.filter(has_text=re.compile(rf"^{value}\b"))).to_be_visible()
    expect(page.get_by_role("heading", name="Found")).to_be_visible()
