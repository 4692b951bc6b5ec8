"""What there is to search: every vector column the role may read, with its table, key and indexes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Connection, Row, func, literal, select, table, text, union_all
from sqlalchemy.exc import DBAPIError

from db.catalog_rows import EVERY, column_rows
from db.columns import VectorColumn, spelled, split_name
from db.distance import Distance, distances_for
from db.errors import RequestError, StatementTimeout, TableNotFound
from db.index_catalog import IndexInfo, vector_indexes
from db.indexes import stored_bytes
from db.savepoint import UNDEFINED_TABLE, refused_with, within

KINDS = {
    "r": "table",
    "p": "partitioned table",
    "m": "materialized view",
    "v": "view",
    "f": "foreign table",
}
"""What can hold a column, by pg_class.relkind."""

COUNT_BUDGET_BYTES = 64 * 2**20
"""Tables are counted, smallest first, while this much heap is read in all; the rest is estimated.
Counting 64 MB takes some 50 ms from memory, which a page can spend."""

COUNT_TIMEOUT_MS = 1000
"""Where that takes longer, from a cold disk, the rows are estimated after all."""

_OTHER_COLUMNS = text("""
WITH RECURSIVE vectors (type) AS (
  SELECT oid FROM pg_type WHERE typname IN ('vector', 'halfvec', 'sparsevec')
  UNION SELECT t.oid FROM vectors v JOIN pg_type t ON t.typtype = 'd' AND t.typbasetype = v.type)
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       CASE WHEN t.typname IN ('json', 'jsonb') THEN 'json' ELSE t.typcategory::text END AS category
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname = :schema AND c.relname = :table AND a.attname <> :column
  AND a.atttypid NOT IN (SELECT type FROM vectors)
  AND a.attnum > 0 AND NOT a.attisdropped
  AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY a.attnum
""")

_HIDDEN_COLUMNS = text("""
SELECT a.attname AS name
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = :table AND a.attnum > 0 AND NOT a.attisdropped
  AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY a.attnum
