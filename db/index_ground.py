"""The table an index is to be built on, as the login that would build it sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from db.catalog import KINDS
from db.columns import VectorColumn
from db.errors import TableNotFound

_GROUND = text("""
SELECT c.oid::bigint AS oid, c.relkind AS kind, pg_get_userbyid(c.relowner)::text AS owner,
       current_user::text AS role, pg_has_role(c.relowner, 'USAGE') AS is_owner,
       has_schema_privilege(n.oid, 'CREATE') AS can_create, pg_is_in_recovery() AS in_recovery,
       ARRAY(SELECT i.indexrelid::bigint FROM pg_index i WHERE i.indrelid = c.oid) AS index_oids,
       ARRAY(SELECT o.relname::text FROM pg_class o WHERE o.relnamespace = c.relnamespace) AS taken
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = :table
""")
_PARTITIONS = text("""
SELECT n.nspname::text AS schema, c.relname::text AS "table", pn.nspname::text AS parent_schema,
       p.relname::text AS parent, part.isleaf AS is_leaf
FROM pg_partition_tree(CAST(CAST(:oid AS bigint) AS oid)) AS part
JOIN pg_class c ON c.oid = part.relid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class p ON p.oid = part.parentrelid
JOIN pg_namespace pn ON pn.oid = p.relnamespace
WHERE part.level > 0
ORDER BY part.level, c.relname
""")
_HOLDERS = text("""
SELECT DISTINCT a.pid, a.application_name AS application, a.usename::text AS "user", a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float AS open_s
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.relation = CAST(CAST(:oid AS bigint) AS oid) AND l.granted AND l.locktype = 'relation'
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.mode IN ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                 'AccessExclusiveLock')
  AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
ORDER BY open_s DESC NULLS LAST
""")
_TRY_TURN = text("SELECT pg_try_advisory_lock(:namespace, CAST(CAST(:oid AS bigint) - 2147483648 AS int))")

_TURNS = 0x5653
"""Our advisory locks of two numbers ("VS"): of a table, by its oid, for who changes its indexes."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What decides whether an index can be built; ``taken`` are the names its schema knows already.

    ``is_owner`` and ``can_create`` speak of ``role``, the login that asks.
    """

    oid: int
    kind: str
    owner: str
    role: str
    is_owner: bool
    can_create: bool
    in_recovery: bool
    index_oids: tuple[int, ...]
    taken: frozenset[str]
    partitions: tuple[Partition, ...]


@dataclass(frozen=True, slots=True)
class Partition:
    """One part of a partitioned table, at any level; a leaf holds rows."""

    schema: str
    table: str
    parent_schema: str
    parent: str
    is_leaf: bool


@dataclass(frozen=True, slots=True)
class Blocker:
    """A session that keeps another waiting; ``open_s`` is the age of its transaction."""

    pid: int
    application: str
    user: str | None
    state: str | None
    open_s: float | None

    def __str__(self) -> str:
        age = "" if self.open_s is None else f", open {self.open_s:,.0f} s"
        return f"pid {self.pid} ({self.application or 'no name'}, {self.state or 'unknown'}{age})"

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}


def ground(connection: Connection, column: VectorColumn) -> Ground:
    """Look at a column's table.  Raises TableNotFound where it has gone."""
    row = connection.execute(_GROUND, {"schema": column.schema, "table": column.table}).first()
    if row is None:
        raise TableNotFound(f"The table of {column} has gone.")
    facts = row._asdict()
    parts = connection.execute(_PARTITIONS, {"oid": row.oid}) if row.kind == "p" else ()
    return Ground(
        **facts
        | {
            "kind": KINDS[row.kind],
            "index_oids": tuple(row.index_oids),
            "taken": frozenset(row.taken),
            "partitions": tuple(Partition(**part._mapping) for part in parts),
        }
    )


def writers(connection: Connection, oid: int) -> tuple[Blocker, ...]:
    """List who holds a lock on a table that a concurrent build has to wait for, oldest first.

    Autovacuum is none of them: it makes way.
    """
    return tuple(blocker(row._mapping) for row in connection.execute(_HOLDERS, {"oid": oid}))


def blocker(row: Mapping[Any, Any]) -> Blocker:
    """Make a Blocker of a row of pg_stat_activity."""
    return Blocker(**{name: row[name] for name in Blocker.__slots__})


def try_turn(connection: Connection, oid: int) -> bool:
    """Take the right to change a table's indexes, for as long as the session lasts; False if taken."""
    return bool(connection.execute(_TRY_TURN, {"namespace": _TURNS, "oid": oid}).scalar_one())
