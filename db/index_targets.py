"""An existing vector index that somebody wants dropped or rebuilt, and whether that may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Connection, text

from db.columns import VectorColumn, spelled
from db.errors import PermissionDenied, RequestError, TableNotFound
from db.index_catalog import typed_options

_TARGETS = text("""
SELECT ci.oid::bigint AS oid, n.nspname::text AS schema, ct.relname::text AS "table",
       ci.relname::text AS name, a.attname::text AS "column",
       am.amname::text AS method, opc.opcname::text AS operator_class,
       ci.reloptions, i.indisvalid AS valid, ci.relkind = 'I' AS is_partitioned, ci.relispartition AS is_part,
       (SELECT k.conname::text FROM pg_constraint k
        WHERE k.conindid = ci.oid AND k.contype IN ('p', 'u', 'x')) AS "constraint",
       pg_get_userbyid(ct.relowner)::text AS owner, pg_has_role(ct.relowner, 'USAGE') AS is_owner,
       GREATEST(ct.reltuples, 0)::bigint AS rows,
       ARRAY(SELECT o.indexrelid::bigint FROM pg_index o WHERE o.indrelid = ct.oid) AS index_oids,
       ct.oid::bigint AS table_oid
FROM pg_index i
JOIN pg_class ci ON ci.oid = i.indexrelid
JOIN pg_class ct ON ct.oid = i.indrelid
JOIN pg_namespace n ON n.oid = ci.relnamespace
JOIN pg_am am ON am.oid = ci.relam
JOIN pg_opclass opc ON opc.oid = i.indclass[0]
LEFT JOIN LATERAL (
  SELECT a.attname FROM pg_attribute a
  WHERE a.attrelid = i.indrelid
    AND (a.attnum = i.indkey[0] OR i.indkey[0] = 0 AND EXISTS (
           SELECT FROM pg_depend d
           WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
             AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid
             AND d.refobjsubid = a.attnum))
  ORDER BY a.attnum LIMIT 1) AS a ON true
WHERE n.nspname = :schema
""")
_METHODS = frozenset({"hnsw", "ivfflat"})


@dataclass(frozen=True, slots=True)
class IndexTarget:
    """One index as the catalog has it.  ``constraint`` is what it backs, None for an index by itself."""

    oid: int
    schema: str
    table: str
    name: str
    column: str
    method: str
    operator_class: str
    options: Mapping[str, int | str]
    valid: bool
    is_partitioned: bool
    is_part: bool
    constraint: str | None
    owner: str
    is_owner: bool
    rows: int
    index_oids: tuple[int, ...]
    table_oid: int

    def __str__(self) -> str:
        return spelled(self.schema, self.name)

    @property
    def indexed(self) -> VectorColumn:
        """The column it is on."""
        return VectorColumn(self.schema, self.table, self.column, "vector", None, ())

    def check(self, doing: str) -> None:
        """Raise where ``doing`` (dropped, rebuilt) cannot be done to it beside running transactions.

        RequestError for what is no vector index, backs a constraint or has parts; PermissionDenied for
        somebody else's.
        """
        if self.constraint:
            raise RequestError(
                f"{self} backs the constraint {self.constraint} and cannot be {doing} by itself.",
                f"Change the constraint: ALTER TABLE {spelled(self.schema, self.table)} "
                f"DROP CONSTRAINT {spelled(self.constraint)}",
            )
        if self.method not in _METHODS:
            raise RequestError(
                f"{self} is a {self.method} index, not one on vectors.",
                "Only vector indexes are changed from here.",
            )
        if self.is_partitioned or (self.is_part and doing == "dropped"):
            raise RequestError(
                f"{self} belongs to a partitioned table, whose indexes cannot be {doing} concurrently.",
                "Rebuild the partitions' own indexes one by one; DROP INDEX of the parent's drops all at "
                "once, and blocks the table while it does.",
            )
        if not self.is_owner:
            raise PermissionDenied(
                f"{spelled(self.schema, self.table)} belongs to {self.owner}: "
                f"only its owner can have {self} {doing}.",
                "Hand the statement over to its owner.",
            )


def find_index(connection: Connection, schema: str, name: str) -> IndexTarget:
    """Find an index by its name.  Raises TableNotFound, naming what comes nearest."""
    known = {row.name: row for row in connection.execute(_TARGETS, {"schema": schema})}
    if name not in known:
        near = get_close_matches(name, known, n=1)
        raise TableNotFound(
            f"There is no index {spelled(schema, name)}.",
            f"Did you mean {spelled(schema, near[0])}?"
            if near
            else "List them: python -m dashboard index list",
        )
    return _target(known[name])


def _target(row: Any) -> IndexTarget:
    facts = row._asdict()
    return IndexTarget(
        **facts
        | {
            "options": typed_options(row.method, facts.pop("reloptions") or ()),
            "column": row.column or "",
            "index_oids": tuple(row.index_oids),
        }
    )
