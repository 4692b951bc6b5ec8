"""What the system catalogs tell of vector columns: of those a role may read, and of those it may not.

A bit column counts as a vector when it has a fixed length over 1: bit(1) is SQL's old boolean, and
``bit varying`` cannot be indexed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from db.schema import OWN_SCHEMAS

EVERY = (None, None, None)
"""In place of the name of one column."""

_COLUMNS = text("""
WITH RECURSIVE domains (type, base, modifier) AS (
  SELECT oid, typbasetype, typtypmod FROM pg_type WHERE typtype = 'd'
  UNION ALL
  SELECT d.type, t.typbasetype, t.typtypmod
  FROM domains d JOIN pg_type t ON t.oid = d.base AND t.typtype = 'd'),
held AS MATERIALIZED (
  -- Tables that somebody holds, or an index of: what asks for their size would wait, maybe for hours.
  SELECT COALESCE(i.indrelid, l.relation) AS relation
  FROM pg_locks l LEFT JOIN pg_index i ON i.indexrelid = l.relation
  WHERE l.mode = 'AccessExclusiveLock' AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
SELECT c.oid AS relation, n.nspname AS schema, c.relname AS "table", a.attname AS "column", t.typname AS type,
       NULLIF(COALESCE(d.modifier, a.atttypmod), -1) AS dimensions,
       c.relkind AS kind, c.relispopulated AS populated,
       c.oid IN (SELECT relation FROM held) AS is_held,
       disk.heap_bytes, disk.size_bytes, disk.total_bytes,
       CASE c.relkind WHEN 'v' THEN NULL WHEN 'f' THEN NULLIF(c.reltuples, -1) ELSE disk.rows END AS rows,
       st.null_frac, st.avg_width,
       col_description(c.oid, a.attnum) AS comment, obj_description(c.oid, 'pg_class') AS table_comment,
       identity.key, c.relispartition AS is_partition, current_user::text AS role,
       NOT has_schema_privilege(n.oid, 'USAGE') AS lacks_usage,
       NOT has_table_privilege(c.oid, 'SELECT') AS lacks_select
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
-- A domain is searched as the type at its bottom.
LEFT JOIN domains d ON d.type = a.atttypid
JOIN pg_type t ON t.oid = COALESCE(d.base, a.atttypid)
LEFT JOIN LATERAL (
  -- OFFSET 0 makes it a look-up per column; joined, the view is computed whole for each of them.
  SELECT s.null_frac, s.avg_width FROM pg_stats s
  WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
    AND s.inherited = (c.relkind = 'p') OFFSET 0) AS st ON true
CROSS JOIN LATERAL (
  -- A density from the last ANALYZE times today's pages, as the planner does it.
  SELECT COALESCE(sum(pg_relation_size(p.oid)), 0)::bigint AS heap_bytes,
         COALESCE(sum(pg_table_size(p.oid)), 0)::bigint AS size_bytes,
         COALESCE(sum(pg_total_relation_size(p.oid)), 0)::bigint AS total_bytes,
         sum(CASE WHEN pg_relation_size(p.oid) = 0 THEN 0
                  WHEN p.reltuples >= 0 AND p.relpages > 0
                  THEN p.reltuples / p.relpages
                       * pg_relation_size(p.oid) / current_setting('block_size')::int
                  ELSE NULLIF(pg_stat_get_live_tuples(p.oid), 0) END) AS rows
  FROM (SELECT c.oid WHERE c.relkind <> 'p'
        UNION ALL SELECT relid FROM pg_partition_tree(c.oid) WHERE isleaf AND c.relkind = 'p') AS part (oid)
  JOIN pg_class p ON p.oid = part.oid
  WHERE p.oid NOT IN (SELECT relation FROM held WHERE relation IS NOT NULL)) AS disk
CROSS JOIN LATERAL (
  SELECT COALESCE((
    SELECT ARRAY(SELECT ka.attname::text
                 FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
                 JOIN pg_attribute ka ON ka.attrelid = i.indrelid AND ka.attnum = k.attnum
                 WHERE k.place <= i.indnkeyatts ORDER BY k.place)
    FROM pg_index i
    WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
      AND i.indpred IS NULL AND i.indexprs IS NULL
      AND NOT EXISTS (SELECT FROM pg_attribute ka
                      WHERE ka.attrelid = c.oid
                        AND NOT (ka.attnotnull AND has_column_privilege(c.oid, ka.attnum, 'SELECT'))
                        AND ka.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))
    ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1), '{}') AS key) AS identity
WHERE (t.typname IN ('vector', 'halfvec', 'sparsevec') AND t.typtype = 'b'
       OR t.oid = 'bit'::regtype AND COALESCE(d.modifier, a.atttypmod) > 1)
  AND a.attnum > 0 AND NOT a.attisdropped
  AND c.relkind IN ('r', 'p', 'm', 'v', 'f') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname <> ALL (:own_schemas)
  -- Without a key, rows are told apart by ctid or the whole row, which only a grant on the table lets read.
  AND :readable = (
    has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
    AND (identity.key <> '{}' OR has_table_privilege(c.oid, 'SELECT')))
  AND (:schema IS NULL OR (n.nspname, c.relname, a.attname) = (:schema, :table, :column))
ORDER BY n.nspname, c.relname, a.attnum
""")


def column_rows(
    connection: Connection, name: Sequence[str | None] = EVERY, *, readable: bool = True
) -> Sequence[Row[Any]]:
    """Find the vector columns, or the one of this ``name``; our own schemas left out.

    With ``readable`` off, those whose vectors this role may not read, or whose rows it cannot tell apart.
    """
    wanted = dict(zip(("schema", "table", "column"), name, strict=True))
    own = {"own_schemas": list(OWN_SCHEMAS)}
    return connection.execute(_COLUMNS, wanted | own | {"readable": readable}).all()
