"""What the catalogs and statistics know of a column's table and indexes, for the advisor's rules.

Source: the catalogs and views of PostgreSQL's documentation, chapters 27.2 and 52; every query here may be
asked by any role.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, bindparam, column, func, select, table, text
from sqlalchemy.dialects import postgresql

from db.catalog import ColumnInfo
from db.errors import StatementTimeout
from db.savepoint import within

_STORAGE = text("""
WITH named AS (
  SELECT c.oid, c.relkind, c.reltoastrelid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = :schema AND c.relname = :table)
SELECT (SELECT a.attstorage::text FROM pg_attribute a JOIN named ON a.attrelid = named.oid
        WHERE a.attname = :column) AS kept,
       COALESCE(sum(pg_relation_size(t.oid)), 0)::bigint AS heap_bytes,
       COALESCE(sum(pg_relation_size(NULLIF(t.reltoastrelid, 0))), 0)::bigint AS toast_bytes,
       COALESCE(max(pg_relation_size(t.oid)), 0)::bigint AS largest_heap_bytes,
       COALESCE(sum(pg_stat_get_live_tuples(t.oid)), 0)::bigint AS live_rows,
       COALESCE(sum(pg_stat_get_dead_tuples(t.oid)), 0)::bigint AS dead_rows,
       max(GREATEST(pg_stat_get_last_vacuum_time(t.oid), pg_stat_get_last_autovacuum_time(t.oid)))
         AS vacuumed_at,
       COALESCE(bool_or(EXISTS (SELECT FROM pg_options_to_table(t.reloptions)
                                WHERE option_name = 'parallel_workers' AND option_value <> '0')), false)
         AS has_parallel_workers,
       COALESCE(bool_or(EXISTS (SELECT FROM pg_options_to_table(t.reloptions)
                                WHERE option_name = 'parallel_workers' AND option_value = '0')), false)
         AS forbids_parallel_workers,
       COALESCE(bool_and(pg_has_role(t.relowner, 'USAGE')), false) AS is_owner
FROM (SELECT oid FROM named WHERE relkind <> 'p'
      UNION ALL SELECT relid FROM named, pg_partition_tree(named.oid) WHERE isleaf AND relkind = 'p')
  AS leaf (oid)
JOIN pg_class t ON t.oid = leaf.oid
""")

_INDEX_USES = text("""
SELECT ci.relname::text AS name,
       -- Rebuilt in place the index keeps its row in pg_index, and gets a new file in pg_class.
       CASE WHEN ci.relkind = 'I' THEN NULL
            WHEN ci.relfilenode <> ci.oid THEN LEAST(age(i.xmin), age(ci.xmin))
            ELSE age(i.xmin) END AS built_age,
       pg_get_indexdef(i.indexrelid) AS definition,
       EXISTS (SELECT FROM pg_stat_progress_create_index p
               WHERE p.datname = current_database()
                 AND (p.index_relid = i.indexrelid OR p.relid IS NULL)) AS is_being_built
FROM pg_index i
JOIN pg_class ci ON ci.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = :table
""")

_LEADING = text("""
SELECT DISTINCT a.attname::text
FROM pg_index i
JOIN pg_class ci ON ci.oid = i.indexrelid
JOIN pg_am am ON am.oid = ci.relam
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE n.nspname = :schema AND c.relname = :table AND am.amname IN ('btree', 'gin', 'gist', 'hash', 'brin')
  AND i.indisvalid AND i.indpred IS NULL
