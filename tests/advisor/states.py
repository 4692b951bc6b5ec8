"""For each rule: a table over which it is silent, what makes it speak, and what makes it silent again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg2.errors
import pytest
from sqlalchemy.exc import DBAPIError

from dashboard.inspection.findability import FindRequest
from dashboard.inspection.probing import find_rows
from dashboard.watching import look
from db.catalog import find_column
from db.engine import Database
from db.progress import Unrecorded
from db.runs import Trial, start_run, store_trial
from db.watches import keep_watch

TABLE = '"Odd ""t"" %:x"'
COLUMN = f'public.{TABLE}."em bed"'

AMPLE_MS, NONE_MS = 10_000.0, 0.001
"""Budgets that every search and no search keeps."""


def rows_of(dimensions: int = 8, rows: int = 2_000) -> str:
    """Write the statements that make the table; every vector is another."""
    return f"""
    CREATE TABLE {TABLE} (id bigserial PRIMARY KEY, category text NOT NULL DEFAULT 'red',
                          "em bed" vector({dimensions})) WITH (autovacuum_enabled = off);
    {more_rows(dimensions, rows)}
    ANALYZE {TABLE};
    """


def more_rows(dimensions: int = 8, rows: int = 2_000) -> str:
    return f"""
    INSERT INTO {TABLE} ("em bed")
    SELECT (SELECT array_agg(random() - 0.5 + 0 * (g + i)) FROM generate_series(1, {dimensions}) AS g)::vector
    FROM generate_series(1, {rows}) AS i;
    """


HNSW = f'CREATE INDEX graph ON {TABLE} USING hnsw ("em bed" vector_cosine_ops) WITH (m = 8);'
WEAK, SOUND = (
    HNSW.replace("m = 8", "m = 2, ef_construction = 4"),
    HNSW.replace("m = 8", "m = 16, ef_construction = 200"),
)
IVFFLAT = f'CREATE INDEX lists ON {TABLE} USING ivfflat ("em bed" vector_cosine_ops) WITH (lists = 10);'

SLOW_ROWS = f"""
CREATE TABLE base (id int, "em bed" vector(400));
ALTER TABLE base ALTER "em bed" SET STORAGE PLAIN;
INSERT INTO base SELECT i, array_fill(i, ARRAY[400])::vector FROM generate_series(1, 150) AS i;
ANALYZE base;
CREATE VIEW {TABLE} AS SELECT id, "em bed" FROM base WHERE pg_sleep(0.001) IS NOT NULL;
"""
"""Each row takes its time, and no processor: workers take it together on the busiest machine."""

Cause = str | Callable[[Database], None]


@dataclass(frozen=True)
class State:
    """``cause`` makes the rule speak at ``budget_ms``; ``local`` is set in the reading transaction, too.

    ``fix`` takes the place of a remedy that is not run: one that only shows rows, or needs another server.
    ``server`` names the fixture of its database; ``fields`` what its finding must say.
    """

    table: str
    cause: Cause = ""
    quiet_budget_ms: float = AMPLE_MS
    budget_ms: float = AMPLE_MS
    local: tuple[str, ...] = ()
    fix: Cause | None = None
    server: str = "database"
    fields: Mapping[str, Any] = field(default_factory=dict)


def run(database: Database, script: Cause) -> None:
    """Send SQL as it is, percent signs, colons and all, and let the statistics know."""
    if callable(script):
        script(database)
        return
    with database.control("tests") as connection:
        if script.strip():
            connection.exec_driver_sql(script.replace("%", "%%"))
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        connection.exec_driver_sql("SELECT 1")


def measured(
    *,
    distance: str = "cosine",
    k: int = 10,
    subset: str | None = None,
    rows: int = 2_000,
    p95_ms: float = 1.0,
    days_ago: int = 0,
    sizes: tuple[int, ...] = (),
) -> Callable[[Database], None]:
    """Keep a run whose exact trial took ``p95_ms``; over ``sizes``, in proportion to the rows of each."""

    def keep(database: Database) -> None:
        with database.writing("tests") as connection, connection.begin():
            number = start_run(
                connection,
                find_column(connection, COLUMN),
                {"distance": distance, "ks": [k], "subsets": [subset], "sizes": list(sizes)},
                rows=rows,
                queries=0,
                environment={},
                fingerprint="",
                created_by="tests",
                job_id=None,
            )
            for position, size in enumerate(sizes or (rows,)):
                trial = _exact(position, size, k, p95_ms * size / rows)
                store_trial(connection, number, trial, latencies_ms=[p95_ms], recalls=[1.0])
            connection.exec_driver_sql(
                "UPDATE vectorscope.run SET started_at = now() - make_interval(days => %s) WHERE id = %s",
                (days_ago, number),
            )

    return keep


def _exact(position: int, rows: int, k: int, p95_ms: float) -> Trial:
    measures = {"p95_ms": p95_ms, "p95_ms_low": 0.98 * p95_ms, "p95_ms_high": 1.02 * p95_ms}
    return Trial(
        position, "exact", {}, {}, "measured", None, "Seq Scan", {}, False, 100, measures, rows=rows, k=k
    )


def ask_for_rows(database: Database) -> None:
    """Ask the index for a hundred of its rows, as the job does."""
    find_rows(database, FindRequest(COLUMN, probes=100), Unrecorded(), created_by="tests", job_id=None)


def promise_and_look(database: Database) -> None:
    """Promise a recall, and look at what searches find, as the watch does."""
    with database.writing("tests") as connection, connection.begin():
        column = find_column(connection, COLUMN)
        number = keep_watch(connection, column, p95_ms=AMPLE_MS, recall=0.9, every_s=60, created_by="tests")
    look(database, number, Unrecorded(), job_id=None)


def fail_a_build(database: Database) -> None:
    """Let CREATE INDEX CONCURRENTLY wait for a writer until it is stopped."""
    with database.writing("tests") as writer, writer.begin():
        writer.exec_driver_sql(f"INSERT INTO {TABLE} DEFAULT VALUES".replace("%", "%%"))
        with database.control("tests") as connection:
            connection.exec_driver_sql("SET statement_timeout = '1s'")
            build = HNSW.replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY")
            with pytest.raises(DBAPIError) as refused:
                connection.exec_driver_sql(build.replace("%", "%%"))
            assert isinstance(refused.value.orig, psycopg2.errors.QueryCanceled)
            connection.exec_driver_sql("RESET statement_timeout")
        writer.rollback()


def both(*causes: Cause) -> Callable[[Database], None]:
    def make(database: Database) -> None:
        for cause in causes:
            run(database, cause)

    return make


THOUSAND_TRANSACTIONS = (
    "DO $$ BEGIN FOR i IN 1..1001 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
)
ZERO = "array_fill(0, ARRAY[8])::vector"

STATES = {
    "keep_exact": State(rows_of() + HNSW, "DROP INDEX graph", fix=HNSW),
    "exact_over_budget": State(rows_of(), budget_ms=NONE_MS),
    "will_cross": State(
        rows_of(),
        both(measured(rows=500, p95_ms=2.5, days_ago=30), measured(p95_ms=10)),
        budget_ms=15,
    ),
    "needless_index": State(rows_of(), HNSW),
    "parallel_scan": State(SLOW_ROWS, budget_ms=NONE_MS),
    "plain_storage": State(rows_of(600, 400), budget_ms=NONE_MS),
    "halfvec_column": State(rows_of(), budget_ms=NONE_MS),
    "filter_index": State(rows_of(), measured(subset="category = red"), budget_ms=NONE_MS),
    "wrong_operator": State(rows_of() + HNSW, measured(distance="l2")),
    "both_methods": State(rows_of() + HNSW, IVFFLAT),
    "ef_search_below_k": State(rows_of() + HNSW, measured(k=100)),
    "filter_without_iterative": State(rows_of() + HNSW, measured(subset="category = red")),
    "twins": State(rows_of() + HNSW, HNSW.replace("graph", "again")),
    "invalid": State(rows_of(), fail_a_build),
    "unused": State(rows_of() + HNSW, THOUSAND_TRANSACTIONS),
    "ivfflat_lists": State(
        rows_of() + IVFFLAT, "DROP INDEX lists;" + IVFFLAT.replace("lists = 10", "lists = 500")
    ),
    "ivfflat_little_data": State(
        rows_of() + IVFFLAT, both(f"DROP INDEX lists; TRUNCATE {TABLE}; {IVFFLAT}", more_rows())
    ),
    "rows_since_build": State(rows_of() + IVFFLAT, more_rows(rows=3_000)),
    "page_cliff": State(
        rows_of(1024, 50), HNSW, fields={"finding": "8,192 B, as 1 to a page; as halfvec it takes 2,731 B"}
    ),
    "over_memory": State(rows_of(1024, 400), HNSW, server="small_database"),
    "serial_build": State(rows_of(600, 4_000), budget_ms=NONE_MS),
    "build_spills": State(rows_of(rows=4_000) + HNSW, local=("SET LOCAL maintenance_work_mem = '1MB'",)),
    "invisible_rows": State(
        rows_of(),
        f'UPDATE {TABLE} SET "em bed" = CASE WHEN id <= 5 THEN NULL ELSE {ZERO} END WHERE id <= 8',
        fix=f"DELETE FROM {TABLE} WHERE id <= 8",
        fields={"finding": "8 rows can never be found"},
    ),
    "duplicates": State(
        rows_of() + HNSW,
        f'INSERT INTO {TABLE} ("em bed") SELECT "em bed" FROM {TABLE}, generate_series(1, 20) WHERE id = 1',
        fix=f"DELETE FROM {TABLE} WHERE id > 2000",
        fields={"finding": "21 rows share one vector"},
    ),
    "dead_tuples": State(rows_of() + HNSW, f"DELETE FROM {TABLE} WHERE id % 3 = 0"),
    "slow_vacuum": State(
        rows_of(3, 30_000) + WEAK,
        f"DELETE FROM {TABLE} WHERE id % 3 = 0",
        fields={"finding": "The next VACUUM has 16,049 rows of graph to link anew"},
    ),
    "lost_rows": State(
        rows_of(rows=1_000) + WEAK, ask_for_rows, fix=both("DROP INDEX graph;" + SOUND, ask_for_rows)
    ),
    "low_recall": State(
        rows_of(rows=1_000) + WEAK, promise_and_look, fix=both("DROP INDEX graph;" + SOUND, promise_and_look)
    ),
    "known_defects": State(
        rows_of() + HNSW, IVFFLAT, fix="UPDATE pg_extension SET extversion = '0.8.7' WHERE extname = 'vector'"
    ),
}
