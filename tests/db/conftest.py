"""A database of tables to search that nobody writes to, made once; and one for hand-made tables."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from db.catalog import ColumnInfo, find_column
from db.engine import Database

ITEMS = """
CREATE TABLE items (
  id bigint PRIMARY KEY, title text, category text NOT NULL, price float8, in_stock boolean NOT NULL,
  added date, attributes jsonb, filler text, embedding vector(8)
);
SELECT setseed(0.5);
INSERT INTO items
SELECT i, CASE WHEN i % 100 <> 0 THEN 'item ' || i END, (ARRAY['red', 'green', 'blue'])[1 + i % 3],
       i / 10.0, i % 2 = 0, DATE '2026-01-01' + i % 365, jsonb_build_object('n', i), repeat('long ', 150),
       CASE WHEN i % 500 = 1 THEN NULL WHEN i % 500 = 2 THEN array_fill(0, ARRAY[8])::vector
            ELSE (SELECT array_agg(random() - 0.5 + 0 * (g + i)) FROM generate_series(1, 8) AS g)::vector END
FROM generate_series(1, 4000) AS i;
-- One category lies far from the others, so that a filter on it leaves an index scan nothing.
UPDATE items SET category = 'far', embedding = embedding + '[20,0,0,0,0,0,0,0]' WHERE id > 3000;
CREATE INDEX items_embedding_hnsw ON items USING hnsw (embedding vector_cosine_ops) WITH (m = 8);
CREATE TABLE lists AS SELECT id, filler, embedding FROM items WHERE vector_norm(embedding) > 0;
ALTER TABLE lists ADD PRIMARY KEY (id);
CREATE INDEX lists_embedding_ivfflat ON lists USING ivfflat (embedding vector_l2_ops) WITH (lists = 50);
CREATE VIEW items_in_stock AS SELECT id, title, embedding FROM items WHERE in_stock;
-- Any far row takes its time, so that whoever counts them gives up.
CREATE VIEW items_slow AS SELECT id, category, embedding FROM items
WHERE pg_sleep(CASE category WHEN 'far' THEN 0.1 ELSE 0 END) IS NOT NULL;
ANALYZE;
"""

ODD = """
CREATE SCHEMA "We ""ird";
CREATE TABLE "We ""ird"."T %:x; --" (
  "a'b" text, "B %s" int, distance float8, "Em ""bed%" vector(3), half halfvec(3), sparse sparsevec(5),
  bits bit(16), free vector, PRIMARY KEY ("a'b", "B %s")
);
INSERT INTO "We ""ird"."T %:x; --"
SELECT 'k%' || i || E'\\\\''', i, i / 2.0, v, v::halfvec, ARRAY[i, 0, 0, 1, i % 4]::vector::sparsevec,
       (i * 7)::bit(16), CASE WHEN i % 2 = 0 THEN v ELSE ARRAY[i, 1]::vector END
FROM generate_series(1, 40) AS i, LATERAL (SELECT ARRAY[i, i % 5, 1]::vector(3) AS v) AS made;
CREATE TABLE keyless (name text, embedding vector(2));
INSERT INTO keyless SELECT 'row ' || i, ARRAY[i, 1]::vector FROM generate_series(1, 30) AS i;
CREATE TABLE parted (region text, embedding vector(2)) PARTITION BY LIST (region);
CREATE TABLE parted_north PARTITION OF parted FOR VALUES IN ('north');
CREATE TABLE parted_south PARTITION OF parted FOR VALUES IN ('south');
CREATE INDEX parted_hnsw ON parted USING hnsw (embedding vector_l2_ops);
INSERT INTO parted SELECT (ARRAY['north', 'south'])[1 + i % 2], ARRAY[i, i]::vector
FROM generate_series(1, 50) AS i;
"""


def run(connection: Connection, script: str) -> None:
    """Send SQL as it is, percent signs, colons and all."""
    connection.exec_driver_sql(script.replace("%", "%%"))


@pytest.fixture(scope="session")
def world(server_url: str, maintenance: Connection, template: str) -> Iterator[Database]:
    """Tables to search; only to be read."""
    maintenance.execute(text(f"CREATE DATABASE world TEMPLATE {template}"))
    database = Database(make_url(server_url).set(database="world").render_as_string(hide_password=False))
    with database.control("tests") as connection:
        run(connection, ITEMS)
        run(connection, ODD)
    yield database
    database.dispose()


@pytest.fixture
def reading(world: Database) -> Iterator[Connection]:
    """One read-only transaction in the world."""
    with world.reading("tests", vectors=True) as connection:
        yield connection


@pytest.fixture
def column(reading: Connection) -> Callable[[str], ColumnInfo]:
    """Find a vector column of the world by name."""
    return lambda name: find_column(reading, name)


@pytest.fixture
def items(column: Callable[[str], ColumnInfo]) -> ColumnInfo:
    """The column items.embedding: 4,000 rows, HNSW by cosine distance."""
    return column("items.embedding")
