"""The way in: navigation, the overview, light and dark, and a database that goes away and comes back."""

import re

import pytest
from playwright.sync_api import Page, expect

from dashboard.nav import PAGES
from tests.browser.conftest import Site, settled, visit

BACKGROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 19, 32)"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_opens_from_the_navigation_in_the_readers_colours(page: Page, scheme: str) -> None:
    visit(page, "/", "Overview")
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", BACKGROUND[scheme])
    for entry in (each for each in PAGES if not each.hidden):
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=entry.title, exact=True).click()
        settled(page, entry.title)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)


def test_the_overview_shows_the_demo_and_what_to_do_next(page: Page) -> None:
    visit(page, "/", "Overview")
    vectors = page.get_by_test_id("stMetric").filter(has_text="Vectors")
    expect(vectors).to_contain_text(re.compile(r"~?[\d,]{6,}"))
    expect(page.get_by_role("heading", name="What to do next")).to_be_visible()
    expect(page.get_by_test_id("stSidebar")).to_contain_text("PostgreSQL 18")
    expect(page.get_by_test_id("stSidebar")).to_contain_text("local mode")


def test_the_next_step_leads_to_the_benchmark_of_that_column(page: Page) -> None:
    visit(page, "/", "Overview")
    page.get_by_role("button", name="Measure it").first.click()
    settled(page, "Benchmarks")
    expect(page).to_have_url(re.compile(r"/benchmarks\?c=public\.\w+\.embedding"))


def test_the_column_chosen_on_one_page_stays_chosen_on_the_next(page: Page, site: Site) -> None:
    site.command(
        "populate_db", "--source", "uniform", "--table", "zebra", "--rows", "200", "--dims", "8", "--json"
    )
    visit(page, "/search?c=public.zebra.embedding", "Search")
    picker = page.get_by_role("combobox", name="Column")
    expect(picker).to_have_value("zebra.embedding · 8 d · 200 rows")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Benchmarks").click()
    settled(page, "Benchmarks")
    expect(picker).to_have_value("zebra.embedding · 8 d · 200 rows")


def test_a_link_to_a_column_that_is_gone_says_so(page: Page) -> None:
    visit(page, "/search?c=public.gone.embedding", "No such column")
    expect(page.get_by_test_id("stMain")).to_contain_text("There is no column public.gone.embedding")


def test_the_admin_page_lists_the_migrations_as_the_command_line_does(page: Page, site: Site) -> None:
    visit(page, "/admin", "Admin")
    page.get_by_role("tab", name="Installation").click()
    printed = site.command("showmigrations").splitlines()
    assert printed
    assert all(line.startswith("[X]") for line in printed)
    for line in printed:
        expect(page.get_by_test_id("stCode").filter(has_text=line).first).to_be_visible()


def test_a_stopped_database_is_a_state_and_the_page_comes_back_with_it(page: Page, site: Site) -> None:
    visit(page, "/", "Overview")
    site.command("db", "stop")
    try:
        page.reload()
        expect(page.get_by_role("heading", name="The database does not answer")).to_be_visible()
        expect(page.get_by_text("python -m dashboard db start")).to_be_visible()
        expect(page.get_by_test_id("stSidebar")).to_contain_text("no database")
    finally:
        site.command("db", "start")
    settled(page, "Overview")
    expect(page.get_by_test_id("stSidebar")).to_contain_text("PostgreSQL 18")
