"""What inserting a row costs with an index in place: time on the copy, WAL on a small logged table.

A copy is UNLOGGED and writes no WAL, which a real table does; the bytes are therefore counted on some of
its rows in a table that is logged, with the same index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg2 import sql
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Insert,
    MetaData,
    Select,
    Table,
    func,
    insert,
    literal,
    select,
    true,
)
from sqlalchemy.schema import CreateIndex, CreateTable

from db.distance import Distance
from db.engine import driver_cursor
from db.forms import IndexSpec
from db.schema import SCRATCH_SCHEMA
from db.scratch import Scratch

LOGGED_ROWS = 5_000
"""Rows of the logged table: enough for an index with lists or layers, built within a second."""


_EXPLAIN = sql.SQL("EXPLAIN (ANALYZE, WAL, TIMING OFF, FORMAT JSON) {}")


@dataclass(frozen=True, slots=True)
class InsertCost:
    """What one of ``rows`` inserted rows took, on average; ``wal_bytes`` on a table of ``logged_rows``."""

    rows: int
    row_ms: float
    wal_bytes: float
    logged_rows: int


def insert_cost(
    connection: Connection, scratch: Scratch, spec: IndexSpec | None, distance: Distance, rows: int
) -> InsertCost:
    """Insert ``rows`` of the queries' vectors into the copy as it is, and take them back.

    ``spec`` is the index that is on the copy now, None where there is none.  Runs in transactions of its
    own, which are rolled back.
    """
    queries = scratch.queries
    count = select(func.count()).select_from(queries)
    with connection.begin():
        held = connection.execute(count).scalar_one()
        repeats = select(func.generate_series(1, -(-rows // held)).label("turn")).subquery()
    marks = [literal(False).label(c.name) for c in scratch.rows.columns if c.name.startswith("subset_")]
    position = literal(2_000_000_000) + func.row_number().over()
    added = select(position, queries.c.embedding, *marks).select_from(queries).join(repeats, true())
    added = added.limit(rows)
    transaction = connection.begin()
    try:
        taken = explained_insert(connection, insert(scratch.rows).from_select(scratch.rows.c.keys(), added))
    finally:
        transaction.rollback()
    logged = _logged(connection, scratch, spec, distance, added)
    return InsertCost(rows, taken["Execution Time"] / rows, logged[0] / rows, logged[1])


def _logged(
    connection: Connection,
    scratch: Scratch,
    spec: IndexSpec | None,
    distance: Distance,
    added: Select[Any],
) -> tuple[float, int]:
    """Count the WAL of the same insert into a logged table of a few rows."""
    table = Table(
        f"run_{scratch.run_id}_logged",
        MetaData(),
        *(Column(c.name, c.type, nullable=False) for c in scratch.rows.columns),
        schema=SCRATCH_SCHEMA,
    )
    transaction = connection.begin()
    try:
        connection.execute(CreateTable(table))
        some = select(scratch.rows).limit(LOGGED_ROWS)
        filled = connection.execute(insert(table).from_select(table.c.keys(), some)).rowcount
        if spec:
            connection.execute(CreateIndex(_on(spec, table, scratch, distance)))
        told = explained_insert(connection, insert(table).from_select(table.c.keys(), added))
    finally:
        transaction.rollback()
    return float(told["Plan"]["WAL Bytes"]), filled


def _on(spec: IndexSpec, table: Table, scratch: Scratch, distance: Distance) -> Index:
    name = f"{table.name}_index"
    return spec.on(table, "embedding", scratch.type, scratch.dimensions, distance, name=name)


def explained_insert(connection: Connection, statement: Insert) -> dict[str, Any]:
    """Run an INSERT under EXPLAIN, and read its answer: "Execution Time" in ms, the "Plan" with its WAL."""
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    with driver_cursor(connection, "EXPLAIN INSERT") as cursor:
        cursor.execute(_EXPLAIN.format(sql.SQL(str(compiled) % ())))
        return dict(cursor.fetchone()[0][0])
