"""Every feature on tables that this project did not create: browsed, searched, exported, inspected..."""

import csv
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from dashboard.exporting.request import ExportRequest
from dashboard.exporting.run import export
from dashboard.inspection.run import InspectRequest, inspect
from dashboard.mapping.draw import lay_out
from dashboard.mapping.plan import MapPlan
from db import inspections
from db.browse import PageRequest, browse
from db.catalog import ColumnInfo, default_distance, find_column, vector_columns
from db.conditions import EVERY_ROW, Group
from db.counts import count_exactly, estimate
from db.engine import Database
from db.facets import facetable, facets, vector_facet
from db.filters import Filter
from db.items import Item, find_item
from db.keys import key_text
from db.nearest import SearchRequest, SearchSettings
from db.progress import Unrecorded
from db.sampling import take_sample
from db.search import query_of_row, search
from tests.foreign import FOREIGN, ROWS, Foreign

IDS = [foreign.label for foreign in FOREIGN]


@pytest.fixture(scope="module")
def abroad(server_url: str, maintenance: Connection, template: str) -> Iterator[Database]:
    """A database with the tables of everybody else, and ours beside them."""
    maintenance.execute(text(f"CREATE DATABASE abroad TEMPLATE {template}"))
    database = Database(make_url(server_url).set(database="abroad").render_as_string(hide_password=False))
    with database.control("tests") as connection:
        for foreign in FOREIGN:
            if foreign.script:
                connection.exec_driver_sql(foreign.script.replace("%", "%%"))
    yield database
    database.dispose()
    maintenance.execute(text("DROP DATABASE abroad WITH (FORCE)"))


@pytest.fixture(params=FOREIGN, ids=IDS)
def foreign(request: pytest.FixtureRequest) -> Foreign:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def reading(abroad: Database) -> Iterator[Connection]:
    with abroad.reading("tests", vectors=True) as connection:
        yield connection


@pytest.fixture
def column(reading: Connection, foreign: Foreign) -> ColumnInfo:
    return find_column(reading, foreign.column)


def test_it_is_discovered(reading: Connection, foreign: Foreign) -> None:
    assert foreign.column in {str(column) for column in vector_columns(reading)}


def test_it_is_browsed_to_its_end_and_back_and_every_row_is_seen_once(
    reading: Connection, column: ColumnInfo
) -> None:
    page = browse(reading, PageRequest(column, rows=25))
    seen = [row.key for row in page.rows]
    first = seen[:]
    while page.next:
        page = browse(reading, page.next)
        seen += [row.key for row in page.rows]
    assert len(seen) == len(set(seen)) == ROWS
    while page.previous:
        page = browse(reading, page.previous)
    assert [row.key for row in page.rows] == first
    assert all(row.vector_state in {"ok", "zero"} for row in page.rows)


def test_it_is_counted_and_filtered_by_its_text(
    reading: Connection, column: ColumnInfo, foreign: Foreign
) -> None:
    assert estimate(reading, column, EVERY_ROW).rows == ROWS or column.rows is None
    assert count_exactly(reading, column, EVERY_ROW).rows == ROWS
    wanted = Group("all", (Filter(str(foreign.text), "contains", "7"),))
    page = browse(reading, PageRequest(column, where=wanted))
    assert len(page.rows) == count_exactly(reading, column, wanted).rows
    assert 0 < len(page.rows) < ROWS


def test_its_facets_are_read(reading: Connection, column: ColumnInfo) -> None:
    names = [f.column.name for f in facetable(reading, column)]
    for facet in facets(reading, column, EVERY_ROW, names, level="exact"):
        assert facet.kind == "exact"
        assert sum(rows for _, rows in facet.values) + facet.others + facet.nulls == ROWS
    assert sum(dict(vector_facet(reading, column, EVERY_ROW).values).values()) == ROWS


def test_its_rows_open_as_items_and_find_their_neighbours(reading: Connection, column: ColumnInfo) -> None:
    row = browse(reading, PageRequest(column, rows=5)).rows[2]
    parts = row.key if isinstance(row.key, tuple) else (row.key,)
    key = key_text(tuple(map(str, parts)))
    item = find_item(reading, column, key)
    assert isinstance(item, Item)
    assert item.vector is not None

    distance = default_distance(column)
    query = query_of_row(reading, column, key)
    exact = search(reading, SearchRequest(column, query, distance, 5, SearchSettings(exact=True)))
    found = search(reading, SearchRequest(column, query, distance, 5))
    assert (exact.returned, found.returned) == (5, 5)
    assert [r.distance for r in exact.rows] == sorted(r.distance for r in exact.rows)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_it_is_exported_whole(abroad: Database, foreign: Foreign, form: str, tmp_path: Path) -> None:
    made = export(abroad, ExportRequest(foreign.column, format=form), tmp_path)

    assert (made.rows, made.truncated) == (ROWS, False)
    vector = json.loads(made.sidecar.read_text())
    assert vector["rows"] == ROWS
    if form == "csv":
        rows = list(csv.DictReader(StringIO(made.path.read_text(encoding="utf-8"), newline="")))
    elif form == "jsonl":
        rows = [json.loads(line) for line in made.path.read_text().splitlines()]
    else:
        rows = pq.read_table(made.path).to_pylist()
    assert len(rows) == ROWS
    assert str(foreign.text) in rows[0]


def test_it_is_inspected_and_mapped(abroad: Database, foreign: Foreign) -> None:
    number = inspect(abroad, InspectRequest(foreign.column), Unrecorded(), created_by="tests", job_id=None)
    with abroad.reading("tests", vectors=True) as connection:
        column = find_column(connection, foreign.column)
        kept = inspections.latest(connection, column, "inspect")
        assert kept is not None
        assert (kept.id, bool(kept.result)) == (number, True)
        sample = take_sample(connection, column)
    assert sample.n == ROWS
    assert len(lay_out(column, MapPlan(foreign.column, "pca"), sample, lambda _: None).keys) == ROWS
