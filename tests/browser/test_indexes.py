"""Indexes in the browser: built by a click, cancelled, and rebuilt or dropped behind a typed name."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from db.engine import Database
from tests.browser.conftest import Site, settled, visit
from tests.indexing.conftest import old_snapshot, vector_indexes

COLUMN = "public.zz_indexed.embedding"
ADDRESS = f"/indexes?c={COLUMN}"
AT_WORK_MS = 120_000


@pytest.fixture(scope="session")
def served_database(site: Site) -> Iterator[Database]:
    """The database of the served installation, with a table to index."""
    site.command(
        "populate_db", "--source", "clusters", "--table", "zz_indexed", "--rows", "1000", "--dims", "8"
    )
    database = Database(site.command("db", "url").strip())
    yield database
    database.dispose()


@pytest.fixture
def indexed(served_database: Database) -> Iterator[Database]:
    """The same, with the index ``zz_mine``."""
    with served_database.control("tests") as connection:
        connection.exec_driver_sql("CREATE INDEX zz_mine ON zz_indexed USING hnsw (embedding vector_l2_ops)")
    yield served_database
    with served_database.control("tests") as connection:
        connection.exec_driver_sql("DROP INDEX IF EXISTS zz_mine")


def select_mine(page: Page) -> None:
    """Select the row of ``zz_mine``: a table's cells are a canvas, so by its place."""
    page.get_by_role("button", name="Refresh").click()
    settled(page, "Indexes")
    table = page.get_by_test_id("stDataFrame").first
    expect(table.locator("table tbody tr").filter(has_text="zz_mine")).to_be_attached()
    names = table.locator("table tbody tr").all_inner_texts()
    place = next(number for number, row in enumerate(names) if "zz_mine" in row)
    table.click(position={"x": 18, "y": 32 * (place + 1) + 18})
    expect(page.get_by_role("heading", name="zz_mine")).to_be_visible()


def test_a_click_builds_an_index(page: Page, served_database: Database) -> None:
    visit(page, f"{ADDRESS}&build=hnsw:m=4,ef_construction=8&by=cosine", "Indexes")
    page.get_by_role("button", name="Build HNSW").click()
    expect(page.get_by_text(re.compile("Done in"))).to_be_visible(timeout=AT_WORK_MS)
    built = [
        name for name in vector_indexes(served_database) if name.startswith("vs_zz_indexed_embedding_hnsw")
    ]
    assert len(built) == 1
    with served_database.control("tests") as connection:
        connection.exec_driver_sql(f'DROP INDEX "{built[0]}"')


def test_a_build_that_waits_names_whom_and_can_be_cancelled(page: Page, served_database: Database) -> None:
    visit(page, f"{ADDRESS}&build=hnsw:m=5,ef_construction=10&by=cosine", "Indexes")
    with old_snapshot(served_database):
        page.get_by_role("button", name="Build HNSW").click()
        expect(page.get_by_text(re.compile(r"Waiting for pid \d+"))).to_be_visible(timeout=AT_WORK_MS)
        expect(page.get_by_text(re.compile("idle in transaction · open for"))).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("nothing half-done was left behind")).to_be_visible(timeout=AT_WORK_MS)
    assert all(vector_indexes(served_database).values())


@pytest.mark.parametrize(("action", "confirm"), [("Rebuild", "Rebuild it"), ("Drop", "Drop it")])
def test_an_index_is_changed_behind_its_typed_name(
    page: Page, indexed: Database, action: str, confirm: str
) -> None:
    visit(page, ADDRESS, "Indexes")
    select_mine(page)
    page.get_by_role("button", name=action, exact=True).click()
    button = page.get_by_role("dialog").get_by_role("button", name=confirm)
    expect(button).to_be_disabled()
    field = page.get_by_label(re.compile("Type its name"))
    field.fill("zz_other")
    field.press("Enter")
    expect(button).to_be_disabled()
    field.fill("zz_mine")
    field.press("Enter")
    expect(button).to_be_enabled()
    button.click()
    expect(page.get_by_text(re.compile("Done in"))).to_be_visible(timeout=AT_WORK_MS)
    assert ("zz_mine" in vector_indexes(indexed)) is (action == "Rebuild")


def test_the_memory_chart_is_drawn(page: Page, indexed: Database) -> None:
    visit(page, ADDRESS, "Indexes")
    expect(page.locator(".st-key-memory .js-plotly-plot .main-svg").first).to_be_visible()


def test_a_clone_fills_the_form_in(page: Page, indexed: Database) -> None:
    visit(page, ADDRESS, "Indexes")
    select_mine(page)
    page.get_by_role("button", name="Clone").click()
    settled(page, "Indexes")
    expect(page.get_by_test_id("stCode").filter(has_text="CREATE INDEX CONCURRENTLY")).to_contain_text(
        "vector_l2_ops"
    )
