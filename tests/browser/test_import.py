"""Importing through the page: choose a file, see it, check it, import what is good."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, settled, visit


def choose(page: Page, file: Path) -> None:
    visit(page, "/seed?source=File", "Seed & import")
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(file)
    expect(page.get_by_role("heading", name="Where each column goes")).to_be_visible()
    settled(page, "Seed & import")


def check(page: Page) -> None:
    page.get_by_role("button", name="Check it").click()
    expect(page.get_by_role("heading", name="The plan")).to_be_visible(timeout=120_000)
    settled(page, "Seed & import")


def test_bad_rows_are_listed_downloaded_and_left_out_on_request(
    page: Page, site: Site, tmp_path: Path
) -> None:
    file = tmp_path / "Tall Tales.csv"
    file.write_text('id,title,embedding\n1,fox,"[1,2]"\n2,owl,"[1,2,3]"\n3,elk,"[3,4]"\n')
    choose(page, file)
    expect(page.get_by_role("textbox", name="Table")).to_have_value("tall_tales")
    check(page)
    expect(page.get_by_text("1 of 3 rows cannot be imported")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Reject file").click()
    assert download.value.suggested_filename == "Tall Tales-rejects.csv"
    assert download.value.path().read_text().splitlines()[1].startswith("2,embedding,")

    page.reload()  # the plan is a job's, and so a link
    settled(page, "Seed & import")
    page.get_by_role("button", name="Import 2 rows without the 1 bad").click()
    expect(page.get_by_text("2 rows imported into public.tall_tales")).to_be_visible(timeout=120_000)
    listed = json.loads(site.command("columns", "--json"))
    columns = listed if isinstance(listed, list) else listed["columns"]
    assert {c["table"]: c["rows"] for c in columns}["tall_tales"] == 2


def test_a_plan_can_be_changed_without_choosing_the_file_again(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "points.jsonl"
    file.write_text('{"v": [1, 2]}\n{"v": [3, 4]}\n')
    choose(page, file)
    check(page)
    page.get_by_role("button", name="Change something").click()
    expect(page.get_by_text("points.jsonl")).to_be_visible()
    expect(page.get_by_role("button", name="Check it")).to_be_enabled()
