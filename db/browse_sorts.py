"""Which columns rows can be ordered by, and which of those orders an index keeps at hand."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from db.columns import VectorColumn

_SORTS = text("""
SELECT a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
       EXISTS (SELECT FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
               JOIN pg_am am ON am.oid = ic.relam AND am.amname = 'btree'
               WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum AND i.indisvalid AND i.indpred IS NULL)
         AS indexed
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
-- A domain is ordered as the type below it, an array as its elements.
JOIN pg_type b ON b.oid = COALESCE(NULLIF(t.typbasetype, 0),
                                   CASE t.typcategory WHEN 'A' THEN NULLIF(t.typelem, 0) END, t.oid)
WHERE n.nspname = :schema AND c.relname = :table AND a.attname <> :column
  AND a.attnum > 0 AND NOT a.attisdropped
  AND b.typname NOT IN ('vector', 'halfvec', 'sparsevec')
  AND has_column_privilege(c.oid, a.attnum, 'SELECT')
  AND (b.typtype IN ('e', 'r', 'm')
       OR EXISTS (SELECT FROM pg_opclass o JOIN pg_am am ON am.oid = o.opcmethod AND am.amname = 'btree'
                  WHERE o.opcdefault
                    AND (o.opcintype = b.oid
                         OR EXISTS (SELECT FROM pg_cast k WHERE k.castsource = b.oid
                                    AND k.casttarget = o.opcintype AND k.castmethod = 'b'))))
ORDER BY COALESCE(array_position(CAST(:key AS text[]), a.attname::text), 1000), a.attnum
""")


@dataclass(frozen=True, slots=True)
class Sortable:
    """A column that rows can be ordered by; where it is not ``indexed``, every page reads the whole table."""

    column: str
    type: str
    indexed: bool


def sorts(connection: Connection, column: VectorColumn) -> tuple[Sortable, ...]:
    """List the columns that have an order, the key's first."""
    named = {"schema": column.schema, "table": column.table, "column": column.column}
    found = connection.execute(_SORTS, named | {"key": list(column.key)})
    return tuple(Sortable(row.column, row.type, row.indexed) for row in found)
