"""The list of jobs: what ran, its details, and stopping what runs."""

import json

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, visit
from tests.browser.test_seed import load


def test_a_link_to_a_job_shows_what_it_was_asked_and_what_came_of_it(page: Page, site: Site) -> None:
    jobs = json.loads(site.command("jobs", "list", "--json"))["jobs"]
    first = min(job["id"] for job in jobs)
    visit(page, f"/jobs?job={first}", "Jobs")
    expect(page.get_by_role("heading", name="public.products")).to_be_visible()
    expect(page.locator(f".st-key-job-{first}")).to_contain_text("succeeded")
    expect(page.get_by_role("heading", name="Result")).to_be_visible()


def test_a_running_job_is_cancelled_from_its_panel_and_can_be_retried(page: Page, site: Site) -> None:
    visit(page, "/seed", "Seed & import")
    load(page, "unwanted", 400_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Stopped on request")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    assert "unwanted" not in site.command("columns", "--json")


def test_an_unknown_job_is_told_as_such(page: Page) -> None:
    visit(page, "/jobs?job=999999", "Jobs")
    expect(page.get_by_text("There is no job 999999.")).to_be_visible()
