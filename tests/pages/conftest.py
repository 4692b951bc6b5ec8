"""The application, run by Streamlit's AppTest against a real database; always through its entry script."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import reading
from dashboard.instance import embedded_server, serving
from dashboard.settings import settings
from db.engine import Database

ENTRY = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"


def forget_the_installation() -> None:
    """Drop what a process reads once: the next page opens what the environment names now."""
    settings.cache_clear()
    embedded_server.cache_clear()
    serving.cache_clear()
    st.cache_data.clear()
    st.cache_resource.clear()


def open_app(page: str = "overview", **query: str) -> AppTest:
    """Open a page with ``query`` in its address."""
    app = AppTest.from_file(ENTRY, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    return app if page == "overview" else app.switch_page(f"../pages/{page}.py").run()


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """An installation of its own; the test says by DATABASE_URL which database it has."""
    monkeypatch.setenv("VECTORSCOPE_HOME", str(tmp_path))
    # AppTest runs no fragment, which is what would fetch a result that came later.
    monkeypatch.setattr(reading, "AT_ONCE_S", 60)
    forget_the_installation()
    yield monkeypatch
    forget_the_installation()


@pytest.fixture
def served(installation: pytest.MonkeyPatch, database: Database) -> Database:
    """The migrated database without rows that the pages show."""
    installation.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))
    return database
