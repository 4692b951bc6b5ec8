"""Loading through the page: choose, watch, reload in the middle, see the end."""

import json
import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, settled, visit


def load(page: Page, table: str, rows: int) -> None:
    name = page.get_by_role("textbox", name="Table")
    name.fill(table)
    name.press("Enter")
    count = page.get_by_role("spinbutton", name="Rows")
    count.fill(str(rows))
    count.press("Enter")
    expect(page.get_by_test_id("stMetric").filter(has_text="Rows")).to_contain_text(f"{rows:,}")
    page.get_by_role("button", name="Load", exact=True).click()


def test_a_load_is_watched_survives_a_reload_and_ends_with_its_rows(page: Page, site: Site) -> None:
    visit(page, "/seed", "Seed & import")
    load(page, "watched", 40_000)
    expect(page).to_have_url(re.compile(r"job=\d+"))
    bar = page.get_by_test_id("stProgress")
    expect(bar).to_contain_text(re.compile(r"loading · [\d,]+ of 40,000 rows"))

    page.reload()
    settled_job = page.get_by_text("continues if you leave this page")
    expect(settled_job).to_be_visible()
    expect(page.get_by_text("40,000 rows loaded into public.watched.")).to_be_visible(timeout=120_000)

    loaded = json.loads(site.command("columns", "--json"))
    assert {c["table"]: c["rows"] for c in _columns(loaded)}["watched"] == 40_000

    page.get_by_role("button", name="Search it").click()
    settled(page, "Search")
    expect(page).to_have_url(re.compile(r"c=public\.watched\.embedding"))


def _columns(document: object) -> list[dict[str, object]]:
    return document if isinstance(document, list) else document["columns"]  # type: ignore[index]


def test_a_table_in_the_way_is_told_before_anything_is_queued(page: Page) -> None:
    visit(page, "/seed?source=Clusters", "Seed & import")
    load(page, "products", 500)
    expect(page.get_by_text("public.products exists with other columns")).to_be_visible()
    expect(page).not_to_have_url(re.compile(r"job="))
