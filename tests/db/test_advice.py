"""What the catalogs tell of a table for the advisor's rules, and the statements its remedies are made of."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from db.advice import (
    PROOFS,
    index_uses,
    leading_columns,
    proof,
    rows_written_since,
    server_notes,
    settings_in_force,
    storage,
)
from db.catalog import ColumnInfo, find_column, vector_columns
from db.distance import distances_for
from db.engine import Database
from db.exact_probe import time_exact
from db.forms import FORMS, Form, IndexSpec, parse_spec
from db.remedies import (
    change_type,
    create_btree,
    create_index,
    drop_index,
    reindex,
    rewrite,
    set_storage,
    share_as_usual,
    share_out,
    vacuum,
)
from tests.db.conftest import run

ODD = '"We ""ird"."T %:x; --"."Em ""bed%"'

ODD_TABLE = """
CREATE SCHEMA "We ""ird";
CREATE TABLE "We ""ird"."T %:x; --" ("order" text, "Em ""bed%" vector(8)) WITH (autovacuum_enabled = off);
INSERT INTO "We ""ird"."T %:x; --"
SELECT i, array_fill(i, ARRAY[8])::vector FROM generate_series(1, 50) AS i;
"""

GROWN = """
CREATE TABLE grown (id int PRIMARY KEY, embedding vector(3)) WITH (autovacuum_enabled = off);
INSERT INTO grown SELECT i, ARRAY[i, 1, 1] FROM generate_series(1, 100) AS i;
"""
MORE = "INSERT INTO grown SELECT i, ARRAY[i, 1, 1] FROM generate_series(101, 150) AS i"
LISTS = "CREATE INDEX grown_lists ON grown USING ivfflat (embedding vector_l2_ops) WITH (lists = 2)"

Find = Callable[[str], ColumnInfo]


def found(database: Database, name: str) -> ColumnInfo:
    with database.reading("tests") as connection:
        return find_column(connection, name)


def test_every_kind_of_table_can_be_looked_at(reading: Connection) -> None:
    for column in (column for column in vector_columns(reading) if column.rows != 0):
        kept = storage(reading, column)
        assert (kept.heap_bytes > 0) is (column.kind != "view")
        assert set(index_uses(reading, column)) >= {index.name for index in column.indexes}
        leading_columns(reading, column)
        timed = time_exact(reading, column, distances_for(column.type)[0], k=3)
        assert timed
        assert timed.p95_ms > 0
        assert timed.queries >= 3 or timed.stopped


@pytest.mark.parametrize("key", PROOFS)
def test_every_proof_is_runnable_as_it_is_written(key: str, reading: Connection, column: Find) -> None:
    reading.exec_driver_sql(proof(key, column(ODD)).replace("%", "%%"))


def test_a_table_of_partitions_counts_them_together(reading: Connection, column: Find) -> None:
    kept = storage(reading, column("parted.embedding"))
    assert kept.heap_bytes == 2 * kept.largest_heap_bytes
    assert index_uses(reading, column("parted.embedding"))["parted_hnsw"].built_age is None


def test_an_index_leads_with_its_first_column(reading: Connection, column: Find) -> None:
    assert leading_columns(reading, column("items.embedding")) == {"id"}
    assert leading_columns(reading, column(ODD)) == {"a'b"}


def test_settings_are_those_in_force_and_sizes_are_bytes(reading: Connection) -> None:
    before = settings_in_force(reading)
    reading.exec_driver_sql("SET LOCAL hnsw.ef_search = 77; SET LOCAL maintenance_work_mem = '70MB'")
    after = settings_in_force(reading)
    assert (before["hnsw.ef_search"], after["hnsw.ef_search"]) == ("40", "77")
    assert after["maintenance_work_mem"] == 70 * 2**20


def test_the_server_tells_of_its_standbys_and_of_the_pgvector_it_offers(reading: Connection) -> None:
    notes = server_notes(reading)
    assert notes.standbys == 0
    assert notes.pgvector_offered


@pytest.mark.parametrize(
    "rebuild",
    [
        "",
        "ALTER INDEX grown_lists SET (lists = 5)",
        "REINDEX INDEX grown_lists",
        "REINDEX INDEX CONCURRENTLY grown_lists",
    ],
)
def test_rows_are_counted_that_came_after_an_index_was_built_or_rebuilt(
    database: Database, rebuild: str
) -> None:
    with database.control("tests") as connection:
        for script in (GROWN, LISTS, MORE, rebuild, "VACUUM (FREEZE) grown"):
            if script:
                run(connection, script)
    with database.reading("tests") as connection:
        column = find_column(connection, "grown.embedding")
        age = index_uses(connection, column)["grown_lists"].built_age
        assert age is not None
        newer = 0 if rebuild.startswith("REINDEX") else 50
        assert rows_written_since(connection, column, age, budget_ms=2_000) == (newer, 150)


def test_an_exact_search_may_be_shared_out(reading: Connection, items: ColumnInfo) -> None:
    alone = time_exact(reading, items, distances_for("vector")[0], k=10)
    shared = time_exact(reading, items, distances_for("vector")[0], k=10, parallel=True)
    assert alone
    assert shared
    assert (alone.workers, shared.workers > 0) == (0, True)


def test_an_exact_search_that_takes_too_long_is_stopped(reading: Connection, column: Find) -> None:
    slow = column("items_slow.embedding")
    timed = time_exact(reading, slow, distances_for("vector")[0], k=10)
    assert timed
    assert timed.stopped


def test_every_statement_of_a_remedy_is_run_on_a_table_with_odd_names(database: Database) -> None:
    with database.control("tests") as connection:
        run(connection, ODD_TABLE)
        column = found(database, ODD)
        cosine = distances_for("vector")[0]
        made = create_index(column, parse_spec("hnsw:m=4"), cosine)
        half = create_index(column, IndexSpec(parse_spec("hnsw:m=4").method, Form(FORMS["halfvec"])), cosine)
        ordinary = create_btree(column, "order")
        for statement in (
            made.sql,
            half.sql,
            ordinary.sql,
            reindex(column, made.name),
            share_out(column, 2),
            share_as_usual(column),
            set_storage(column, "PLAIN"),
            rewrite(column),
            vacuum(column),
            drop_index(column, made.name),
            drop_index(column, half.name),
            change_type(column, "halfvec"),
        ):
            run(connection, statement)
    assert found(database, ODD).type == "halfvec"


def test_an_index_takes_no_name_that_another_has(database: Database) -> None:
    with database.control("tests") as connection:
        run(connection, GROWN)
        distance = distances_for("vector")[0]
        names = []
        for _ in range(3):
            made = create_index(found(database, "grown.embedding"), parse_spec("hnsw"), distance)
            run(connection, made.sql)
            names.append(made.name)
    assert len(set(names)) == 3
