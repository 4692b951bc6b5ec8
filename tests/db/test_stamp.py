import pytest
from sqlalchemy import text

from db.catalog import find_column
from db.engine import Database
from db.stamp import SETTINGS, fingerprint, server_stamp

TABLES = """
CREATE TABLE points (id int PRIMARY KEY, embedding vector(2));
CREATE TABLE parted (region text, embedding vector(2)) PARTITION BY LIST (region);
CREATE TABLE parted_north PARTITION OF parted FOR VALUES IN ('north');
CREATE VIEW seen AS SELECT * FROM points;
"""


def now(database: Database, table: str) -> str:
    with database.reading("tests") as connection:
        return fingerprint(connection, find_column(connection, f"{table}.embedding"))


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("points", "CREATE INDEX ON points USING hnsw (embedding vector_l2_ops)"),
        ("points", "REINDEX INDEX points_pkey"),
        ("points", "DROP INDEX IF EXISTS extra; ALTER TABLE points DROP CONSTRAINT points_pkey"),
        ("points", "TRUNCATE points"),
        ("points", "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'points_pkey'::regclass"),
        ("parted", "CREATE INDEX ON parted_north USING ivfflat (embedding vector_l2_ops)"),
    ],
)
def test_a_fingerprint_changes_with_storage_and_indexes(
    database: Database, table: str, statement: str
) -> None:
    with database.control("tests") as connection:
        connection.execute(text(TABLES))
        before = now(database, table)
        connection.execute(text(statement))

    assert now(database, table) != before


@pytest.mark.parametrize("table", ["points", "parted", "seen"])
def test_a_fingerprint_stays_while_rows_come_and_go(database: Database, table: str) -> None:
    with database.control("tests") as connection:
        connection.execute(text(TABLES))
        before = now(database, table)
        connection.execute(text("INSERT INTO points VALUES (1, '[1,2]'); ANALYZE points"))
        connection.execute(text("CREATE TABLE other (embedding vector(2))"))

    assert now(database, table) == before


def test_the_stamp_names_versions_and_settings(database: Database) -> None:
    with database.reading("tests") as connection:
        stamp = server_stamp(connection)

    assert stamp["postgresql"].split(".")[0].isdigit()
    assert stamp["build"].startswith(f"PostgreSQL {stamp['postgresql']} on ")
    assert stamp["pgvector"].count(".") == 2
    assert set(SETTINGS) == set(stamp["settings"])
    assert stamp["settings"]["enable_seqscan"] == "on"
