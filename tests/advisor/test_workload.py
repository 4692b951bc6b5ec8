"""The server's own workload: which counted statements search vectors, each diagnosed or with a reason."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from dashboard.advisor.doctor.workload import Entry, WorkloadDiagnosis, diagnose_workload
from db.engine import Database
from db.errors import DashboardError, PermissionDenied, SetupError
from db.workload import HIDDEN, read_workload
from tests.advisor.counted import TABLE, count
from tests.db.conftest import run

ITEMS = """
CREATE TABLE items (id int PRIMARY KEY, cat int, made timestamptz DEFAULT now(), e vector(4));
INSERT INTO items (id, cat, e) SELECT i, i % 9, ARRAY[i % 7, i % 11, i % 13, 1]::vector
FROM generate_series(1, 3000) AS i;
CREATE INDEX items_e ON items USING hnsw (e vector_cosine_ops) WITH (m = 4, ef_construction = 16);
CREATE TABLE places (at point);
ANALYZE items;
"""

NEAREST = "SELECT id FROM items ORDER BY e <=> $1 LIMIT $2"


@pytest.fixture
def counting(database: Database) -> Iterator[Connection]:
    """An autocommit connection to a database with rows to search, where statements are counted."""
    with database.control("tests") as connection:
        run(connection, ITEMS)
        run(connection, TABLE)
        yield connection


def looked(database: Database) -> WorkloadDiagnosis:
    with database.reading("tests", vectors=True) as connection:
        return diagnose_workload(connection)


def only(database: Database) -> Entry:
    [entry] = looked(database).entries
    return entry


def test_the_vector_searches_come_by_their_share_of_the_time(
    database: Database, counting: Connection
) -> None:
    count(counting, "SELECT id, $1 - (e <=> $2) AS s FROM items ORDER BY s DESC LIMIT $3", 600)
    count(counting, NEAREST, 300)
    count(counting, "SELECT id FROM items WHERE cat = $1", 100)
    found = looked(database)
    assert [entry.share for entry in found.entries] == [0.6, 0.3]
    assert [entry.rules for entry in found.entries] == [("P2",), ()]
    assert [entry.diagnosis and entry.diagnosis.index for entry in found.entries] == [None, "items_e"]
    assert (found.workload.counted, found.workload.total_ms, found.notes) == (3, 1000, ())


def test_a_statement_of_several_users_is_one(database: Database, counting: Connection) -> None:
    count(counting, NEAREST, 30, calls=1)
    count(counting, NEAREST, 10, calls=3)
    called = only(database).called
    assert (called.calls, called.total_ms, called.mean_ms) == (4, 40, 10)


def test_the_rows_a_call_brought_stand_for_the_limit(database: Database, counting: Connection) -> None:
    count(counting, "SELECT id FROM items WHERE cat <> $1 ORDER BY e <=> $2 LIMIT $3", 10, calls=2, rows=600)
    entry = only(database)
    assert entry.sql == "SELECT id FROM items WHERE cat <> $1 ORDER BY e <=> $2 LIMIT 300"
    assert entry.rules == ("F2",)


@pytest.mark.parametrize(
    ("sql", "rules"),
    [
        ("SELECT id FROM items WHERE made > now() - interval $1 ORDER BY e <=> $2 LIMIT $3", ()),
        ("SELECT id FROM items WHERE cat NOT IN ($1 /*, ... */) ORDER BY e <=> vector $2 LIMIT $3", ()),
        ("SELECT id, $1 AS kind FROM items ORDER BY cosine_distance(e, $2) LIMIT $3", ("P2",)),
        ("SELECT id FROM items ORDER BY round((e <=> $1)::numeric, $2) + $3 LIMIT $4", ("P2",)),
        ("SELECT id FROM items ORDER BY e <-> $1 LIMIT $2 OFFSET $3", ("P1",)),
        ("PREPARE near AS SELECT id FROM items ORDER BY e <=> $1 LIMIT $2", ()),
        ("DECLARE c CURSOR FOR SELECT id FROM items ORDER BY e <=> $1", ("F8",)),
    ],
)
def test_what_the_server_leaves_of_a_statement_is_diagnosed(
    database: Database, counting: Connection, sql: str, rules: tuple[str, ...]
) -> None:
    count(counting, sql, 10)
    entry = only(database)
    assert entry.diagnosis, entry.reason
    assert set(rules) <= set(entry.rules)
    assert bool(rules) == bool(entry.rules)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (
            "INSERT INTO items SELECT id FROM items ORDER BY e <=> $1 LIMIT $2",
            "This is no SELECT but INSERT.",
        ),
        ("SELECT gone FROM items ORDER BY e <=> $1", 'column "gone" does not exist'),
        ("SELECT id FROM items ORDER BY e <=> $1 LIMIT $2 ROWS", "PostgreSQL cannot parse this"),
        ("SELECT id FROM items, places ORDER BY at <-> at LIMIT $1", "No vector column is compared"),
        ("SELECT id FROM items WHERE $1::tsvector IS NULL ORDER BY e <=> $2", "No value can be guessed"),
    ],
)
def test_what_cannot_be_diagnosed_is_listed_with_its_reason(
    database: Database, counting: Connection, sql: str, reason: str
) -> None:
    count(counting, sql, 10)
    count(counting, NEAREST, 5)
    first, second = looked(database).entries
    assert first.diagnosis is None
    assert reason in (first.reason or "")
    assert second.diagnosis, "a refusal must not end the look"


@pytest.mark.parametrize(
    "sql",
    ["EXPLAIN SELECT id FROM items ORDER BY e <=> $1", "SELECT at <-> $1 FROM places", "SELECT $1"],
)
def test_what_searches_no_vector_is_left_out(database: Database, counting: Connection, sql: str) -> None:
    count(counting, sql, 10)
    assert looked(database).entries == ()


def test_another_databases_statements_are_not_this_ones(database: Database, counting: Connection) -> None:
    count(counting, NEAREST, 10, here=False)
    assert looked(database).workload.counted == 0


def test_statements_this_login_may_not_read_are_told_of(database: Database, counting: Connection) -> None:
    count(counting, HIDDEN, 30)
    count(counting, None, 10)
    count(counting, NEAREST, 60)
    found = looked(database)
    assert (found.workload.hidden, found.workload.hidden_ms, len(found.entries)) == (2, 40, 1)
    assert "2 of 3 statements, 40.0% of the time" in found.notes[0]
    assert "GRANT pg_read_all_stats" in found.notes[0]


def test_the_view_is_found_behind_another_search_path(database: Database, counting: Connection) -> None:
    counting.execute(text("CREATE SCHEMA monitoring"))
    counting.execute(text("ALTER TABLE pg_stat_statements SET SCHEMA monitoring"))
    with database.reading("tests", vectors=True) as connection:
        connection.execute(text("SET LOCAL search_path = monitoring, public"))
        assert read_workload(connection).counted == 0


NOT_LOADED = """
DROP TABLE pg_stat_statements;
CREATE FUNCTION counted() RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN
  RAISE 'pg_stat_statements must be loaded via "shared_preload_libraries"'
    USING ERRCODE = 'object_not_in_prerequisite_state';
