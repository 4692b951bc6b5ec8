"""What surrounds the pages, in every state of the database."""

import re

import pytest

from dashboard.nav import PAGES
from dashboard.settings import ROOT
from dashboard.ui.shell import SHORTCUTS
from db.engine import Database
from tests.pages.conftest import open_app

FILES = [page.file.removesuffix(".py") for page in PAGES]
NOWHERE = "postgresql://reader:s3cret@127.0.0.1:1/vectors"


@pytest.mark.parametrize("page", FILES)
def test_every_page_opens_on_an_empty_database(served: Database, page: str) -> None:
    app = open_app(page)
    assert not app.exception
    assert ":material/bug_report:" not in [error.icon for error in app.error]
    assert [title.value for title in app.title] == [
        entry.title for entry in PAGES if entry.file == f"{page}.py"
    ]


@pytest.mark.parametrize("page", FILES)
def test_every_page_says_that_the_database_is_down_without_a_trace_or_a_password(
    installation: pytest.MonkeyPatch, page: str
) -> None:
    installation.setenv("DATABASE_URL", NOWHERE)
    app = open_app(page)
    assert not app.exception
    assert [header.value for header in app.subheader] == [":material/cloud_off: The database does not answer"]
    shown = " ".join(element.value for kind in (app.caption, app.markdown, app.code) for element in kind)
    assert "127.0.0.1" in shown
    assert "docker compose ps" in shown
    assert "s3cret" not in shown
    assert [button.label for button in app.button] == ["Try again"]


def test_the_sidebar_names_the_server_and_the_local_mode(served: Database) -> None:
    badges = [badge.value for badge in open_app().sidebar.markdown]
    assert any("PostgreSQL 18" in badge for badge in badges)
    assert any("pgvector 0.8" in badge for badge in badges)
    assert any("local mode" in badge for badge in badges)


@pytest.mark.parametrize("page", ["overview", "search", "benchmarks"])
def test_a_database_without_the_extension_is_told_with_the_command_that_makes_it(
    installation: pytest.MonkeyPatch, empty_database: Database, page: str
) -> None:
    installation.setenv("DATABASE_URL", empty_database.url.render_as_string(hide_password=False))
    app = open_app(page)
    assert not app.exception
    assert ":material/construction: Not ready yet" in [header.value for header in app.subheader]
    assert any("python -m dashboard migrate" in text.value for text in app.markdown)


def test_a_database_without_our_tables_is_told_on_the_jobs_page(
    installation: pytest.MonkeyPatch, empty_database: Database
) -> None:
    installation.setenv("DATABASE_URL", empty_database.url.render_as_string(hide_password=False))
    app = open_app("jobs")
    assert not app.exception
    assert any("python -m dashboard migrate" in text.value for text in app.markdown)


def test_a_page_recovers_by_itself_when_the_database_is_back(
    installation: pytest.MonkeyPatch, server_url: str, database: Database
) -> None:
    missing = database.url.set(database="not_there_yet")
    installation.setenv("DATABASE_URL", missing.render_as_string(hide_password=False))
    app = open_app("jobs")
    assert app.subheader
    with database.control("tests") as connection:
        connection.exec_driver_sql("CREATE DATABASE not_there_yet")
    try:
        app.button[0].click().run()
        assert not app.exception
        assert "does not answer" not in " ".join(header.value for header in app.subheader)
    finally:
        with database.control("tests") as connection:
            connection.exec_driver_sql("DROP DATABASE not_there_yet WITH (FORCE)")


@pytest.mark.parametrize("page", ["data", "search", "inspection", "map", "item"])
def test_a_link_to_a_column_that_is_gone_shows_nothing_of_another(served: Database, page: str) -> None:
    with served.control("tests") as connection:
        connection.exec_driver_sql("CREATE TABLE other (id int PRIMARY KEY, e vector(2))")
        connection.exec_driver_sql("INSERT INTO other VALUES (5, '[1,2]')")
    app = open_app(page, c="public.gone.e", id="5")
    assert [title.value for title in app.title] == ["No such column"]
    assert "There is no column public.gone.e" in app.error[0].value
    assert not app.dataframe


def test_every_key_that_a_page_listens_to_is_explained() -> None:
    sources = [path.read_text() for path in (ROOT / "dashboard" / "ui").glob("*.py")]
    literal = re.compile(r'shortcut="([^"]+)"|"(Left|Right)"')
    heard = {key or arrow for source in sources for key, arrow in literal.findall(source)}
    assert heard == set(SHORTCUTS)
