"""Scratch copies: a column's vectors in tables of our own, which a run may index and drop.

``run_<id>`` holds the rows to search, ``run_<id>_query`` the rows held out as queries.  Both are
UNLOGGED: they cost no WAL, and a crash of the server empties them, so ask ``is_filled`` before use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ExecutableDDLElement,
    Float,
    Integer,
    MetaData,
    Table,
    cast,
    delete,
    func,
    insert,
    inspect,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateSchema, CreateTable, DropTable
from sqlalchemy.sql.compiler import DDLCompiler

from db.columns import VectorColumn
from db.distance import Distance
from db.errors import RequestError
from db.indexes import PAGE_BYTES, stored_bytes
from db.schema import SCRATCH_SCHEMA

TOAST_BYTES = 2000
"""Rows above this keep the vector out of line, in chunks of as much.  Source: TOAST_TUPLE_THRESHOLD."""

LARGEST_SQUARE = 1e36
"""Of a vector's length: the square of a difference of two such stays clear of 3.4e38, where pgvector's
4-byte floats end and every distance is infinite."""

ROW_BYTES = 24 + 8 + 4
"""Tuple header, position with padding, line pointer."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is to copy: rows with a vector, rows without, and the one length of all vectors.

    ``zeros`` counts the rows whose vector has no direction and thus no cosine; 0 under other distances.
    """

    rows: int
    nulls: int
    zeros: int
    dimensions: int


@dataclass(frozen=True)
class Scratch:
    """The two tables of one run, and the type of the vectors in them."""

    run_id: int
    type: str
    dimensions: int

    @cached_property
    def rows(self) -> Table:
        """The rows to search: position, embedding."""
        return self._table(f"run_{self.run_id}")

    @cached_property
    def queries(self) -> Table:
        """The rows held out: position, embedding."""
        return self._table(f"run_{self.run_id}_query")

    def _table(self, name: str) -> Table:
        vector = VectorColumn(SCRATCH_SCHEMA, name, "embedding", self.type, self.dimensions, ())
        return Table(
            name,
            MetaData(),
            Column("position", Integer, nullable=False),
            Column("embedding", vector.sql_type, nullable=False),
            schema=SCRATCH_SCHEMA,
            prefixes=["UNLOGGED"],
            # A vacuum of its own accord would disturb the timing; we run one ourselves.
            postgresql_with={"autovacuum_enabled": "false"},
        )


def survey(connection: Connection, column: VectorColumn, distance: Distance) -> Survey:
    """Count what a copy would hold.

    Raises RequestError where there is nothing to copy, or the vectors differ in length or are too large.
    """
    source = column.as_table()
    vector = source.c[column.column]
    length = func.vector_dims(vector) if column.dimensions is None else literal(column.dimensions)
    zeros = func.count().filter(_is_zero(vector, distance))
    largest = func.max(-_minus_square(vector))
    counted = select(func.count(), func.count(vector), zeros, func.min(length), func.max(length), largest)
    rows, filled, zero, low, high, square = connection.execute(counted.select_from(source)).one()
    if not filled:
        raise RequestError(f"{column} holds no vectors.", "Load rows with vectors first.")
    if low != high:
        raise RequestError(
            f"{column} holds vectors of {low} to {high} dimensions.",
            "A benchmark needs vectors of one length.",
        )
    if square > LARGEST_SQUARE:
        raise RequestError(
            f"{column} holds vectors too large to measure: their distances may exceed a 4-byte float.",
            f"Scale the vectors down to lengths of {math.sqrt(LARGEST_SQUARE):.0e} or less.",
        )
    return Survey(filled - zero, rows - filled, zero, low)


def forecast_bytes(rows: int, dimensions: int, vector_type: str) -> int:
    """Forecast the size of a copy, without an index."""
    value = stored_bytes(vector_type, dimensions)
    if value <= TOAST_BYTES:
        return math.ceil(rows / (PAGE_BYTES // (ROW_BYTES + value))) * PAGE_BYTES
    chunks = math.ceil(value / TOAST_BYTES)
    return rows * (chunks * PAGE_BYTES // 4 + 2 * ROW_BYTES)


def fill(
    connection: Connection,
    column: VectorColumn,
    scratch: Scratch,
    distance: Distance,
    *,
    sample_rows: int | None,
    seed: int,
) -> int:
    """Create the tables in the caller's transaction, copy every row that has a distance, and count them.

    Positions count from 0 in the order of the key (without one: of storage; in a view: of the vectors),
    so that the same rows always get the same positions.  ``sample_rows`` of them are kept, chosen by a
    hash of position and seed.
    """
    connection.execute(CreateSchema(SCRATCH_SCHEMA, if_not_exists=True))
    drop(connection, scratch.run_id)
    connection.execute(CreateTable(scratch.rows))
    connection.execute(CreateTable(scratch.queries))
    source = column.as_table()
    vector = source.c[column.column]
    place = func.row_number().over(order_by=_order(connection, column, source))
    chosen = select(place.label("place"), vector.label("embedding"))
    chosen = chosen.where(vector.is_not(None), ~_is_zero(vector, distance))
    if sample_rows is not None:
        numbered = chosen.subquery()
        mixed = func.hashint8extended(numbered.c.place, seed)
        chosen = select(numbered).order_by(mixed, numbered.c.place).limit(sample_rows)
    kept = chosen.subquery()
    position = cast(func.row_number().over(order_by=kept.c.place) - 1, Integer)
    copy = select(position, cast(kept.c.embedding, scratch.rows.c.embedding.type))
    return connection.execute(insert(scratch.rows).from_select(["position", "embedding"], copy)).rowcount


def hold_out(connection: Connection, scratch: Scratch, positions: Sequence[int]) -> None:
    """Move the rows at ``positions`` to the table of queries, in the caller's transaction."""
    chosen = scratch.rows.c.position == func.any(list(positions))
    held = select(scratch.rows).where(chosen)
    connection.execute(insert(scratch.queries).from_select(["position", "embedding"], held))
    connection.execute(delete(scratch.rows).where(chosen))