END $$;
CREATE VIEW pg_stat_statements AS SELECT oid AS dbid, ''::text AS query, 1::bigint AS calls,
  counted() AS total_exec_time, 1::bigint AS rows, 1::bigint AS shared_blks_hit, 1::bigint AS shared_blks_read
FROM pg_database
"""
"""What the extension's own function answers where its library is not loaded."""

OLD = "ALTER TABLE pg_stat_statements RENAME COLUMN total_exec_time TO total_time"


@pytest.mark.parametrize(
    ("script", "error", "told"),
    [
        ("DROP TABLE pg_stat_statements", SetupError, "has no pg_stat_statements.*CREATE EXTENSION"),
        (NOT_LOADED, SetupError, "library is not loaded.*shared_preload_libraries"),
        (OLD, SetupError, "older here than its version 1.8.*ALTER EXTENSION pg_stat_statements UPDATE"),
        ("SELECT 1", PermissionDenied, "may not read public.pg_stat_statements.*pg_read_all_stats"),
    ],
    ids=["missing", "not loaded", "old", "not readable"],
)
def test_where_nothing_can_be_read_a_sentence_says_why_and_what_to_do(
    database: Database, counting: Connection, script: str, error: type[DashboardError], told: str
) -> None:
    run(counting, script)
    with database.reading("tests", vectors=True) as connection:
        if error is PermissionDenied:
            connection.execute(text("SET LOCAL ROLE pg_monitor"))
        with pytest.raises(error) as raised:
            diagnose_workload(connection)
        assert re.search(told, f"{raised.value.message} {raised.value.remedy}")
        assert connection.execute(text("SELECT 1")).scalar() == 1, "the transaction outlives it"
