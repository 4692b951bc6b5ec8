"""What a result depends on, and what a run must leave alone: the server's settings, a table's storage."""

from typing import Any

from sqlalchemy import Connection, text

from db.columns import VectorColumn

_FINGERPRINT = text("""
SELECT md5(COALESCE(string_agg(concat_ws('|', t.oid, t.relfilenode, i.oid, i.relfilenode,
                                         pg_get_indexdef(i.oid), x.indisvalid, x.indisready),
                               ';' ORDER BY t.oid, i.oid), ''))
FROM pg_class named
JOIN pg_namespace n ON n.oid = named.relnamespace
JOIN pg_class t ON t.oid = named.oid OR t.oid IN (SELECT relid FROM pg_partition_tree(named.oid))
LEFT JOIN pg_index x ON x.indrelid = t.oid
LEFT JOIN pg_class i ON i.oid = x.indexrelid
WHERE n.nspname = :schema AND named.relname = :table
""")

_SERVER = text("""
SELECT current_setting('server_version') AS postgresql, version() AS build,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS pgvector
""")

_SETTINGS = text(
    "SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY (:names) ORDER BY name"
)

SETTINGS = (
    "effective_cache_size",
    "enable_indexscan",
    "enable_seqscan",
    "hnsw.iterative_scan",
    "ivfflat.iterative_scan",
    "jit",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
    "max_parallel_workers",
    "max_parallel_workers_per_gather",
    "plan_cache_mode",
    "random_page_cost",
    "shared_buffers",
    "wal_compression",
    "wal_level",
    "work_mem",
)
"""Settings that move a build's or a search's time, its WAL, or the planner's choice."""


def fingerprint(connection: Connection, column: VectorColumn) -> str:
    """Hash the storage of a table, its partitions and every index on them.

    It changes when an index is made, dropped, rebuilt or left invalid, or the table is rewritten; rows
    coming and going leave it alone.
    """
    named = {"schema": column.schema, "table": column.table}
    return str(connection.execute(_FINGERPRINT, named).scalar_one())


def server_stamp(connection: Connection) -> dict[str, Any]:
    """Name the server's versions, its build and the settings that matter, for a run's record."""
    connection.execute(text("SELECT '[1]'::vector"))  # until then hnsw.* and ivfflat.* are unknown names
    settings = {row.name: row.value for row in connection.execute(_SETTINGS, {"names": list(SETTINGS)})}
    return {**connection.execute(_SERVER).one()._mapping, "settings": settings}
