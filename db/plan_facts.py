"""What a plan's tables and columns are, beside what the plan says: for whoever explains the plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnClause, Connection, Select, Text, cast, func, select, text
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.exc import DBAPIError

from db.columns import VectorColumn
from db.distance import Distance
from db.errors import StatementTimeout
from db.explain import Plan
from db.index_catalog import IndexInfo, vector_indexes
from db.norms import norm
from db.savepoint import refused_with, set_for_now, within
from db.survey import is_zero

INSUFFICIENT_PRIVILEGE = "42501"

FIRST_ROWS = 1000
"""Among how many rows a vector is looked for that is not zero."""

COUNT_TIMEOUT_MS = 1000
"""What counting rows that no index holds may take; beyond it, nothing is said of them."""

_RELATIONS = text("""
SELECT c.oid AS relation, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
       GREATEST(c.reltuples, 0)::float8 AS rows, row_security_active(c.oid) AS row_security,
       pg_stat_get_live_tuples(c.oid) AS live_rows, pg_stat_get_dead_tuples(c.oid) AS dead_rows,
       COALESCE(pg_partition_root(c.oid), c.oid)::oid AS root,
       ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0) AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest(CAST(:schemas AS text[]), CAST(:names AS text[])))
""")

_COLUMNS = text("""
SELECT a.attrelid AS relation, n.nspname AS schema, c.relname AS "table", a.attname AS "column",
       t.typname AS type, NULLIF(a.atttypmod, -1) AS dimensions
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attrelid = ANY (:relations) AND a.attnum > 0 AND NOT a.attisdropped
  AND t.typname IN ('vector', 'halfvec', 'sparsevec', 'bit')
ORDER BY a.attrelid, a.attnum
""")

_VOLATILE = text("""
SELECT DISTINCT proname::text FROM pg_proc WHERE proname = ANY (:names) AND provolatile = 'v'
""")

_NOT_BUILT_IN = text("""
SELECT DISTINCT proname::text FROM pg_proc
WHERE proname = ANY (:names) AND pronamespace <> 'pg_catalog'::regnamespace
""")

_SETTINGS = text("""
SELECT name, current_setting(name, true)
FROM unnest(ARRAY['hnsw.ef_search', 'hnsw.iterative_scan', 'hnsw.max_scan_tuples',
                  'hnsw.scan_mem_multiplier', 'ivfflat.probes', 'ivfflat.iterative_scan',
                  'work_mem', 'random_page_cost', 'cursor_tuple_fraction']) AS name
WHERE '[1]'::vector IS NOT NULL AND current_setting(name, true) IS NOT NULL
UNION ALL SELECT 'work_mem_bytes', pg_size_bytes(current_setting('work_mem'))::text
UNION ALL SELECT 'server_version_num', current_setting('server_version_num')
""")
"""The vector literal loads pgvector's library: until then its settings are unknown to the session."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table that a plan reads; ``root`` is the oid of the partitioned table it is a part of, or its own.

    ``rows`` is the planner's estimate, 0 before the first ANALYZE; ``live_rows`` and ``dead_rows`` are
    the statistics' counts.  ``row_security`` holds for this role.
    """

    relation: int
    schema: str
    name: str
    kind: str
    rows: float
    row_security: bool
    live_rows: int
    dead_rows: int
    root: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What the catalogs know of the tables a plan reads.

    ``columns`` are the vector columns, ``indexes`` those on them, both by the oid of the table; of a
    partition, the partitioned table's too.
    """

    relations: tuple[Relation, ...]
    columns: tuple[tuple[int, VectorColumn], ...]
    indexes: Mapping[tuple[int, str], tuple[IndexInfo, ...]]

    def index_named(self, name: str | None) -> IndexInfo | None:
        """Find a vector index by its name."""
        return next((i for found in self.indexes.values() for i in found if i.name == name), None)

    def family(self, root: int) -> tuple[Relation, ...]:
        """List the relations read that are the table with this oid, or parts of it."""
        return tuple(relation for relation in self.relations if relation.root == root)


