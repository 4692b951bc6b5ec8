"""States that only a browser shows: what stands there while something is read, a file refused, markup shown.

The pages are read by a login that may only SELECT, whose questions end after twenty seconds; the rows of
some tables take it as long as their policy says.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Dialog, Page, expect
from sqlalchemy import make_url

from db.engine import Database
from tests.browser.conftest import ROOT, Site, environment, free_port, settled, visit, wait_until_ready

READER = "slow_reader"
OWNER = "owner.url"
FORMULA = '=HYPERLINK("http://evil.example/","x")'
IMAGE = "<img src=x onerror=alert(1)>"
LINK = "[x](javascript:alert(1))"
MARKUP = [FORMULA, IMAGE, LINK, "**bold** :material/home: $x^2$ :red[red]"]

TABLES = f"""
CREATE TABLE slow (id int PRIMARY KEY, title text, embedding vector(2));
INSERT INTO slow SELECT i, 'row ' || i, ARRAY[i % 7, i % 5]::vector FROM generate_series(1, 4) AS i;
CREATE POLICY slowly ON slow USING (pg_sleep(1.6 + 0 * id) IS NOT NULL);
CREATE TABLE stuck (id int PRIMARY KEY, embedding vector(2));
INSERT INTO stuck VALUES (1, '[1,1]');
CREATE POLICY "for ever" ON stuck USING (pg_sleep(18 + 0 * id) IS NOT NULL);
ALTER TABLE stuck ENABLE ROW LEVEL SECURITY;
CREATE TABLE long (id int PRIMARY KEY, embedding vector(2));
INSERT INTO long SELECT i, ARRAY[i, 1]::vector FROM generate_series(1, 400) AS i;
CREATE POLICY "old rows slowly" ON long USING (pg_sleep(CASE WHEN id > 250 THEN 0 ELSE 0.2 END) IS NOT NULL);
CREATE TABLE "{IMAGE}" (id int PRIMARY KEY, title text, "{LINK}" text, embedding vector(2));
INSERT INTO "{IMAGE}"
SELECT i, (ARRAY[$one${MARKUP[0]}$one$, '{MARKUP[1]}', '{MARKUP[2]}', '{MARKUP[3]}'])[1 + i % 4],
       (ARRAY['{LINK}', '{IMAGE}'])[1 + i % 2], ARRAY[i % 7, 1]::vector
FROM generate_series(1, 40) AS i;
ALTER TABLE slow ENABLE ROW LEVEL SECURITY;
ALTER TABLE long ENABLE ROW LEVEL SECURITY;
ANALYZE;
CREATE ROLE {READER} LOGIN;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER};
"""
MARKED_COLUMN = quote(f'public."{IMAGE}".embedding')


@pytest.fixture(scope="module")
def site(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A second server, on a database of its own beside the demo's."""
    url = make_url(site.command("db", "url").strip())
    demo = Database(url.render_as_string(hide_password=False))
    with demo.control("tests") as connection:
        connection.exec_driver_sql("CREATE DATABASE states")
    demo.dispose()
    owner = url.set(database="states").render_as_string(hide_password=False)
    reader = url.set(database="states", username=READER).render_as_string(hide_password=False)
    home = tmp_path_factory.mktemp("states") / "home"
    home.mkdir()
    (home / OWNER).write_text(owner)
    port = free_port()
    mine = environment(
        home,
        DATABASE_URL=owner,
        VECTORSCOPE_PORT=str(port),
        READ_TIMEOUT_S="20",
        WORKER="0",
    )
    _run(mine, "migrate")
    database = Database(owner)
    with database.control("tests") as connection:
        connection.exec_driver_sql(TABLES.replace("%", "%%"))
    database.dispose()
    mine["DATABASE_READ_URL"] = reader
    _run(mine, "migrate")
    yield from _serve(mine, Site(f"http://127.0.0.1:{port}", home))


def _run(env: dict[str, str], command: str) -> None:
    subprocess.run([sys.executable, "-m", "dashboard", command], cwd=ROOT, env=env, check=True, timeout=120)


def _serve(env: dict[str, str], served: Site) -> Iterator[Site]:
    log = served.home / "served.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dashboard"], cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            wait_until_ready(served, process, log)
            yield served
        finally:
            process.terminate()
            process.wait(30)


LOADING = {
    "data": ("/data?c=public.slow.embedding", "Data", "Reading the page"),
    "item": ("/item?c=public.slow.embedding&id=4", "row 4", "Reading the row"),
    "search": ("/search?c=public.slow.embedding&by=Row+id&q=4", "Search", "Searching both ways"),
    "map": ("/map?c=public.slow.embedding", "Map", "Drawing the map"),
}
"""What says, on each page that reads rows, that it is reading them; the others show what jobs have stored."""


