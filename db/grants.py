"""What the connected role may not read, and the grants that would let it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from db.catalog_rows import column_rows
from db.columns import spelled

_LACKING = text("""
WITH RECURSIVE needed (oid) AS (
  SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = :schema AND c.relname = :table
  UNION
  -- Such a view is read with the rights of whoever asks; any other with those of its owner.
  SELECT d.refobjid FROM needed
  JOIN pg_class v ON v.oid = needed.oid AND v.relkind = 'v'
  JOIN pg_rewrite w ON w.ev_class = v.oid
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                  AND d.refclassid = 'pg_class'::regclass
  WHERE EXISTS (SELECT FROM pg_options_to_table(v.reloptions)
                WHERE option_name = 'security_invoker' AND option_value::boolean)
)
SELECT n.nspname AS schema, c.relname AS table, current_user::text AS role,
       NOT has_schema_privilege(n.oid, 'USAGE') AS usage, NOT has_table_privilege(c.oid, 'SELECT') AS select
FROM needed
JOIN pg_class c ON c.oid = needed.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f')
  AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
ORDER BY n.nspname, c.relname
""")


@dataclass(frozen=True, slots=True)
class Grant:
    """What ``role`` lacks to read a table: ``usage`` of its schema, ``select`` on it, or both."""

    schema: str
    table: str
    role: str
    usage: bool
    select: bool

    def __str__(self) -> str:
        """Name the table."""
        return spelled(self.schema, self.table)

    @property
    def statements(self) -> Iterator[str]:
        """What the table's owner has to run.

        >>> list(Grant("public", "Film Reviews", "ann", usage=False, select=True).statements)
        ['GRANT SELECT ON public."Film Reviews" TO ann;']
        """
        role = spelled(self.role)
        if self.usage:
            yield f"GRANT USAGE ON SCHEMA {spelled(self.schema)} TO {role};"
        if self.select:
            yield f"GRANT SELECT ON {self} TO {role};"

    def is_named_in(self, sentence: str) -> bool:
        """Whether PostgreSQL's sentence, in whatever language, is about what is lacking here.

        >>> lacking = Grant("shop", "films", "ann", usage=True, select=False)
        >>> lacking.is_named_in("permission denied for schema shop")
        True
        >>> lacking.is_named_in("permission denied for schema shop_2")
        False
        """
        names = [self.schema] * self.usage + [self.table] * self.select
        return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sentence, re.ASCII) for name in names)


def unreadable(connection: Connection) -> tuple[Grant, ...]:
    """List the tables with vectors that this role may not read, by the rule of the catalog."""
    rows = (row for row in column_rows(connection, readable=False) if not row.is_partition)
    found = (Grant(row.schema, row.table, row.role, row.lacks_usage, row.lacks_select) for row in rows)
    return tuple(dict.fromkeys(found))


def lacking(connection: Connection, schema: str, table: str) -> tuple[Grant, ...]:
    """Say what this role lacks to read one table, or what its view reads; nothing where it lacks nothing."""
    return tuple(Grant(*row) for row in connection.execute(_LACKING, {"schema": schema, "table": table}))