""")


@dataclass(frozen=True, slots=True)
class ColumnInfo(VectorColumn):
    """A vector column and what is known about its table.

    ``rows`` is None where nobody can tell without reading (views, foreign tables never analyzed), and
    an estimate unless ``rows_exact``.  ``size_bytes`` is the table with its TOAST, ``total_bytes`` that
    and every index, ``column_bytes`` an estimate of what the vectors alone take.  ``null_share`` is
    known after ANALYZE.  A materialized view that is not ``populated`` cannot be read.
    """

    kind: str
    rows: int | None
    rows_exact: bool
    size_bytes: int
    total_bytes: int
    column_bytes: int | None
    null_share: float | None
    comment: str | None
    table_comment: str | None
    indexes: tuple[IndexInfo, ...]
    populated: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether its table is known to hold no row."""
        return self.rows == 0 and self.rows_exact

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form, as ``columns --json`` prints it."""
        document = {f: getattr(self, f) for f in ("schema", "table", "column", "type", "dimensions", "rows")}
        return document | {
            "rows_exact": self.rows_exact,
            "kind": self.kind,
            "size_bytes": self.size_bytes,
            "key": list(self.key),
            "indexes": [index.to_document() for index in self.indexes],
        }


@dataclass(frozen=True, slots=True)
class PlainColumn:
    """A column beside the vector: to show, and to filter by.

    ``category`` is pg_type.typcategory ('N' number, 'B' boolean, 'D' date or time, 'S' text, 'E' enum,
    'A' array...), with 'json' set apart.
    """

    name: str
    type: str
    category: str


def vector_columns(connection: Connection) -> tuple[ColumnInfo, ...]:
    """List every vector column in the schemas this role may read, by name; our own schemas left out."""
    return _read(connection, EVERY)


def find_column(connection: Connection, name: str) -> ColumnInfo:
    """Find the vector column called ``schema.table.column``.

    Raises TableNotFound, naming what comes nearest, and RequestError for a name that cannot be read, or
    a materialized view that was never filled.
    """
    try:
        wanted = split_name(name, 3)
    except RequestError as error:
        if near := _nearest(connection, name):
            raise RequestError(error.message, f"Did you mean {near}?") from error
        raise
    if found := _read(connection, wanted):
        check_populated(found[0])
        return found[0]
    near = _nearest(connection, name)
    raise TableNotFound(f"There is no vector column {name}.", f"Did you mean {near}?" if near else None)


def _nearest(connection: Connection, name: str) -> str | None:
    """Name the column that a mistyped name, or that of a table alone, comes nearest to."""
    known = {
        spelled: str(column)
        for column in reversed(vector_columns(connection))
        for spelled in (str(column), f"{column.table}.{column.column}", column.table)
    }
    near = get_close_matches(name, known, n=1)
    return known[near[0]] if near else None


def check_populated(column: ColumnInfo) -> None:
    """Raise RequestError for a materialized view that was never filled."""
    if not column.populated:
        view = spelled(column.schema, column.table)
        raise RequestError(
            f"The materialized view {view} is not populated: it holds nothing that could be read.",
            f"Fill it first: REFRESH MATERIALIZED VIEW {view}",
        )


def default_distance(column: ColumnInfo) -> Distance:
    """Choose the distance of the column's first valid index; without one, the type's usual distance."""
    known = distances_for(column.type)
    return next((i.distance for i in column.indexes if i.valid and i.distance in known), known[0])


def other_columns(connection: Connection, column: VectorColumn) -> tuple[PlainColumn, ...]:
    """List the columns of the table that hold no vector and may be read, in their order."""
    named = {"schema": column.schema, "table": column.table, "column": column.column}
    return tuple(PlainColumn(**row._asdict()) for row in connection.execute(_OTHER_COLUMNS, named))


def hidden_columns(connection: Connection, column: VectorColumn) -> tuple[str, ...]:
    """Name the columns of the table that this role may not read, where it may read others."""
    named = {"schema": column.schema, "table": column.table}
    return tuple(connection.execute(_HIDDEN_COLUMNS, named).scalars())


def _read(connection: Connection, name: Sequence[str | None]) -> tuple[ColumnInfo, ...]:
    rows = column_rows(connection, name)
    relations = {row.relation for row in rows}
    indexes = vector_indexes(connection, list(relations))
    counts = _counts(connection, rows)
    return tuple(_column(row, counts.get(row.relation), indexes[row.relation, row.column]) for row in rows)


def _column(row: Row[Any], counted: int | None, indexes: tuple[IndexInfo, ...]) -> ColumnInfo:
    rows = counted if counted is not None or row.rows is None else round(row.rows)
    column = VectorColumn(row.schema, row.table, row.column, row.type, row.dimensions, tuple(row.key))
    filled = None if rows is None else rows * (1 - (row.null_frac or 0))
    value_bytes = _value_bytes(column) or row.avg_width
    return ColumnInfo(
        **asdict(column),
        kind=KINDS[row.kind],
        rows=rows,
        rows_exact=counted is not None,
        size_bytes=row.size_bytes,
        total_bytes=row.total_bytes,
        column_bytes=round(filled * value_bytes) if filled is not None and value_bytes else None,
        null_share=row.null_frac,
        comment=row.comment,
        table_comment=row.table_comment,
        indexes=indexes,
        populated=row.populated,
    )


def _value_bytes(column: VectorColumn) -> int | None:
    if column.dimensions is None or column.type == "sparsevec":
        return None
    return stored_bytes(column.type, column.dimensions)


def _counts(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, int]:
    """Count the tables that are small enough, in one statement: relation -> rows."""
    counts, left = [], COUNT_BUDGET_BYTES
    countable = {row.relation: row for row in rows if row.kind in "rpm" and row.populated and not row.is_held}
    for relation, row in sorted(countable.items(), key=lambda item: item[1].heap_bytes):
        left -= row.heap_bytes
        if left < 0:
            break
        counted = table(row.table, schema=row.schema)
        counts.append(select(literal(relation), func.count()).select_from(counted))
    if not counts:
        return {}
    try:
        with within(connection, COUNT_TIMEOUT_MS):
            return dict(connection.execute(union_all(*counts)).all())
    except StatementTimeout:
        return {}
    except DBAPIError as error:
        # A table may also have gone since it was listed.
        if not refused_with(error, UNDEFINED_TABLE):
            raise
        return {}