@pytest.mark.parametrize("name", LOADING)
def test_while_rows_are_read_their_place_is_held_and_the_time_told(page: Page, name: str) -> None:
    path, heading, doing = LOADING[name]
    page.goto(path)
    page.get_by_test_id("stSpinner").filter(has_text=re.compile(rf"{doing}\s*\(\d\.\d s")).wait_for()
    if name != "map":
        expect(page.get_by_test_id("stSkeletonElement").last).to_be_visible()
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    expect(page.get_by_text(doing)).to_have_count(0)
    expect(page.get_by_test_id("stSkeletonElement")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def sleeping(site: Site) -> int:
    """Count the sessions that read a row of the table that takes for ever."""
    database = Database((site.home / OWNER).read_text())
    with database.control("tests") as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND wait_event = 'PgSleep'", (READER,)
        ).scalar_one()
    database.dispose()
    return int(found)


@pytest.mark.parametrize(
    "path", ["/data?c=public.stuck.embedding", "/search?c=public.stuck.embedding&by=Vector&q=[1,1]"]
)
def test_a_read_that_takes_long_is_cancelled_and_its_backend_free(page: Page, site: Site, path: str) -> None:
    page.goto(path)
    cancel = page.get_by_role("button", name="Cancel")
    expect(page.get_by_text(re.compile(r"(Reading the page|Searching both ways) · \d+ s"))).to_be_visible()
    assert sleeping(site) == 1
    cancel.click()
    expect(page.get_by_text(re.compile(r"Stopped on request, after \d+ s"))).to_be_visible()
    assert sleeping(site) == 0
    expect(page.get_by_role("button", name="Ask again")).to_be_visible()


def test_an_export_whose_rows_cannot_be_counted_in_time_says_so(page: Page) -> None:
    visit(page, "/data?c=public.long.embedding", "Data")
    page.get_by_test_id("stPopover").filter(has_text="Export").get_by_role("button").click()
    popover = page.get_by_test_id("stPopoverBody")
    expect(popover).to_contain_text("100 rows")
    popover.get_by_text("All rows", exact=True).click()
    expect(popover).to_contain_text("~400 rows")
    expect(popover.get_by_role("button", name="Start the export")).to_be_visible()


def test_an_upload_over_the_limit_is_refused_before_it_is_read(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    with file.open("wb") as written:
        written.truncate(201 << 20)
    visit(page, "/seed?source=File", "Seed & import")
    expect(page.get_by_text("Up to 200 MB. A larger one is read where it is")).to_be_visible()
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("File must be 200.0MB or smaller.")).to_be_visible()
    expect(page.get_by_role("button", name="Check it")).to_be_disabled()


@pytest.fixture
def wary(page: Page) -> Iterator[Page]:
    """A page on which no script, image or link of the data's may come to life."""
    opened: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    yield page
    assert opened == []


def harmless(page: Page) -> None:
    """Expect that nothing on the page was made of data."""
    expect(
        page.locator("img[src='x'], a[href^='javascript'], a[href*='evil.example'], [onerror]")
    ).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def expect_markup_in_cells(page: Page) -> None:
    """A table writes out its cells a moment after it is there, and not all of them at once."""
    cells = page.locator("[data-testid=stDataFrame] [role=gridcell]")
    for text in MARKUP:
        expect(cells.filter(has_text=re.compile(rf"^\s*{re.escape(text)}\s*$")).first).to_be_attached()


def test_markup_in_data_is_shown_letter_by_letter(wary: Page, tmp_path: Path) -> None:
    page = wary
    visit(page, f"/data?c={MARKED_COLUMN}", "Data")
    expect(page.get_by_text("100 from").or_(page.get_by_text("40 from")).first).to_be_visible()
    expect_markup_in_cells(page)
    expect(page.get_by_text(f'public."{IMAGE}".embedding').first).to_be_visible()
    harmless(page)

    condition = quote(f'["all",["title","=","{IMAGE}"]]')
    visit(page, f"/data?c={MARKED_COLUMN}&f={condition}", "Data")
    expect(page.get_by_text(f"title is {IMAGE}").first).to_be_visible()
    harmless(page)

    for key, title in ((1, IMAGE), (2, LINK), (3, MARKUP[3]), (4, FORMULA)):
        page.goto(f"/item?c={MARKED_COLUMN}&id={key}")
        expect(page.get_by_text("this row itself left out")).to_be_visible()
        # A joiner that nobody sees keeps Streamlit from drawing an icon.
        assert page.get_by_role("heading", level=1).inner_text().replace("\u2060", "") == title
        harmless(page)

    visit(page, f"/search?c={quote(f'public.{LINK}.e')}", "No such column")
    expect(page.get_by_test_id("stAlert")).to_contain_text(f"There is no column public.{LINK}.e")
    harmless(page)

    file = tmp_path / "markup.csv"
    lines = "\n".join(f'"{text.replace(chr(34), chr(34) * 2)}"' for text in MARKUP)
    file.write_text(f'"{LINK}"\n{lines}\n')
    visit(page, "/seed?source=File", "Seed & import")
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(file)
    expect(page.get_by_role("heading", name="Where each column goes")).to_be_visible()
    settled(page, "Seed & import")
    expect_markup_in_cells(page)
    harmless(page)