def plan_facts(connection: Connection, plan: Plan) -> PlanFacts:
    """Look up what ``plan``, an EXPLAIN (VERBOSE), reads."""
    read = sorted(set(_read(plan.document["Plan"])))
    named = {"schemas": [schema for schema, _ in read], "names": [name for _, name in read]}
    relations = tuple(_relation(row._asdict()) for row in connection.execute(_RELATIONS, named))
    oids = sorted({oid for r in relations for oid in (r.relation, r.root)})
    columns = tuple(_column(row._asdict()) for row in connection.execute(_COLUMNS, {"relations": oids}))
    return PlanFacts(relations, columns, vector_indexes(connection, oids))


def settings_in_force(connection: Connection, changed: Mapping[str, str]) -> dict[str, str]:
    """Tell the settings that decide over a vector scan, once ``changed`` ones are made."""
    with set_for_now(connection, changed):
        return dict(connection.execute(_SETTINGS).all())


def volatile_functions(connection: Connection, names: Iterable[str]) -> frozenset[str]:
    """Which of these functions are declared VOLATILE, so that the planner cannot compute them once."""
    return frozenset(connection.execute(_VOLATILE, {"names": list(names)}).scalars())


def not_built_in(connection: Connection, names: Iterable[str]) -> frozenset[str]:
    """Which of these names somebody has given to a function of their own, whatever PostgreSQL's does."""
    return frozenset(connection.execute(_NOT_BUILT_IN, {"names": list(names)}).scalars())


def sample_value(connection: Connection, relation: Relation, name: str) -> str | None:
    """Read some value of a column as text; None where there is none, or this role may not read it."""
    value: ColumnClause[Any] = sql_column(name)
    rows = sql_table(relation.name, value, schema=relation.schema)
    wanted = select(cast(value, Text)).select_from(rows).where(value.is_not(None)).limit(1)
    return _read_one(connection, wanted)


def sample_vector(connection: Connection, column: VectorColumn) -> str | None:
    """Read the vector of some row as text, a zero one only where the first thousand rows hold no other.

    None where there is none, or this role may not read it.
    """
    vector = column.as_table().c[column.column]
    first = select(vector).where(vector.is_not(None)).limit(FIRST_ROWS).subquery()
    sampled = first.c[column.column]
    return _read_one(
        connection, select(cast(sampled, Text)).order_by(norm(sampled, column.type) == 0).limit(1)
    )


def _read_one(connection: Connection, wanted: Select[Any]) -> str | None:
    try:
        with set_for_now(connection, {}):
            found: str | None = connection.execute(wanted).scalar()
    except DBAPIError as error:
        if not refused_with(error, INSUFFICIENT_PRIVILEGE):
            raise
        return None
    return found


def count_unindexed(
    connection: Connection, column: VectorColumn, distance: Distance
) -> tuple[int, int] | None:
    """Count the rows whose vector is NULL, and those whose vector is zero and so has no such distance.

    None where counting takes longer than COUNT_TIMEOUT_MS, or this role may read a view of them only.
    """
    rows = column.as_table()
    vector = rows.c[column.column]
    nulls = func.count().filter(vector.is_(None))
    wanted = select(nulls, func.count().filter(is_zero(vector, distance))).select_from(rows)
    try:
        with within(connection, COUNT_TIMEOUT_MS):
            counted = connection.execute(wanted).one()
    except StatementTimeout:
        return None
    except DBAPIError as error:
        if not refused_with(error, INSUFFICIENT_PRIVILEGE):
            raise
        return None
    return counted[0], counted[1]


def _read(step: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "Relation Name" in step and "Schema" in step:
        yield step["Schema"], step["Relation Name"]
    for child in _below(step):
        yield from _read(child)


def _below(step: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    plans: Sequence[Mapping[str, Any]] = step.get("Plans", ())
    return plans


def _relation(facts: dict[str, Any]) -> Relation:
    return Relation(**facts | {"columns": tuple(facts["columns"])})


def _column(facts: dict[str, Any]) -> tuple[int, VectorColumn]:
    return facts.pop("relation"), VectorColumn(**facts, key=())
