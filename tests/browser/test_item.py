"""One row in the browser: its link shows it, the keyboard leads to the next, and clicks lead on."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import press, settled, visit

PRODUCTS = "/item?c=public.products.embedding"


def title(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def whole(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.get_by_text("this row itself left out")).to_be_visible()
    expect(page.locator("[data-testid=stDataFrame] canvas").last).to_be_visible()
    page.locator("[data-testid=stApp][data-test-connection-state=CONNECTED]").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def test_a_link_shows_a_row_and_its_vector(page: Page) -> None:
    whole(page, f"{PRODUCTS}&id=77")
    expect(page.get_by_text("embedding · vector · 384 dimensions")).to_be_visible()
    expect(page.locator("[data-testid=stPlotlyChart] svg.main-svg").first).to_be_visible()
    for heading in ("Fields", "Vector", "Can the index find it?", "Copies"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()


def test_the_arrows_step_from_row_to_row(page: Page) -> None:
    whole(page, f"{PRODUCTS}&id=77")
    first = title(page)
    expect(page.get_by_role("button", name="Next")).to_be_enabled()
    press(page, "ArrowRight")
    expect(page).to_have_url(re.compile("id=76"))
    expect(page.get_by_role("heading", level=1)).not_to_have_text(first)
    press(page, "ArrowLeft")
    expect(page).to_have_url(re.compile("id=77"))
    expect(page.get_by_role("heading", level=1)).to_have_text(first)


def test_a_row_leads_to_its_neighbours_and_to_its_place_among_the_data(page: Page) -> None:
    whole(page, f"{PRODUCTS}&id=77")
    page.get_by_role("button", name="Search from here").click()
    settled(page, "Search")
    expect(page).to_have_url(re.compile(r"q=77"))
    whole(page, f"{PRODUCTS}&id=77")
    page.get_by_role("button", name="Back to data").click()
    settled(page, "Data")
    expect(page).to_have_url(re.compile(r"after=.*77"))


def test_a_row_that_is_gone_offers_those_beside_it(page: Page) -> None:
    visit(page, f"{PRODUCTS}&id=999999999", "No such row")
    page.get_by_role("button", name="10000").click()
    expect(page.get_by_role("heading", name="Fields")).to_be_visible()
    expect(page).to_have_url(re.compile(r"id=10000"))
