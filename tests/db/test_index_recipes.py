"""What is copied from a benchmark builds the index and searches through it, whatever the names."""

import pytest

from db.catalog import find_column
from db.distance import Distance
from db.engine import Database
from db.index_recipes import as_python, as_sql, index_sql
from db.indexes import Hnsw, IndexMethod, Ivfflat
from tests.db.conftest import run
from tests.db.test_recipes import rows_of_python, rows_of_sql

ODD_TABLE = """
CREATE SCHEMA "We ""ird";
CREATE TABLE "We ""ird"."T %:x; --" ("a'b" int PRIMARY KEY, "Em :bed%" vector(3));
INSERT INTO "We ""ird"."T %:x; --" SELECT i, ARRAY[i, i % 5, 1]::vector FROM generate_series(1, 50) AS i;
"""
ODD = '"We ""ird"."T %:x; --"."Em :bed%"'


@pytest.fixture
def odd(database: Database) -> Database:
    with database.control("tests") as connection:
        run(connection, ODD_TABLE)
    return database


@pytest.mark.parametrize(
    ("index", "settings"),
    [(Hnsw(m=8), {"hnsw.ef_search": "50"}), (Ivfflat(lists=1), {"ivfflat.probes": "1"})],
)
def test_both_recipes_run_as_pasted(
    odd: Database, index: IndexMethod, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with odd.reading("tests") as connection:
        column = find_column(connection, ODD)
    assert len(rows_of_sql(odd, as_sql(column, index, settings, Distance.L2, 5))) == 5
    with odd.reading("tests") as connection:
        [built] = find_column(connection, ODD).indexes
    assert (built.method, built.valid, built.distance) == (index.name, True, Distance.L2)
    with odd.control("tests") as connection:
        run(connection, f'DROP INDEX "We ""ird"."{built.name}"')

    script = as_python(column, index, settings, Distance.L2, 5)
    printed = rows_of_python(odd, script, tmp_path_factory.mktemp("recipe"))
    assert printed[0].endswith("0.0)")
    assert len(printed) == 5


def test_the_index_is_built_without_blocking_writes_and_its_name_fits(odd: Database) -> None:
    with odd.reading("tests") as connection:
        column = find_column(connection, ODD)
    assert index_sql(column, Hnsw(), Distance.COSINE).startswith('CREATE INDEX CONCURRENTLY "T %:x; --_Em')
