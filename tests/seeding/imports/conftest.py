"""Files to import, and tables to import them into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from sqlalchemy import text

from dashboard.seeding.imports.apply import apply
from dashboard.seeding.imports.plan import ImportPlan
from dashboard.seeding.imports.request import ImportRequest
from dashboard.seeding.imports.result import Imported
from dashboard.seeding.imports.validate import validate
from db.engine import Database
from db.progress import Ledger, Unrecorded

PLACES = """
CREATE TABLE places (
  id integer PRIMARY KEY, name text NOT NULL, embedding vector(3), small smallint, ratio real,
  code varchar(3), uid uuid, price numeric(8, 2), tags text[], note text DEFAULT 'none',
  twice int GENERATED ALWAYS AS (id * 2) STORED
);
"""


class Write(Protocol):
    def __call__(self, content: str | bytes, name: str = "file.csv") -> str: ...


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file and give its path."""

    def written(content: str | bytes, name: str = "file.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return written


@pytest.fixture
def vectors(tmp_path: Path) -> Callable[..., str]:
    """Write a .npy file of so many vectors and give its path; its rows need no parser."""

    def written(rows: int, dimensions: int = 3, *, name: str = "file.npy") -> str:
        path = tmp_path / name
        np.save(path, np.arange(1, rows * dimensions + 1, dtype=np.float32).reshape(rows, dimensions))
        return str(path)

    return written


def asked(path: str, table: str = "places", **more: Any) -> ImportRequest:
    return ImportRequest(path=path, table=table, **more)


def do(database: Database, request: ImportRequest, ledger: Ledger | None = None, **more: Any) -> Imported:
    """Validate and apply."""
    return apply(database, validate(database, request), ledger or Unrecorded(), **more)


def found(plan: ImportPlan) -> list[str]:
    """What a plan's errors say."""
    return [str(issue) for issue in plan.errors]


def again(plan: ImportPlan, **more: Any) -> ImportRequest:
    """The request of a plan that was approved."""
    return replace(plan.request, **more)


def run(database: Database, script: str) -> None:
    with database.control("tests") as connection:
        connection.exec_driver_sql(script.replace("%", "%%"))


def ask(database: Database, question: str, **values: Any) -> list[tuple[Any, ...]]:
    with database.reading("tests") as connection:
        return [tuple(row) for row in connection.execute(text(question), values)]


@pytest.fixture
def places(database: Database) -> Database:
    """A database with an empty table that somebody made."""
    run(database, PLACES)
    return database
