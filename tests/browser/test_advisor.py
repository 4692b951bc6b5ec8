"""Advisor in the browser: findings, and a search that is taken to the plan doctor."""

import re

from playwright.sync_api import Page, expect

from dashboard.advisor.rules import RULES
from dashboard.outcomes import Now, outcome_of
from db.catalog import find_column
from db.decisions import decisions
from db.engine import Database
from tests.browser.conftest import Site, press, settled, visit

COLUMN = "public.products.embedding"
AT_WORK_S = 120


def test_every_rule_speaks_or_says_why_it_is_silent(page: Page) -> None:
    visit(page, f"/advisor?c={COLUMN}", "Advisor")
    expect(page.get_by_text(f"{len(RULES)} rules on 1 column")).to_be_visible()
    page.get_by_text(re.compile(r"^Need · ")).click()
    expect(page.get_by_role("columnheader", name="Why it is silent").first).to_be_visible()


def test_a_budget_is_part_of_the_address(page: Page) -> None:
    visit(page, f"/advisor?c={COLUMN}&budget=0.2", "Advisor")
    expect(page.get_by_role("heading", name="Exact search over budget")).to_be_visible()
    expect(page.get_by_text("CREATE INDEX CONCURRENTLY").first).to_be_visible()


def test_a_statement_is_typed_and_diagnosed_by_the_keyboard(page: Page) -> None:
    visit(page, f"/advisor?c={COLUMN}&view=Plan+doctor", "Advisor")
    statement = page.get_by_role("textbox", name="Statement")
    statement.fill("SELECT id FROM products ORDER BY embedding <=> $1")
    statement.press("Control+Enter")
    press(page, "Control+Enter")
    expect(page.get_by_text(re.compile("vector index")).first).to_be_visible()
    expect(page.get_by_text("$1 was taken as the vector of some row of")).to_be_visible()


def test_a_search_is_taken_to_the_doctor(page: Page) -> None:
    visit(page, f"/search?c={COLUMN}&q=waterproof+trail+shoe", "Search")
    page.get_by_role("tab", name="SQL").click()
    page.get_by_role("button", name="Ask the plan doctor").click()
    settled(page, "Advisor")
    expect(page.get_by_role("textbox", name="Statement")).to_have_value(re.compile("ORDER BY"))
    expect(page.get_by_text(re.compile("uses (no|a) vector index"))).to_be_visible()


def test_an_index_that_is_not_needed_is_dropped_from_its_card(page: Page, site: Site) -> None:
    column = "public.zz_needless.embedding"
    database = Database(site.command("db", "url").strip())
    with database.control("tests") as connection:
        connection.exec_driver_sql("CREATE TABLE zz_needless (id serial PRIMARY KEY, embedding vector(1))")
        connection.exec_driver_sql(
            "INSERT INTO zz_needless (embedding) SELECT ARRAY[i]::vector FROM generate_series(1, 200) AS i"
        )
        connection.exec_driver_sql("CREATE INDEX zz_hnsw ON zz_needless USING hnsw (embedding vector_l2_ops)")
        connection.exec_driver_sql("ANALYZE zz_needless")
    visit(page, f"/advisor?c={column}&budget=10000", "Advisor")
    page.get_by_role("button", name="Apply…").click()
    settled(page, "Indexes")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Answers the advisor's finding Index not needed")).to_be_visible()
    dialog.get_by_role("textbox").fill("zz_hnsw")
    dialog.get_by_role("textbox").press("Enter")
    dialog.get_by_role("button", name="Drop it").click()
    expect(page.get_by_text(re.compile("Done in"))).to_be_visible(timeout=1000 * AT_WORK_S)
    with database.reading("tests") as connection:
        [made] = decisions(connection, find_column(connection, column))
        outcome = outcome_of(made, Now(connection, {}))
    assert (made.rule, made.decided, outcome.state) == ("needless_index", "applied", "dropped")
    database.dispose()


def test_a_column_is_watched_and_a_broken_promise_is_told_on_the_overview(page: Page, site: Site) -> None:
    visit(page, f"/advisor?c={COLUMN}&view=Watch", "Advisor")
    page.get_by_role("spinbutton", name="Promised p95 (ms)").fill("0.1")
    page.get_by_role("button", name="Watch this column").click()
    expect(page.get_by_text("promise broken")).to_be_visible(timeout=1000 * AT_WORK_S)
    expect(page.locator(".st-key-watch-latency .main-svg").first).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    settled(page, "Overview")
    expect(page.get_by_text("over the 0.1 ms promised")).to_be_visible()
    site.command("watch", "remove", COLUMN)
    page.reload()
    settled(page, "Overview")
    expect(page.get_by_text("over the 0.1 ms promised")).to_have_count(0)
