"""Exporting from the page: choose, see what will come, fetch it, and find in it what was promised."""

import csv
import json
import zipfile
from io import StringIO
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Site, visit

AUDIO = '/data?c=public.products.embedding&f=["all",["category","%3D","Audio"]]'


def opened(page: Page, address: str = "/data?c=public.products.embedding") -> Locator:
    """The popover of the page's Export button."""
    visit(page, address, "Data")
    page.get_by_test_id("stPopover").filter(has_text="Export").get_by_role("button").click()
    popover = page.get_by_test_id("stPopoverBody")
    expect(popover.get_by_text("As", exact=True)).to_be_visible()
    return popover


def fetched(page: Page, popover: Locator, folder: Path) -> dict[str, bytes]:
    """What the Download button gives: the files in the archive by name."""
    with page.expect_download() as download:
        popover.get_by_role("button", name="Download", exact=True).click()
    path = folder / "fetched.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_rows_of_the_page_are_fetched_in_their_order(page: Page, tmp_path: Path) -> None:
    popover = opened(page)
    expect(popover).to_contain_text("100 rows")
    files = fetched(page, popover, tmp_path)
    [(name, content), (sidecar, told)] = files.items()
    assert name.startswith("products_")
    assert name.endswith("_100rows.csv")
    assert sidecar == f"{name}.meta.json"
    header, *rows = csv.reader(StringIO(content.decode(), newline=""))
    assert header[:2] == ["id", "title"]
    assert [int(row[0]) for row in rows] == list(range(10_000, 9_900, -1))
    assert json.loads(told)["scope"] == "page"


def test_a_limit_is_told_in_red_and_in_the_sidecar(page: Page, tmp_path: Path) -> None:
    popover = opened(page, AUDIO)
    popover.get_by_text("Filtered", exact=True).click()
    popover.get_by_text("JSON Lines", exact=True).click()
    expect(popover).to_contain_text("Where category is Audio")
    limit = popover.get_by_role("spinbutton", name="At most, rows")
    limit.fill("7")
    limit.press("Enter")
    cut = popover.get_by_text("Cut off after 7 rows of")
    expect(cut).to_be_visible()
    expect(popover).to_contain_text("7 rows · 10 columns")
    (_, content), (_, told) = fetched(page, popover, tmp_path).items()
    rows = [json.loads(line) for line in content.decode().splitlines()]
    assert len(rows) == 7
    assert {row["category"] for row in rows} == {"Audio"}
    assert len(rows[0]["embedding"]) == 384
    assert json.loads(told)["truncated"] is True


def test_psql_can_do_it_by_hand(page: Page) -> None:
    popover = opened(page)
    popover.get_by_text("By hand, with psql").click()
    expect(popover.get_by_text("\\copy (SELECT public.products.id")).to_be_visible()


def test_what_is_too_much_for_a_click_is_written_by_a_job(page: Page, tmp_path: Path, site: Site) -> None:
    site.command(
        "populate_db", "--source", "uniform", "--table", "many", "--rows", "120000", "--dims", "2", "--json"
    )
    popover = opened(page, "/data?c=public.many.embedding")
    popover.get_by_text("All rows", exact=True).click()
    popover.get_by_text("Parquet", exact=True).click()
    popover.get_by_role("button", name="Start the export").click()
    expect(popover.get_by_text("Done in")).to_be_visible(timeout=60_000)
    (name, content), (_, told) = fetched(page, popover, tmp_path).items()
    assert name.endswith("_120000rows.parquet")
    assert content.startswith(b"PAR1")
    assert json.loads(told)["rows"] == 120_000
