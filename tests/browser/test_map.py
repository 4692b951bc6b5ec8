"""The map in the browser: drawn by WebGL, a lasso becomes an address, and a job becomes a map."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from db.conditions import from_text
from db.filters import Filter
from tests.browser.conftest import Site, settled, visit
from tests.browser.test_data import row

MAP = "/map?c=public.products.embedding&n=2k"


@pytest.fixture(scope="session")
def groups(site: Site) -> None:
    """A small table of its own for the job, which takes its time with a large one."""
    site.command("populate_db", "--source", "clusters", "--table", "mapped", "--rows", "120", "--dims", "4")


def drawn(page: Page) -> Locator:
    """The map, once its points are there."""
    plot = page.get_by_test_id("stPlotlyChart")
    expect(plot.locator("canvas.gl-canvas-context")).to_be_visible()
    return plot


def circle(page: Page, plot: Locator, size: float) -> None:
    """Draw a lasso around the middle of the map, so far from it."""
    box = plot.locator(".nsewdrag").first.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - size, y - size)
    page.mouse.down()
    for dx, dy in ((size, -size), (size, size), (-size, size), (-size, -size + 2)):
        page.mouse.move(x + dx, y + dy, steps=8)
    page.mouse.up()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_is_drawn_in_the_theme_s_colours(page: Page, scheme: str) -> None:
    visit(page, f"{MAP}&colour=category", "Map")
    plot = drawn(page)
    expect(page.get_by_text("neighbours preserved").first).to_be_visible()
    first = {"light": "rgb(79, 70, 229)", "dark": "rgb(129, 140, 248)"}[scheme]
    colours = plot.locator(".legendsymbols path").evaluate_all("all => all.map(one => one.style.fill)")
    assert first in colours
    assert len(set(colours)) > 8


def test_a_lasso_leads_to_its_rows_in_data(page: Page) -> None:
    visit(page, MAP, "Map")
    circle(page, drawn(page), 25)
    title = page.get_by_role("heading", name=re.compile(r"^[\d,]+ rows selected$"))
    expect(title).to_be_visible()
    rows = int(title.inner_text().split()[0].replace(",", ""))
    page.get_by_role("button", name=re.compile("^Open .*in Data$")).click()
    settled(page, "Data")
    expect(page).to_have_url(re.compile("/data.*f="))
    found = from_text(parse_qs(urlsplit(page.url).query)["f"][0])
    assert isinstance(found, Filter)
    assert (found.column, found.operator) == ("id", "in")
    assert len(found.value or ()) == rows


def test_a_selection_outlives_another_colour_and_ends_with_another_sample(page: Page) -> None:
    visit(page, f"{MAP}&colour=category", "Map")
    circle(page, drawn(page), 30)
    title = page.get_by_role("heading", name=re.compile("rows selected$"))
    expect(title).to_be_visible()
    page.get_by_role("combobox", name=re.compile("Colour by")).click()
    page.get_by_role("option", name="brand").click()
    expect(page).to_have_url(re.compile("colour=brand"))
    expect(title).to_be_visible()
    page.get_by_role("button", name="Sample").click()
    page.get_by_role("radio", name="5k").click()
    expect(page.get_by_role("heading", name="Nothing selected")).to_be_visible()


def test_words_are_marked_on_the_map_and_the_link_keeps_them(page: Page) -> None:
    visit(page, MAP, "Map")
    words = page.get_by_label("Find on the map")
    words.fill("cast iron skillet")
    words.press("Enter")
    expect(page.get_by_role("heading", name="Found")).to_be_visible()
    expect(page).to_have_url(re.compile(r"q=cast\+iron\+skillet"))
    page.reload()
    settled(page, "Map")
    expect(drawn(page).locator(".legendtext", has_text="search hits")).to_be_visible()


def test_rows_chosen_in_data_and_a_row_s_own_page_are_pointed_out(page: Page) -> None:
    visit(page, "/data?c=public.products.embedding", "Data")
    row(page, 0)
    expect(page.get_by_text("1 row selected")).to_be_visible()
    page.locator(".st-key-selected-map").get_by_role("button").click()
    settled(page, "Map")
    expect(page).to_have_url(re.compile(r"/map\?.*at="))
    expect(page.get_by_role("heading", name="Marked")).to_be_visible()
    expect(drawn(page).locator(".legendtext", has_text="marked rows")).to_be_visible()
    page.get_by_role("button", name="Mark nothing").click()
    expect(page).not_to_have_url(re.compile("at="))
    page.goto("/item?c=public.products.embedding&id=77")
    page.get_by_role("button", name="On the map").click()
    settled(page, "Map")
    assert json.loads(parse_qs(urlsplit(page.url).query)["at"][0]) == ["77"]


def test_a_job_makes_a_map_that_its_number_shows_again(page: Page, groups: None) -> None:
    visit(page, "/map?c=public.mapped.embedding&method=t-SNE", "Map")
    page.get_by_role("button", name="Make the map").click()
    expect(page).to_have_url(re.compile(r"[?&]m=\d+"), timeout=180_000)
    drawn(page)
    expect(page.get_by_text("t-SNE 1")).to_be_visible()
    number = parse_qs(urlsplit(page.url).query)["m"][0]
    visit(page, f"/map?m={number}", "Map")
    expect(page.get_by_text(f"map {number}, made")).to_be_visible()
    expect(page).to_have_url(re.compile(r"c=public\.mapped\.embedding"))


def test_two_windows_are_compared_and_their_link_holds_them(page: Page) -> None:
    visit(page, "/map?c=public.products.embedding&method=Two+windows&w=category&a=Garden&b=Audio", "Map")
    drawn(page)
    expect(page.get_by_text("more than chance")).to_be_visible()
    second = page.get_by_role("textbox", name="Second window")
    second.fill("Garden")
    second.press("Enter")
    expect(page.get_by_text("no more than chance")).to_be_visible()
    expect(page).to_have_url(re.compile("b=Garden"))
