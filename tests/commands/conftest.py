"""The command line, run in this process against a database of the test's own."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from dashboard.__main__ import cli
from dashboard.settings import settings
from db.engine import Database


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as the one JSON document it must be."""
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document


Run = Callable[..., Said]


@pytest.fixture
def run(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    yield from runner(database.url.render_as_string(hide_password=False), monkeypatch)


@pytest.fixture
def run_bare(empty_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The same on a database with neither our tables nor the extension."""
    yield from runner(empty_database.url.render_as_string(hide_password=False), monkeypatch)


def runner(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()

    def run(*arguments: object) -> Said:
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    yield run
    settings.cache_clear()
