"""The served application in Chromium: one installation for the whole run, a fresh page for each test.

A test fails on its own when the page logs an error, raises one, or asks another host for anything.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, expect, sync_playwright

from tests.conftest import roomy_folder

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",  # WebGL for the charts
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STREAMLITS_OWN_PROBES = ("/_stcore/health", "/_stcore/host-config")
"""Below a page's path these answer 404, which Streamlit expects: it then tries the root."""
START_S = 180
WAIT_MS = 30_000

expect.set_options(timeout=WAIT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what stood on the page: often nobody can look again."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and isinstance(page, Page):
        with suppress(Error):
            report.sections.append((page.url, page.get_by_test_id("stApp").aria_snapshot()))
    return report


@dataclass(frozen=True)
class Site:
    """A served installation."""

    url: str
    home: Path

    def command(self, *arguments: str) -> str:
        """Run ``python -m dashboard ...`` on this installation and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "dashboard", *arguments],
            cwd=ROOT,
            env=environment(self.home),
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        return done.stdout


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of an installation in ``home``, whatever this shell has set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_")}
    return kept | {"VECTORSCOPE_HOME": str(home)} | more


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """``python -m dashboard`` as a newcomer starts it: embedded server, demo rows, a worker."""
    with tempfile.TemporaryDirectory(prefix="vectorscope-tests-", dir=roomy_folder()) as home:
        yield from _served(Path(home))


def _served(home: Path) -> Iterator[Site]:
    port = free_port()
    log = home / "served.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dashboard"],
            cwd=ROOT,
            env=environment(home, VECTORSCOPE_PORT=str(port)),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        served = Site(f"http://127.0.0.1:{port}", home)
        try:
            wait_until_ready(served, process, log)
            yield served
        finally:
            process.terminate()
            process.wait(30)
            served.command("db", "stop")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(served: Site, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the dashboard and its database answer."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{served.url}/readyz", timeout=5) as answer:
                if b'"ok"' in answer.read():
                    return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"The dashboard did not become ready:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, or the one Playwright downloaded."""
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, BROWSERS)), playwright.chromium.executable_path)
        if not Path(path).exists():
            reason = f"No browser: looked for {', '.join(BROWSERS)} and Playwright's own. Run: make browser"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        with playwright.chromium.launch(executable_path=path, args=FLAGS) as chromium:
            yield chromium


@pytest.fixture
def scheme() -> str:
    """The reader's colour preference; a test for both says ``parametrize("scheme", ["light", "dark"])``."""
    return "light"


@pytest.fixture
def page(browser: Browser, site: Site, scheme: str) -> Iterator[Page]:
    """A fresh page that keeps account of what must not happen."""
    context = browser.new_context(
        base_url=site.url,
        viewport={"width": 1440, "height": 1000},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    wrong: list[str] = []
    page.on("console", lambda message: wrong.extend(_complaint(message)))
    page.on("pageerror", lambda error: wrong.append(f"error in the page: {error}"))
    page.on("request", lambda request: wrong.extend(_trespass(request, site)))
    yield page
    context.close()
    assert not wrong, "\n".join(wrong)


def _complaint(message: ConsoleMessage) -> Iterator[str]:
    source = message.location.get("url", "")
    if message.type == "error" and not ("404" in message.text and source.endswith(STREAMLITS_OWN_PROBES)):
        yield f"console: {message.text} ({source})"


def _trespass(request: Request, site: Site) -> Iterator[str]:
    if urlsplit(request.url).scheme in {"http", "https", "ws", "wss"} and (
        urlsplit(request.url).netloc != urlsplit(site.url).netloc
    ):
        yield f"a request to another host: {request.url}"


def settled(page: Page, heading: str) -> None:
    """Wait until the page of this heading is drawn whole."""
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    page.locator("[data-testid=stApp][data-test-connection-state=CONNECTED]").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    # On a busy machine any read may be one that goes on beside the page, which is drawn anew with its result.
    expect(page.locator("[class*='st-key-cancel--q']")).to_have_count(0)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def press(page: Page, keys: str) -> None:
    """Press keys once the page is at rest: a button that is still being drawn hears none."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.evaluate("() => new Promise(done => requestIdleCallback(done, { timeout: 5000 }))")
    page.keyboard.press(keys)


def visit(page: Page, path: str, heading: str) -> None:
    """Open an address and wait for its page."""
    page.goto(path)
    settled(page, heading)
