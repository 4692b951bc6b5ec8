"""The vector indexes a table has, as the catalogs tell it.

Which distance an index serves is read from its operator class's ordering operator in pg_amop, and
which column it belongs to from pg_index and pg_depend, never from a name.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from db.distance import Distance, distance_of_operator
from db.indexes import METHODS, IndexMethod

_INDEXES = text("""
WITH held AS MATERIALIZED (
  -- Tables that somebody holds, or an index of: what asks for their size would wait, maybe for hours.
  SELECT COALESCE(i.indrelid, l.relation) AS relation
  FROM pg_locks l LEFT JOIN pg_index i ON i.indexrelid = l.relation
  WHERE l.mode = 'AccessExclusiveLock' AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
SELECT i.indrelid AS relation, a.attname AS "column", ci.relname AS name, am.amname AS method,
       opc.opcname AS operator_class, o.oprname AS operator, ci.reloptions,
       CASE WHEN i.indkey[0] <> 0 THEN quote_ident(a.attname)
            WHEN i.indrelid IN (SELECT relation FROM held) THEN ''
            ELSE pg_get_indexdef(i.indexrelid, 1, true) END AS key,
       CASE WHEN i.indpred IS NULL THEN NULL WHEN i.indrelid IN (SELECT relation FROM held) THEN ''
            ELSE pg_get_expr(i.indpred, i.indrelid, true) END AS predicate,
       i.indkey[0] = 0 AS is_expression, i.indisvalid AS valid, i.indisready AS ready,
       disk.size_bytes, disk.scans
FROM pg_index i
JOIN pg_class ci ON ci.oid = i.indexrelid
JOIN pg_am am ON am.oid = ci.relam
JOIN pg_opclass opc ON opc.oid = i.indclass[0]
JOIN pg_type ot ON ot.oid = opc.opcintype AND ot.typname IN ('vector', 'halfvec', 'sparsevec', 'bit')
JOIN pg_amop ao ON ao.amopfamily = opc.opcfamily AND ao.amoppurpose = 'o' AND ao.amoplefttype = ot.oid
JOIN pg_operator o ON o.oid = ao.amopopr
JOIN pg_attribute a ON a.attrelid = i.indrelid
  AND (a.attnum = i.indkey[0]
       -- An expression index belongs to the column its expression reads.
       OR i.indkey[0] = 0 AND EXISTS (
         SELECT FROM pg_depend d
         WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
           AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))
CROSS JOIN LATERAL (
  SELECT COALESCE(sum(pg_relation_size(part.oid)), 0)::bigint AS size_bytes,
         COALESCE(sum(pg_stat_get_numscans(part.oid)), 0)::bigint AS scans
  FROM (SELECT ci.oid WHERE ci.relkind = 'i'
        UNION ALL SELECT relid FROM pg_partition_tree(ci.oid) WHERE isleaf AND ci.relkind = 'I') AS part (oid)
  JOIN pg_index pi ON pi.indexrelid = part.oid
  WHERE pi.indrelid NOT IN (SELECT relation FROM held WHERE relation IS NOT NULL)) AS disk
WHERE i.indrelid = ANY (:relations)
ORDER BY i.indrelid, i.indexrelid
""")


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """One approximate index on a vector column.

    ``distance`` is None for an operator that is not pgvector's.  ``options`` are those the index was
    declared with, defaults filled in; an ALTER INDEX ... SET shows here at once, but the graph keeps
    what it was built with until REINDEX.  ``key`` is the column, or the expression that is indexed;
    ``predicate`` the WHERE of a partial index.  ``scans`` counts those of this server since its
    statistics were reset; replicas count their own.
    """

    name: str
    method: str
    operator_class: str
    distance: Distance | None
    options: Mapping[str, int | str]
    key: str
    predicate: str | None
    is_expression: bool
    valid: bool
    ready: bool
    size_bytes: int
    scans: int

    @property
    def as_method(self) -> IndexMethod | None:
        """The method with its options; None where these cannot be told, or the method is not pgvector's."""
        if self.method not in METHODS:
            return None
        method = METHODS[self.method]
        known = {parameter.name for parameter in method.parameters()}
        return method(**{name: int(v) for name, v in self.options.items() if name in known})

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form."""
        return asdict(self) | {
            "distance": self.distance and self.distance.stem,
            "options": dict(self.options),
        }


def vector_indexes(
    connection: Connection, relations: Sequence[int]
) -> Mapping[tuple[int, str], tuple[IndexInfo, ...]]:
    """Read the vector indexes of the tables with these oids, by (oid, column), oldest first."""
    found = defaultdict[tuple[int, str], tuple[IndexInfo, ...]](tuple)
    for row in connection.execute(_INDEXES, {"relations": list(relations)}):
        found[row.relation, row.column] += (_index(row),)
    return found


def _index(row: Row[Any]) -> IndexInfo:
    facts = row._asdict()
    del facts["relation"], facts["column"]
    given = facts.pop("reloptions")
    return IndexInfo(
        **facts | {"distance": distance_of_operator(facts.pop("operator"))},
        options=typed_options(row.method, given or ()),
    )


def typed_options(method: str, reloptions: Sequence[str]) -> dict[str, int | str]:
    """Read pg_class.reloptions, the method's defaults filled in.

    >>> typed_options("hnsw", ["m=8"])
    {'m': 8, 'ef_construction': 64}
    """
    return _defaults(method) | _typed(reloptions)


def _defaults(method: str) -> dict[str, int | str]:
    return dict(METHODS[method]().options) if method in METHODS else {}


def _typed(reloptions: Sequence[str]) -> dict[str, int | str]:
    options = dict(option.split("=", 1) for option in reloptions)
    return {name: int(value) if value.isdigit() else value for name, value in options.items()}
