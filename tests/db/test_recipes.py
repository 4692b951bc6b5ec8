"""What is copied runs as pasted, and gives the rows of the search."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import Connection

from db.catalog import ColumnInfo, default_distance
from db.distance import Distance, distances_for
from db.engine import Database
from db.filters import parse_filter
from db.nearest import SearchRequest, SearchSettings
from db.recipes import as_python, as_sql
from db.search import SearchResult, query_of_row, search
from db.vectors import read_query

Find = Callable[[str], ColumnInfo]

ODD = '"We ""ird"."T %:x; --"'
ONES = read_query("[1,1,1,1,1,1,1,1]", "vector")


def rows_of_sql(database: Database, script: str) -> list[tuple[object, ...]]:
    """Send the script statement by statement, as psql does, and hand back the last answer."""
    connection = psycopg2.connect(database.url.set(drivername="postgresql").render_as_string(False))
    connection.autocommit = True
    answer: list[tuple[object, ...]] = []
    with connection.cursor() as cursor:
        for statement in filter(str.strip, script.split(";\n")):
            cursor.execute(statement)
            if cursor.description:
                answer = cursor.fetchall()
    connection.close()
    return answer


def rows_of_python(database: Database, script: str, folder: Path) -> list[str]:
    """Run the script as a process of its own and hand back the lines it prints."""
    path = folder / "recipe.py"
    path.write_text(script, encoding="utf-8")
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        env=os.environ | {"DATABASE_URL": url, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def assert_same_rows(database: Database, result: SearchResult, folder: Path) -> None:
    keys = [row.key if isinstance(row.key, tuple) else (row.key,) for row in result.rows]
    assert [row[: len(keys[0])] for row in rows_of_sql(database, as_sql(result))] == keys

    printed = rows_of_python(database, as_python(result), folder)
    starts = [f"({', '.join(map(repr, key))}, " for key in keys]
    assert [line[: len(start)] for line, start in zip(printed, starts, strict=True)] == starts


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({}, id="by the index"),
        pytest.param({"settings": SearchSettings(exact=True), "distance": Distance.L1}, id="exact"),
        pytest.param(
            {
                "settings": SearchSettings(ef_search=80, iterative_scan="relaxed_order"),
                "filters": tuple(
                    map(parse_filter, ("category in red,green", "price<=90.5", "in_stock=true"))
                ),
            },
            id="settings and filters",
        ),
        pytest.param(
            {
                "filters": tuple(
                    map(
                        parse_filter,
                        (
                            "category!=it's; \\ 100%",
                            "added>=2026-03-01",
                            "title contains 7",
                            "title is not null",
                        ),
                    )
                )
            },
            id="odd values",
        ),
    ],
)
def test_a_search_is_repeated(
    world: Database, reading: Connection, items: ColumnInfo, tmp_path: Path, request_: dict[str, object]
) -> None:
    wanted = replace(SearchRequest(items, ONES, Distance.COSINE, k=7), **request_)  # type: ignore[arg-type]
    assert_same_rows(world, search(reading, wanted), tmp_path)


@pytest.mark.parametrize("name", ['"Em ""bed%"', "half", "sparse", "bits", "free"])
def test_odd_names_and_every_type_are_repeated(
    world: Database, reading: Connection, column: Find, tmp_path: Path, name: str
) -> None:
    info = column(f"{ODD}.{name}")
    query = query_of_row(reading, info, json.dumps(["k%8\\'", 8]))
    filters = (parse_filter("distance>2"), parse_filter('"a\'b" contains %'))
    result = search(reading, SearchRequest(info, query, distances_for(info.type)[-1], k=4, filters=filters))
    assert result.returned == 4
    assert_same_rows(world, result, tmp_path)


@pytest.mark.parametrize("name", ["keyless.embedding", "parted.embedding", "items_in_stock.embedding"])
def test_tables_without_a_key_are_repeated(
    world: Database, reading: Connection, column: Find, tmp_path: Path, name: str
) -> None:
    info = column(name)
    query = read_query(f"[{','.join(['1'] * (info.dimensions or 0))}]", "vector")
    result = search(reading, SearchRequest(info, query, default_distance(info), k=4))
    assert_same_rows(world, result, tmp_path)


def test_the_script_names_its_settings_and_imports_only_what_it_uses(
    reading: Connection, items: ColumnInfo
) -> None:
    settings = SearchSettings(ef_search=80, iterative_scan="relaxed_order")
    result = search(reading, SearchRequest(items, ONES, Distance.COSINE, settings=settings))
    sql, python = as_sql(result), as_python(result)
    assert sql.startswith("BEGIN READ ONLY;\nSELECT '[1]'::vector;\nSET LOCAL hnsw.ef_search = 80;\n")
    assert sql.endswith(";\nCOMMIT;\n")
    assert "'hnsw.iterative_scan': 'relaxed_order'" in python
    assert "from pgvector.sqlalchemy import VECTOR\n" in python
    compile(python, "recipe.py", "exec")


PATHS = [
    "attributes->n > 3000",
    "attributes->n in 3500,3600,3700",
    'attributes->"%:n" is null',
    "attributes->n does not contain :5%",
    "embedding->norm < 20",
    "embedding->dimensions = 8",
]


@pytest.mark.parametrize("given", PATHS)
def test_a_filter_by_a_part_of_a_column_is_repeated(
    world: Database, reading: Connection, items: ColumnInfo, tmp_path: Path, given: str
) -> None:
    request = SearchRequest(
        items, ONES, Distance.L2, settings=SearchSettings(exact=True), filters=(parse_filter(given),)
    )
    result = search(reading, request)
    assert result.rows
    assert_same_rows(world, result, tmp_path)
