"""Scratch copies: a column's vectors in tables of our own, which a run may index and drop.

``run_<id>`` holds the rows to search, ``run_<id>_query`` the rows held out as queries.  Both are
UNLOGGED: they cost no WAL, and a crash of the server empties them, so ask ``is_filled`` before use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ExecutableDDLElement,
    Integer,
    MetaData,
    Table,
    and_,
    cast,
    delete,
    false,
    func,
    insert,
    inspect,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateSchema, CreateTable, DropTable
from sqlalchemy.sql.compiler import DDLCompiler

from db.columns import VectorColumn
from db.distance import Distance
from db.filters import Filter
from db.schema import SCRATCH_SCHEMA
from db.survey import is_zero

OF_ROW = "of_row"

_BUCKETS = 2**20
"""Into which rows are hashed, to choose a share of them."""


class Marked(Protocol):
    """A subset of a column's rows: a share chosen at random, or all that meet every one of ``filters``."""

    @property
    def share(self) -> float | None:
        """Between 0 and 1; None where ``filters`` choose."""
        ...

    @property
    def filters(self) -> tuple[Filter, ...]:
        """Conditions on the columns beside the vector."""
        ...


@dataclass(frozen=True)
class Scratch:
    """The two tables of one run, the type of the vectors in them, and how many subsets they are marked by."""

    run_id: int
    type: str
    dimensions: int
    subsets: int = 0

    @cached_property
    def rows(self) -> Table:
        """The rows to search: position, embedding, and ``subset_0`` ... whether each subset has the row."""
        return self._table(f"run_{self.run_id}", [f"subset_{i}" for i in range(self.subsets)])

    @cached_property
    def queries(self) -> Table:
        """What is searched for: position, embedding, and whether it is the very vector of a row."""
        return self._table(f"run_{self.run_id}_query", [OF_ROW])

    def _table(self, name: str, marks: Sequence[str] = ()) -> Table:
        vector = VectorColumn(SCRATCH_SCHEMA, name, "embedding", self.type, self.dimensions, ())
        return Table(
            name,
            MetaData(),
            Column("position", Integer, nullable=False),
            Column("embedding", vector.sql_type, nullable=False),
            *(Column(mark, Boolean, nullable=False) for mark in marks),
            schema=SCRATCH_SCHEMA,
            prefixes=["UNLOGGED"],
            # A vacuum of its own accord would disturb the timing; we run one ourselves.
            postgresql_with={"autovacuum_enabled": "false"},
        )


def fill(
    connection: Connection,
    column: VectorColumn,
    scratch: Scratch,
    distance: Distance,
    *,
    sample_rows: int | None,
    seed: int,
    subsets: Sequence[Marked] = (),
) -> int:
    """Create the tables in the caller's transaction, copy every row that has a distance, and count them.

    Positions count from 0 in the order of the key (without one: of storage; in a view: of the vectors),
    so that the same rows always get the same positions.  ``sample_rows`` of them are kept, chosen by a
    hash of position and seed.  ``subsets`` mark rows, in the order of the scratch table's columns.
    """
    connection.execute(CreateSchema(SCRATCH_SCHEMA, if_not_exists=True))
    drop(connection, scratch.run_id)
    connection.execute(CreateTable(scratch.rows))
    connection.execute(CreateTable(scratch.queries))
    named = dict.fromkeys(f.column for subset in subsets for f in subset.filters)
    source = column.as_table(*named)
    vector = source.c[column.column]
    place = func.row_number().over(order_by=row_order(connection, column, source))
    marks = [_mark(subset, place, source, seed + i).label(f"subset_{i}") for i, subset in enumerate(subsets)]
    chosen = select(place.label("place"), vector.label("embedding"), *marks)
    chosen = chosen.where(vector.is_not(None), ~is_zero(vector, distance))
    if sample_rows is not None:
        numbered = chosen.subquery()
        mixed = func.hashint8extended(numbered.c.place, seed)
        chosen = select(numbered).order_by(mixed, numbered.c.place).limit(sample_rows)
    kept = chosen.subquery()
    position = cast(func.row_number().over(order_by=kept.c.place) - 1, Integer)
    marked = [kept.c[mark.name] for mark in marks]
    copy = select(position, cast(kept.c.embedding, scratch.rows.c.embedding.type), *marked)
    return connection.execute(insert(scratch.rows).from_select(scratch.rows.c.keys(), copy)).rowcount


def positions_in(connection: Connection, scratch: Scratch, subset: int) -> list[int]:
    """List the positions of the rows that a subset has, in order."""
    rows = scratch.rows
    held = select(rows.c.position).where(rows.c[f"subset_{subset}"]).order_by(rows.c.position)
    return list(connection.execute(held).scalars())


def _mark(subset: Marked, place: ColumnElement[int], source: Table, seed: int) -> ColumnElement[bool]:
    """Say whether a row belongs to a subset: by its conditions, or by a hash of its place."""
    if subset.share is None:
        columns = dict(source.c.items())
        return func.coalesce(and_(true(), *(f.clause(columns) for f in subset.filters)), false())
    mixed = func.hashint8extended(place, seed).op("&")(_BUCKETS - 1)
    return mixed < round(subset.share * _BUCKETS)


def hold_out(connection: Connection, scratch: Scratch, positions: Sequence[int]) -> None:
    """Move the rows at ``positions`` to the table of queries, in the caller's transaction."""
    chosen = scratch.rows.c.position == func.any(list(positions))
    held = select(scratch.rows.c.position, scratch.rows.c.embedding, true()).where(chosen)
    connection.execute(insert(scratch.queries).from_select(scratch.queries.c.keys(), held))
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


_KIND = text("""
SELECT c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = :table
""")


def row_order(connection: Connection, column: VectorColumn, source: Table) -> list[ColumnElement[Any]]:
    """Choose what puts a column's rows into an order that lasts: the key, the storage, else the vectors."""
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