""")

_SERVER = text("""
SELECT (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()) AS stats_reset,
       (SELECT count(*) FROM pg_stat_replication r
        WHERE NOT EXISTS (SELECT FROM pg_replication_slots s
                          WHERE s.active_pid = r.pid AND s.slot_type = 'logical')) AS standbys,
       (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS pgvector_offered
""")

SETTINGS = (
    "hnsw.ef_search",
    "hnsw.iterative_scan",
    "ivfflat.probes",
    "ivfflat.iterative_scan",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
    "max_parallel_workers",
    "max_parallel_workers_per_gather",
    "min_parallel_table_scan_size",
    "shared_buffers",
)

_IN_FORCE = text("""
SELECT name, current_setting(name, true),
       CASE WHEN name IN ('maintenance_work_mem', 'min_parallel_table_scan_size', 'shared_buffers')
            THEN pg_size_bytes(current_setting(name)) END
FROM unnest(CAST(:names AS text[])) AS name
WHERE '[1]'::vector IS NOT NULL AND current_setting(name, true) IS NOT NULL
""")
"""The vector literal loads pgvector's library: until then its settings are unknown to the session.  Only
pg_size_bytes knows every unit a size may be shown in, so that ``SET LOCAL`` is seen, too."""


@dataclass(frozen=True, slots=True)
class Storage:
    """How a table is kept: all its leaf partitions together, ``largest_heap_bytes`` of the largest one.

    ``kept`` is pg_attribute.attstorage of the vector: p(lain), e(xternal), m(ain), x (extended).
    ``live_rows`` and ``dead_rows`` are the statistics', some seconds behind.  ``has_parallel_workers`` and
    ``forbids_parallel_workers`` tell of the table's own parallel_workers: some, and 0.
    """

    kept: str | None
    heap_bytes: int
    toast_bytes: int
    largest_heap_bytes: int
    live_rows: int
    dead_rows: int
    vacuumed_at: datetime | None
    has_parallel_workers: bool
    forbids_parallel_workers: bool
    is_owner: bool


@dataclass(frozen=True, slots=True)
class IndexUse:
    """What the catalogs know of an index beside its definition.

    ``built_age`` counts the transactions since it was built; None for that of a partitioned table.
    ``definition`` is the statement that would make it again.
    """

    name: str
    built_age: int | None
    definition: str
    is_being_built: bool


@dataclass(frozen=True, slots=True)
class ServerNotes:
    """``standbys`` are those connected now; ``pgvector_offered`` is the version on the server's disk."""

    stats_reset: datetime | None
    standbys: int
    pgvector_offered: str | None


def storage(connection: Connection, wanted: ColumnInfo) -> Storage:
    """Read how the column's table is kept; all zero for a view."""
    return Storage(**connection.execute(_STORAGE, _named(wanted)).one()._mapping)


def index_uses(connection: Connection, wanted: ColumnInfo) -> Mapping[str, IndexUse]:
    """Read the indexes of the column's table, by name."""
    found = connection.execute(_INDEX_USES, _table(wanted))
    return {row.name: IndexUse(**row._mapping) for row in found}


def rows_written_since(
    connection: Connection, wanted: ColumnInfo, age: int, *, budget_ms: int
) -> tuple[int, int] | None:
    """Count the rows written in the last ``age`` transactions, and all; None where it takes too long.

    An update writes a row anew.  A row over 2**31 transactions old has a negative age.
    """
    newer = func.count().filter(func.age(column("xmin", Text)).between(0, age - 1))
    counted = select(newer, func.count()).select_from(table(wanted.table, schema=wanted.schema))
    with suppress(StatementTimeout), within(connection, budget_ms):
        row = connection.execute(counted).one()
        return int(row[0]), int(row[1])
    return None


def leading_columns(connection: Connection, wanted: ColumnInfo) -> frozenset[str]:
    """Name the columns that an ordinary index of the table, over all its rows, begins with."""
    return frozenset(connection.execute(_LEADING, _table(wanted)).scalars())


def server_notes(connection: Connection) -> ServerNotes:
    """Ask what no setting tells."""
    return ServerNotes(**connection.execute(_SERVER).one()._mapping)


def settings_in_force(connection: Connection) -> Mapping[str, str | int]:
    """Read the SETTINGS this server has as they are for this role, sizes in bytes."""
    rows = connection.execute(_IN_FORCE, {"names": list(SETTINGS)})
    return {name: value if size is None else size for name, value, size in rows}


def _named(wanted: ColumnInfo) -> dict[str, Any]:
    return {"schema": wanted.schema, "table": wanted.table, "column": wanted.column}


def _table(wanted: ColumnInfo) -> dict[str, Any]:
    return {"schema": wanted.schema, "table": wanted.table}


PROOFS = {
    "rows": text("""
SELECT reltuples::bigint, pg_size_pretty(pg_table_size(oid)) FROM pg_class
WHERE oid = CAST(:table AS regclass)
"""),
    "indexes": text("""
SELECT i.indexrelid::regclass, am.amname, i.indisvalid, pg_relation_size(i.indexrelid), s.idx_scan,
       pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam
JOIN pg_stat_user_indexes s USING (indexrelid)
WHERE i.indrelid = CAST(:table AS regclass) AND am.amname IN ('hnsw', 'ivfflat')
"""),
    "storage": text("""
SELECT a.attstorage, pg_relation_size(c.oid) AS heap_bytes,
       pg_relation_size(NULLIF(c.reltoastrelid, 0)) AS toast_bytes, c.reloptions
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.oid = CAST(:table AS regclass) AND a.attname = :column
"""),
    "dead": text("""
SELECT n_live_tup, n_dead_tup, last_vacuum, last_autovacuum FROM pg_stat_user_tables
WHERE relid = CAST(:table AS regclass)
"""),
    "vacuum": text("""
SELECT s.n_live_tup, s.n_dead_tup, s.last_vacuum, s.last_autovacuum, pg_indexes_size(s.relid) AS index_bytes,
       p.phase, clock_timestamp() - a.xact_start AS running
FROM pg_stat_user_tables s
LEFT JOIN pg_stat_progress_vacuum p USING (relid) LEFT JOIN pg_stat_activity a USING (pid)
WHERE s.relid = CAST(:table AS regclass)
"""),
    "settings": text("""
SELECT name, setting, unit, source FROM pg_settings
WHERE name LIKE 'hnsw.%' OR name LIKE 'ivfflat.%'
   OR name IN ('maintenance_work_mem', 'max_parallel_workers', 'max_parallel_maintenance_workers',
               'max_parallel_workers_per_gather', 'min_parallel_table_scan_size', 'shared_buffers')
"""),
    "extension": text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"),
    "runs": text("""
SELECT r.id, r.rows, r.plan ->> 'distance' AS distance, t.k, t.subset, t.method,
       t.measures ->> 'p95_ms' AS p95_ms
FROM vectorscope.run r JOIN vectorscope.trial t ON t.run_id = r.id
WHERE (r.schema, r."table", r."column") = (:schema, :name, :column) ORDER BY r.id DESC, t.position
"""),
    "looks": text("""
SELECT l.at, l.figures ->> 'index_recall' AS recall, l.figures ->> 'index_recall_high' AS at_most,
       w.recall AS promised
FROM vectorscope.watch w JOIN vectorscope.watch_look l ON l.watch_id = w.id
WHERE (w.schema, w."table", w."column") = (:schema, :name, :column) ORDER BY l.id DESC
"""),
    "findability": text("""
SELECT created_at, result -> 'summary' FROM vectorscope.inspection
WHERE (schema, "table", "column", kind) = (:schema, :name, :column, 'findability') ORDER BY id DESC
"""),
}
"""Queries that give a rule's numbers again, for the reader to run."""

_DIALECT = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]


def proof(key: str, wanted: ColumnInfo) -> str:
    """Write one of PROOFS for a column, runnable as it is."""
    quote = _DIALECT.identifier_preparer.quote
    values = {
        "table": f"{quote(wanted.schema)}.{quote(wanted.table)}",
        "schema": wanted.schema,
        "name": wanted.table,
        "column": wanted.column,
    }
    statement = PROOFS[key]
    bound = [bindparam(name, values[name], Text) for name in statement.compile().params]
    written = statement.bindparams(*bound).compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})
    return str(written).strip()
