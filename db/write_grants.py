"""What the connected role lacks to bring rows into a table, or to make one, with the grants that help."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, text

from db.remedies import quoted
from db.targets import Target

_SCHEMA = text("""
SELECT current_user::text AS role,
       array_remove(ARRAY[
         CASE WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN 'USAGE' END,
         CASE WHEN :creating AND NOT has_schema_privilege(n.oid, 'CREATE') THEN 'CREATE' END], NULL) AS rights
FROM pg_namespace n WHERE n.nspname = :schema
""")

_TABLE = text("""
SELECT current_user::text AS role,
       array_remove(ARRAY[
         CASE WHEN CAST(:read AS text[]) <> '{}' AND NOT has_table_privilege(:oid, 'SELECT')
               AND EXISTS (SELECT FROM unnest(CAST(:read AS text[])) AS c (name)
                           WHERE NOT has_column_privilege(:oid, c.name, 'SELECT')) THEN 'SELECT' END,
         CASE WHEN NOT has_table_privilege(:oid, 'INSERT') THEN 'INSERT' END,
         CASE WHEN CAST(:updated AS text[]) <> '{}' AND NOT has_table_privilege(:oid, 'UPDATE')
               AND EXISTS (SELECT FROM unnest(CAST(:updated AS text[])) AS c (name)
                           WHERE NOT has_column_privilege(:oid, c.name, 'UPDATE')) THEN 'UPDATE' END
       ], NULL) AS rights
""")
"""INSERT on single columns is not enough: only that on the table lets an import lock its shape."""

_SEQUENCES = text("""
SELECT current_user::text AS role, n.nspname AS schema, s.relname AS name
FROM pg_attrdef d
JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
                AND p.refclassid = 'pg_class'::regclass
JOIN pg_class s ON s.oid = p.refobjid
JOIN pg_namespace n ON n.oid = s.relnamespace
WHERE d.adrelid = :oid AND a.attname <> ALL (CAST(:brought AS text[]))
  -- In this order: of what is no sequence it may not be asked.
  AND CASE s.relkind WHEN 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE, UPDATE') END
ORDER BY a.attnum
""")
"""A default asks the sequence with the rights of whoever inserts; an identity column does not."""

_OWNED = text("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = :oid")


@dataclass(frozen=True, slots=True)
class WriteGrant:
    """``rights`` that ``role`` lacks on something, which is written as GRANT takes it.

    >>> WriteGrant("ann", ("INSERT", "UPDATE"), 'public."Film Reviews"').statement
    'GRANT INSERT, UPDATE ON public."Film Reviews" TO ann;'
    """

    role: str
    rights: tuple[str, ...]
    on: str

    @property
    def statement(self) -> str:
        """What the owner has to run."""
        return f"GRANT {', '.join(self.rights)} ON {self.on} TO {quoted(self.role)};"


def lacking_to_create(connection: Connection, schema: str) -> tuple[WriteGrant, ...]:
    """Say what this role lacks to make a table in a schema; nothing where it lacks nothing."""
    return _on_schema(connection, schema, creating=True)


def lacking_to_fill(
    connection: Connection,
    target: Target,
    *,
    brought: Collection[str],
    read: Collection[str] = (),
    updated: Collection[str] = (),
) -> tuple[WriteGrant, ...]:
    """Say what this role lacks to insert rows of the columns ``brought``.

    ``read`` are the columns that are looked at where a row may be there, ``updated`` those it gets anew.
    """
    asked = {"oid": target.oid, "read": list(read), "updated": list(updated)}
    table = connection.execute(_TABLE, asked).one()
    on_table = (WriteGrant(table.role, tuple(table.rights), quoted(target.schema, target.name)),)
    sequences = connection.execute(_SEQUENCES, {"oid": target.oid, "brought": list(brought)})
    return (
        *_on_schema(connection, target.schema, creating=False),
        *(on_table if table.rights else ()),
        *(WriteGrant(s.role, ("USAGE",), f"SEQUENCE {quoted(s.schema, s.name)}") for s in sequences),
    )


def owns(connection: Connection, target: Target) -> bool:
    """Whether this role may alter the table, and comment on its columns."""
    return bool(connection.scalar(_OWNED, {"oid": target.oid}))


def _on_schema(connection: Connection, schema: str, *, creating: bool) -> tuple[WriteGrant, ...]:
    found = connection.execute(_SCHEMA, {"schema": schema, "creating": creating}).one()
    on = f"SCHEMA {quoted(schema)}"
    return (WriteGrant(found.role, tuple(found.rights), on),) if found.rights else ()
