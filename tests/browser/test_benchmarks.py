"""A benchmark in the browser: start it, watch it, reload in the middle, read the charts."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, Site, settled, visit

COLORWAY = "element => element._fullLayout.colorway"
DRAWN = "element => element._fullData.map(trace => [trace.name, trace.marker.color])"
MEASURED_S = 180


@pytest.fixture(scope="session")
def run_id(site: Site) -> int:
    """A small run, carried out on the command line."""
    site.command(
        "populate_db", "--source", "clusters", "--table", "measured", "--rows", "2000", "--dims", "16"
    )
    answer = site.command(
        *("benchmark", "public.measured.embedding", "--index", "hnsw", "--index", "ivfflat:lists=10"),
        *("--ef-search", "10,40", "--probes", "1,4", "--queries", "20", "--json"),
    )
    return int(json.loads(answer)["run"])


def palette(scheme: str) -> list[str]:
    theme = tomllib.loads((ROOT / "dashboard" / ".streamlit" / "config.toml").read_text())["theme"]
    return [color.lower() for color in theme[scheme]["chartCategoricalColors"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_wear_the_colours_of_the_theme(page: Page, run_id: int, scheme: str) -> None:
    visit(page, f"/benchmarks?run={run_id}", "Benchmarks")
    chart = page.locator(".st-key-frontier .js-plotly-plot")
    expect(chart.locator(".scatterlayer .trace").first).to_be_visible()
    assert [color.lower() for color in chart.evaluate(COLORWAY)] == palette(scheme)
    drawn = dict(chart.evaluate(DRAWN))
    hnsw = next(color for name, color in drawn.items() if name.startswith("HNSW"))
    ivfflat = next(color for name, color in drawn.items() if name.startswith("IVFFlat"))
    assert [hnsw.lower(), ivfflat.lower(), drawn["Exact"].lower()] == palette(scheme)[:3]


def test_a_permalink_shows_the_verdict_and_the_target_in_the_address_changes_it(
    page: Page, run_id: int
) -> None:
    visit(page, f"/benchmarks?run={run_id}&recall=0.1&p95=1000", "Benchmarks")
    expect(page.get_by_text("No index needed")).to_be_visible()
    expect(page).to_have_url(re.compile(r"c=public\.measured\.embedding"))
    page.get_by_label("p95 latency, ms, at most").fill("0.01")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Misses the target")).to_be_visible()
    expect(page).to_have_url(re.compile(r"p95=0\.01"))
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    assert json.loads(download.value.path().read_text())["run"] == run_id


def test_a_run_is_started_watched_over_a_reload_and_ends_in_charts(page: Page, site: Site) -> None:
    site.command(
        "populate_db", "--source", "clusters", "--table", "to_measure", "--rows", "30000", "--dims", "64"
    )
    visit(page, "/benchmarks?c=public.to_measure.embedding", "Benchmarks")
    expect(page.get_by_text(re.compile(r"10 trials, 2,000 timed queries"))).to_be_visible()
    page.get_by_role("button", name="Start benchmark").click()
    expect(page).to_have_url(re.compile(r"job=\d+"))
    expect(page.get_by_text("continues if you leave this page")).to_be_visible()
    expect(page.get_by_role("heading", name="Steps")).to_be_visible()

    page.reload()
    settled_again = page.get_by_role("heading", name="Trials")
    expect(settled_again).to_be_visible()

    expect(page.get_by_role("heading", name="Measured on")).to_be_visible(timeout=MEASURED_S * 1000)
    expect(page).to_have_url(re.compile(r"run=\d+"))
    expect(page.locator(".js-plotly-plot")).to_have_count(5)
    expect(page.get_by_text("10 trials, 10 measured")).to_be_visible()


def test_an_open_page_asks_again_for_another_run_of_the_column(page: Page, run_id: int) -> None:
    visit(page, f"/benchmarks?run={run_id}", "Benchmarks")
    page.get_by_role("button", name="New run").click()
    expect(page.get_by_role("button", name="Start benchmark")).to_be_visible()
    page.reload()
    settled(page, "Benchmarks")
    expect(page.get_by_role("button", name="Start benchmark")).to_be_visible()


def test_a_run_is_taken_away_as_a_report_that_stands_alone(page: Page, run_id: int, tmp_path: Path) -> None:
    visit(page, f"/benchmarks?run={run_id}", "Benchmarks")
    with page.expect_download() as download:
        page.get_by_role("button", name="Report").click()
    download.value.save_as(tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri())
    expect(page.get_by_role("heading", name=f"Benchmark run {run_id}")).to_be_visible()
    expect(page.get_by_role("img", name="Recall at 10 against p95 latency")).to_be_visible()


def test_a_run_is_changed_and_asked_for_again(page: Page, run_id: int) -> None:
    visit(page, f"/benchmarks?run={run_id}", "Benchmarks")
    page.get_by_role("tab", name="Repeat this run").click()
    page.get_by_role("button", name="Change it and run again").click()
    plan = page.get_by_role("textbox", name="Plan")
    expect(plan).to_have_value(re.compile(r"queries = 20"))
    expect(page.get_by_role("button", name="Start benchmark")).to_be_enabled()


def test_another_run_is_picked_to_compare_with_and_stands_in_the_address(
    page: Page, site: Site, run_id: int
) -> None:
    answer = site.command(
        *("benchmark", "public.measured.embedding", "--index", "hnsw", "--ef-search", "10,40"),
        *("--queries", "20", "--json"),
    )
    second = int(json.loads(answer)["run"])
    visit(page, f"/benchmarks?run={second}", "Benchmarks")
    page.get_by_label("Compare with").click()
    page.get_by_role("option", name=re.compile(rf"^{run_id} ")).click()
    expect(page.get_by_role("heading", name=f"Compared with run {run_id}")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"compare={run_id}"))
    expect(page.get_by_text("3 settings in both")).to_be_visible()
