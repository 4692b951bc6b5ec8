"""What is copied from a benchmark builds the index and searches through it, whatever the names."""

from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations

from db.catalog import find_column
from db.distance import Distance
from db.engine import Database
from db.filters import Filter
from db.forms import parse_spec
from db.index_recipes import Recipe, as_migration, as_python, as_sql, index_sql
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
    [
        ("hnsw:m=8", {"hnsw.ef_search": "50"}),
        ("ivfflat:lists=1", {"ivfflat.probes": "1"}),
        ("hnsw:m=8,as=halfvec", {"hnsw.ef_search": "50"}),
        ("hnsw:m=8,as=bit,candidates=40", {"hnsw.ef_search": "50"}),
        ("ivfflat:lists=1,as=subvector,subvector=2,candidates=40", {"ivfflat.probes": "1"}),
        ("hnsw:m=8,only=below", {"hnsw.ef_search": "50"}),
    ],
)
def test_both_recipes_run_as_pasted(
    odd: Database, index: str, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with odd.reading("tests") as connection:
        column = find_column(connection, ODD)
    spec = parse_spec(index)
    recipe = Recipe(spec, settings, Distance.L2, 5, (Filter("a'b", "<=", "40"),) if spec.only else ())
    assert len(rows_of_sql(odd, as_sql(column, recipe))) == 5
    with odd.reading("tests") as connection:
        [built] = find_column(connection, ODD).indexes
    assert (built.method, built.valid) == (spec.method.name, True)
    with odd.control("tests") as connection:
        run(connection, f'DROP INDEX "We ""ird"."{built.name}"')

    script = as_python(column, recipe)
    printed = rows_of_python(odd, script, tmp_path_factory.mktemp("recipe"))
    assert printed[0].endswith("0.0)")
    assert len(printed) == 5


def test_the_index_is_built_without_blocking_writes_and_its_name_fits(odd: Database) -> None:
    with odd.reading("tests") as connection:
        column = find_column(connection, ODD)
    assert index_sql(column, parse_spec("hnsw"), Distance.COSINE).startswith(
        'CREATE INDEX CONCURRENTLY "T %:x; --_Em'
    )


@pytest.mark.parametrize("index", ["hnsw:m=8,as=halfvec", "hnsw:m=8,only=below"])
def test_the_migration_builds_the_index_and_drops_it_again(odd: Database, index: str) -> None:
    with odd.reading("tests") as connection:
        column = find_column(connection, ODD)
    spec = parse_spec(index)
    filters = (Filter("a'b", "<=", "40"),) if spec.only else ()
    revision: dict[str, Any] = {}
    exec(as_migration(column, Recipe(spec, {}, Distance.L2, 5, filters)), revision)
    for step, indexes in (("upgrade", 1), ("downgrade", 0)):
        with odd.writing("tests") as connection:
            context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
            with context.begin_transaction(_per_migration=True), Operations.context(context):
                revision[step]()
        with odd.reading("tests") as connection:
            assert len(find_column(connection, ODD).indexes) == indexes