def vacuum(connection: Connection, scratch: Scratch) -> None:
    """Forget the rows moved away, and tell the planner what is left; needs an autocommit connection."""
    connection.execute(_Vacuum(scratch.rows))


def is_filled(connection: Connection, scratch: Scratch) -> bool:
    """Tell whether both tables are there with rows: not after a crash of the server."""
    return all(
        inspect(connection).has_table(table.name, SCRATCH_SCHEMA)
        and connection.execute(select(select(table).exists())).scalar_one()
        for table in (scratch.rows, scratch.queries)
    )


_HAS_INDEX = text("""
SELECT EXISTS (
  SELECT FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = :schema AND c.relname = :name AND i.indisvalid AND i.indisready)
""")


def has_index(connection: Connection, name: str) -> bool:
    """Tell whether a scratch index is there, and whole."""
    return bool(connection.execute(_HAS_INDEX, {"schema": SCRATCH_SCHEMA, "name": name}).scalar_one())


def drop(connection: Connection, run_id: int) -> None:
    """Drop a run's tables, and with them their indexes."""
    scratch = Scratch(run_id, "vector", 1)
    for table in (scratch.rows, scratch.queries):
        connection.execute(DropTable(table, if_exists=True))


_LEFT_BEHIND = text("""
SELECT DISTINCT left_behind.run_id
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT substring(c.relname FROM '^run_([0-9]+)')::bigint AS run_id) AS left_behind
WHERE n.nspname = :schema AND c.relkind = 'r' AND left_behind.run_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM vectorscope.run r WHERE r.id = left_behind.run_id AND r.state = 'running')
ORDER BY 1
""")


def drop_left_behind(connection: Connection) -> tuple[int, ...]:
    """Drop the tables of runs that are over, and name those runs."""
    left_behind = tuple(connection.execute(_LEFT_BEHIND, {"schema": SCRATCH_SCHEMA}).scalars())
    for run_id in left_behind:
        drop(connection, run_id)
    return left_behind


def _is_zero(vector: ColumnElement[Any], distance: Distance) -> ColumnElement[bool]:
    """Tell, by pgvector's own arithmetic, whether a vector has no cosine to any other."""
    if distance is not Distance.COSINE:
        return literal_column("false")
    return _minus_square(vector) == literal_column("0")


def _minus_square(vector: ColumnElement[Any]) -> ColumnElement[float]:
    return vector.op("<#>", return_type=Float())(vector)


_KIND = text("""
SELECT c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = :table
""")


def _order(connection: Connection, column: VectorColumn, source: Table) -> list[ColumnElement[Any]]:
    if column.key:
        return [source.c[name] for name in column.key]
    named = {"schema": column.schema, "table": column.table}
    if connection.execute(_KIND, named).scalar_one() in {"r", "m", "p"}:
        return [literal_column("tableoid"), literal_column("ctid")]
    return [source.c[column.column]]


class _Vacuum(ExecutableDDLElement):
    def __init__(self, table: Table) -> None:
        self.table = table


@compiles(_Vacuum)
def _compile(element: _Vacuum, compiler: DDLCompiler, **_: Any) -> str:
    return "VACUUM (ANALYZE) " + compiler.preparer.format_table(element.table)
