"""The command ``forecast``: answered without a table, and without a server too."""

import pytest

from dashboard.settings import settings
from tests.commands.conftest import Run

ASKED = ("forecast", "--rows", 1_000_000, "--dims", 1536, "--index", "hnsw:m=16,ef_construction=64")


def test_json_holds_size_memory_workers_and_notes(run_bare: Run) -> None:
    said = run_bare(*ASKED, "--type", "vector", "--json")
    assert said.code == 0, said.err
    assert set(said.document) == {"size_bytes", "build_memory_bytes", "workers", "notes"}
    assert said.document["size_bytes"] == 8_192_000_000
    assert isinstance(said.document["workers"], int)


def test_it_is_printed(run_bare: Run) -> None:
    said = run_bare(*ASKED)
    assert "size          7,812.5 MB" in said.out
    assert "One row fills an 8 kB page" in said.err


def test_without_a_server_it_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    settings.cache_clear()
    document = run(*ASKED, "--json").document
    assert document["workers"] is None
    assert document["build_memory_bytes"] > 6e9
    assert "No server was asked" in document["notes"][-1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--rows", 10, "--dims", 5000, "--index", "hnsw"), "at most 2,000 dimensions"),
        (("--rows", 10, "--dims", 3, "--index", "btree"), "There is no index method 'btree'."),
        (("--rows", 10, "--dims", 3, "--index", "hnsw", "--type", "text"), "There is no vector type 'text'."),
    ],
)
def test_what_cannot_be_forecast_is_told(run: Run, arguments: tuple[object, ...], sentence: str) -> None:
    said = run("forecast", *arguments)
    assert said.code == 1
    assert sentence in said.err
