"""Inspect in the browser: from a click to a grade, the rows behind a finding, and what the index loses."""

import re

import pytest
from playwright.sync_api import Page, expect

from db.engine import Database
from tests.browser.conftest import Site, settled, visit

COLUMN = "public.zz_nasty.embedding"
INDEX = "CREATE INDEX zz_nasty_hnsw ON zz_nasty USING hnsw (embedding vector_cosine_ops)"
AT_WORK_S = 120


@pytest.fixture(scope="session")
def nasty(site: Site) -> str:
    """A table with everything that goes wrong, and an index on it."""
    site.command("populate_db", "--source", "nasty", "--table", "zz_nasty", "--rows", "1000", "--dims", "16")
    database = Database(site.command("db", "url").strip())
    with database.control("tests") as connection:
        connection.exec_driver_sql(INDEX)
    database.dispose()
    return COLUMN


@pytest.fixture(scope="session")
def inspected(site: Site, nasty: str) -> str:
    """The same, inspected and asked on the command line."""
    site.command("inspect", nasty, "--findability", "--asks", "100")
    return nasty


def test_a_click_inspects_the_column_and_ends_in_a_grade(page: Page, nasty: str) -> None:
    visit(page, f"/inspection?c={nasty}", "Inspect")
    button = page.get_by_role("button", name=re.compile("Inspect this column|Inspect again"))
    button.click()
    expect(page.get_by_role("figure", name=re.compile("Grade [A-E] on a scale"))).to_be_visible(
        timeout=1000 * AT_WORK_S
    )
    expect(page.get_by_text(re.compile("holds? it back"))).to_be_visible()


def test_charts_are_drawn(page: Page, inspected: str) -> None:
    visit(page, f"/inspection?c={inspected}", "Inspect")
    for name in ("norms", "hubs", "nearest", "dimensions", "lost-by-group", "found-by-setting"):
        expect(page.locator(f".st-key-{name} .js-plotly-plot .main-svg").first).to_be_visible()


def test_a_finding_leads_to_its_rows(page: Page, inspected: str) -> None:
    visit(page, f"/inspection?c={inspected}", "Inspect")
    page.get_by_role("button", name="Show rows: zero vectors").click()
    settled(page, "Data")
    expect(page).to_have_url(re.compile(r"/data\?.*f="))
    expect(page.get_by_role("alert")).to_have_count(0)


def test_lost_rows_are_counted_by_reason_and_lead_to_the_rows(page: Page, inspected: str) -> None:
    visit(page, f"/inspection?c={inspected}", "Inspect")
    expect(page.get_by_role("heading", name="Lost rows")).to_be_visible()
    expect(page.get_by_role("heading", name="Findability by kind")).to_be_visible()
    page.get_by_role("button", name="Show lost rows").click()
    settled(page, "Data")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_address_carries_the_sample(page: Page, nasty: str) -> None:
    visit(page, f"/inspection?c={nasty}&rows=500&seed=7", "Inspect")
    page.get_by_role("button", name="Sample").click()
    expect(page.get_by_label("Rows to look at, at most")).to_have_value("500")
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("7")
