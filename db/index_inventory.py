"""Every vector index there is, with what its size, its use and our record of it tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from db.catalog import ColumnInfo
from db.index_builds import IndexBuild, finished_builds, leftovers
from db.index_catalog import IndexInfo
from db.indexes import IndexMethod

_DETAILS = text("""
SELECT n.nspname::text AS schema, ci.relname::text AS name, ci.oid::bigint AS oid,
       pg_get_indexdef(ci.oid) AS definition,
       COALESCE(pg_stat_get_dead_tuples(i.indrelid), 0) AS dead_rows,
       COALESCE(pg_stat_get_live_tuples(i.indrelid), 0) AS live_rows,
       COALESCE(io.idx_blks_hit, 0) AS hits, COALESCE(io.idx_blks_read, 0) AS reads,
       pg_get_userbyid(ct.relowner)::text AS owner,
       EXISTS (SELECT FROM pg_stat_progress_create_index p
               WHERE p.datname = current_database() AND p.index_relid = ci.oid) AS is_being_built
FROM pg_index i
JOIN pg_class ci ON ci.oid = i.indexrelid
JOIN pg_class ct ON ct.oid = i.indrelid
JOIN pg_namespace n ON n.oid = ci.relnamespace
JOIN pg_am am ON am.oid = ci.relam
LEFT JOIN pg_statio_all_indexes io ON io.indexrelid = ci.oid
WHERE am.amname IN ('hnsw', 'ivfflat')
  -- What somebody holds would keep pg_get_indexdef waiting.
  AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.relation = i.indrelid AND l.granted
                  AND l.mode = 'AccessExclusiveLock')
""")


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What the catalog's inventory does not tell of an index.

    ``hits`` and ``reads`` count its pages found in shared_buffers, and not, since the statistics' reset;
    ``live_rows`` and ``dead_rows`` are its table's.  ``build`` is our record of how it came about, None
    where somebody else made it; ``is_leftover`` is an INVALID one that the janitor is about to drop.
    """

    oid: int
    definition: str
    owner: str
    dead_rows: int
    live_rows: int
    hits: int
    reads: int
    is_being_built: bool
    build: IndexBuild | None = None
    is_leftover: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """One index of the inventory.  ``facts`` is None where its table is held exclusively now."""

    column: ColumnInfo
    index: IndexInfo
    facts: IndexFacts | None

    @property
    def state(self) -> str:
        """Say valid, building, or invalid."""
        if self.index.valid:
            return "valid"
        return "building" if self.facts and self.facts.is_being_built else "invalid"

    @property
    def method(self) -> IndexMethod | None:
        """The method with its options; None where these cannot be told, or the method is not pgvector's."""
        return self.index.as_method

    @property
    def built_with(self) -> Mapping[str, Any] | None:
        """The options it was built with by our record; None where they are not known.

        ALTER INDEX ... SET changes what the catalog says, while the index stays as it was built.
        """
        return self.facts.build.spec.get("options") if self.facts and self.facts.build else None

    @property
    def forecast_bytes(self) -> int | None:
        """What the formula says it takes for the rows there are; None for a part of them, or of a vector."""
        method, column = self.method, self.column
        if method is None or self.index.predicate or not column.rows or not column.dimensions:
            return None
        held = _held_type(self.index.operator_class)
        if self.index.is_expression and "subvector" in self.index.key:
            return None
        filled = round(column.rows * (1 - (column.null_share or 0)))
        return method.size_forecast_bytes(filled, column.dimensions, held) if held != "sparsevec" else None

    @property
    def dead_share(self) -> float | None:
        """Share of the table's rows that are dead, and stay in the index until VACUUM."""
        if not self.facts or not (total := self.facts.dead_rows + self.facts.live_rows):
            return None
        return self.facts.dead_rows / total

    @property
    def hit_share(self) -> float | None:
        """Share of its pages that were in shared_buffers when asked for; None while none was."""
        if not self.facts or not (total := self.facts.hits + self.facts.reads):
            return None
        return self.facts.hits / total

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form."""
        build = self.facts.build if self.facts else None
        return {
            "column": str(self.column),
            **self.index.to_document(),
            "operator": self.index.distance and self.index.distance.operator,
            "state": self.state,
            "forecast_bytes": self.forecast_bytes,
            "dead_share": self.dead_share,
            "cache_hit_share": self.hit_share,
            "built_with": self.built_with,
            "built_by": build and build.created_by,
            "built_at": build and build.finished_at and build.finished_at.isoformat(),
            "build_s": build and build.build_s,
            "sql": self.facts and self.facts.definition,
        }


def inventory(connection: Connection, columns: Sequence[ColumnInfo]) -> tuple[Listed, ...]:
    """List the indexes of ``columns`` with what is known of each, in the columns' order.

    Works where our own tables are missing, without their records.
    """
    known = _facts(connection)
    return tuple(
        Listed(column, index, known.get((column.schema, index.name)))
        for column in columns
        for index in column.indexes
    )


def _facts(connection: Connection) -> dict[tuple[str, str], IndexFacts]:
    builds, left = _records(connection)
    found = {}
    for row in connection.execute(_DETAILS):
        facts = row._asdict()
        name = facts.pop("schema"), facts.pop("name")
        found[name] = IndexFacts(**facts, build=builds.get(row.oid), is_leftover=row.oid in left)
    return found


def _records(connection: Connection) -> tuple[dict[int, IndexBuild], frozenset[int]]:
    """Read our records by the oid they made, the newest of each, and the oids that broken-off jobs left."""
    if not connection.execute(_MAY_READ).scalar_one():
        return {}, frozenset()
    builds = {build.index_oid: build for build in reversed(finished_builds(connection)) if build.index_oid}
    return builds, frozenset(own.oid for own in leftovers(connection))


_MAY_READ = text("""
SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'vectorscope' AND c.relname = 'index_build'
                 AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
""")


def _held_type(operator_class: str) -> str:
    """Tell which type an index holds, by the stem of pgvector's own operator classes.

    >>> _held_type("halfvec_cosine_ops")
    'halfvec'
    """
    return operator_class.partition("_")[0]
