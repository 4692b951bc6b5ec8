"""The table an import goes into: its columns, what each must be given, and what tells its rows apart."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, select, table, text

from db.schema import OWN_SCHEMAS

_TARGET = text("""
SELECT c.oid::bigint AS oid, c.relkind::text AS kind,
       COALESCE((SELECT jsonb_agg(key ORDER BY is_primary DESC, id) FROM (
         SELECT i.indisprimary AS is_primary, i.indexrelid AS id,
                (SELECT jsonb_agg(ka.attname ORDER BY k.place)
                 FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
                 JOIN pg_attribute ka ON ka.attrelid = i.indrelid AND ka.attnum = k.attnum
                 WHERE k.place <= i.indnkeyatts) AS key
         FROM pg_index i
         WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
           AND i.indpred IS NULL AND i.indexprs IS NULL) AS unique_index), '[]') AS keys,
       EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary) AS has_primary
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = :table AND c.relkind NOT IN ('i', 'I', 'S', 't', 'c')
""")

_COLUMNS = text("""
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       CASE t.typtype WHEN 'b' THEN t.typname::text ELSE t.typtype::text END AS base,
       CASE WHEN t.typname IN ('vector', 'halfvec', 'sparsevec', 'bit') THEN NULLIF(a.atttypmod, -1)
       END AS dimensions,
       a.attnotnull OR t.typnotnull AS not_null, a.atthasdef AS has_default,
       a.attidentity::text AS identity, a.attgenerated <> '' AS generated,
       col_description(a.attrelid, a.attnum) AS comment
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = :oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
""")


_TABLES = text("""
SELECT n.nspname AS schema, c.relname AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> ALL (:own_schemas)
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT')
ORDER BY n.nspname <> 'public', n.nspname, c.relname LIMIT 1000
""")


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """A column of the table an import goes into.

    ``type`` is as format_type() spells it; ``base`` is pg_type.typname, or one letter (pg_type.typtype)
    for what is not a base type.  ``identity`` is 'a' (always), 'd' (by default) or ''.
    """

    name: str
    type: str
    base: str
    dimensions: int | None
    not_null: bool
    has_default: bool
    identity: str
    generated: bool
    comment: str | None

    @property
    def is_vector(self) -> bool:
        """Whether it holds what can be searched."""
        return self.base in {"vector", "halfvec", "sparsevec"} or (
            self.base == "bit" and (self.dimensions or 0) > 1
        )

    @property
    def is_computed(self) -> bool:
        """Whether only PostgreSQL may give it a value."""
        return self.generated or self.identity == "a"

    @property
    def is_required(self) -> bool:
        """Whether every row must bring a value for it."""
        return self.not_null and not (self.has_default or self.identity or self.generated)


@dataclass(frozen=True, slots=True)
class Target:
    """A table, and what tells its rows apart: ``keys`` are its unique keys, the primary one first."""

    schema: str
    name: str
    oid: int
    kind: str
    """pg_class.relkind: r is a table, p a partitioned one."""
    columns: tuple[TargetColumn, ...]
    keys: tuple[tuple[str, ...], ...]
    has_primary: bool

    def column(self, name: str) -> TargetColumn | None:
        """Find a column by name; None where there is none."""
        return next((c for c in self.columns if c.name == name), None)

    @property
    def fingerprint(self) -> str:
        """Digest what an import's plan depends on: the table itself, its columns, types and keys."""
        facts = asdict(self) | {"columns": [asdict(c) | {"comment": None} for c in self.columns]}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def writable_tables(connection: Connection) -> tuple[tuple[str, str], ...]:
    """List the tables that rows can be added to, as (schema, name); at most a thousand."""
    found = connection.execute(_TABLES, {"own_schemas": list(OWN_SCHEMAS)})
    return tuple((row.schema, row.name) for row in found)


def find_target(connection: Connection, schema: str, name: str) -> Target | None:
    """Describe what stands under a name; None where nothing does."""
    found = connection.execute(_TARGET, {"schema": schema, "table": name}).one_or_none()
    if found is None:
        return None
    columns = connection.execute(_COLUMNS, {"oid": found.oid})
    return Target(
        schema,
        name,
        found.oid,
        found.kind,
        tuple(TargetColumn(**row._mapping) for row in columns),
        tuple(map(tuple, found.keys)),
        found.has_primary,
    )


def holds_rows(connection: Connection, target: Target) -> bool:
    """Whether there is any row in the table."""
    stored = table(target.name, schema=target.schema)
    return bool(connection.scalar(select(select(1).select_from(stored).exists())))
